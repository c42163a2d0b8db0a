//! A configuration file in the making.

use std::{collections::BTreeMap, path::PathBuf};

/// Dotted keys and their values, as TOML writes them, and the routes.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    values: BTreeMap<String, String>,
    routes: Vec<BTreeMap<String, String>>,
}

impl Config {
    /// Quick in all that takes time: joins, commits, repeats. No route yet.
    pub(crate) fn new(bootstrap: &str, login_url: &str, group: &str) -> Self {
        let mut config = Self { values: BTreeMap::new(), routes: Vec::new() };
        for (key, value) in [
            ("name", "'suite'"),
            ("kafka.bootstrap_servers", &format!("'{bootstrap}'")),
            ("kafka.group_id", &format!("'{group}'")),
            ("kafka.session_timeout", "'3s'"),
            ("kafka.commit_interval", "'200ms'"),
            (r#"kafka.properties."heartbeat.interval.ms""#, "'300'"),
            ("salesforce.login_url", &format!("'{login_url}'")),
            ("salesforce.auth.flow", "'client_credentials'"),
            ("salesforce.auth.client_id", &format!("'{}'", sandbox::CLIENT_ID)),
            ("salesforce.auth.client_secret", &format!("'{}'", sandbox::CLIENT_SECRET)),
            ("salesforce.login_interval", "'100ms'"),
            ("salesforce.request_timeout", "'1s'"),
            ("salesforce.query_timeout", "'1s'"),
            ("salesforce.login_timeout", "'1s'"),
            ("salesforce.unknown_hold", "'1s'"),
            ("retry.initial_backoff", "'50ms'"),
            ("retry.max_backoff", "'200ms'"),
            ("pipeline.linger", "'10ms'"),
            ("log.format", "'json'"),
            ("admin.listen", "'127.0.0.1:0'"),
        ] {
            config.set(key, value);
        }
        config
    }

    /// `value` is TOML: `'1s'`, `true`, `[1, 2]`.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> &mut Self {
        self.values.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn unset(&mut self, key: &str) -> &mut Self {
        self.values.remove(key);
        self
    }

    /// Adds a route of these keys and TOML values.
    pub(crate) fn route(&mut self, keys: &[(&str, &str)]) -> &mut Self {
        self.routes.push(keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
        self
    }

    /// A key of the first route.
    pub(crate) fn in_route(&mut self, key: &str, value: &str) -> &mut Self {
        self.routes[0].insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn not_in_route(&mut self, key: &str) -> &mut Self {
        self.routes[0].remove(key);
        self
    }

    pub(crate) fn clear_routes(&mut self) -> &mut Self {
        self.routes.clear();
        self
    }

    pub(crate) fn toml(&self) -> String {
        let lines = |table: &BTreeMap<String, String>| {
            table.iter().map(|(key, value)| format!("{key} = {value}\n")).collect::<String>()
        };
        let routes = self.routes.iter().map(|route| format!("\n[[routes]]\n{}", lines(route)));
        lines(&self.values) + &routes.collect::<String>()
    }
}

/// A configuration's text as a file. It lives as long as the folder.
pub(crate) fn config_file(toml: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sobjectd.toml");
    std::fs::write(&file, toml).unwrap();
    (dir, file)
}
