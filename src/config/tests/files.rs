use std::path::Path;

use super::try_load;
use crate::config::{
    Config,
    load::load_text,
    schema::{Key, Kind, ROOT},
};

const WHOLE: &str = include_str!("../../../config/sobjectd.toml");
const DEV: &str = include_str!("../../../config/dev.toml");

/// The keys of the whole file whose values are not defaults.
const OWN: &str = r#"
[kafka]
bootstrap_servers = "broker:9092"
group_id = "sobjectd"

[salesforce]
login_url = "https://myorg.my.salesforce.com"
auth = { flow = "client_credentials", client_id = "id", client_secret = "secret" }

[[routes]]
topic = "crm.contacts"
sobject = "Contact"
external_id_field = "ExternalId__c"
operation_header = "operation"
"#;

/// Loads `config/sobjectd.toml`. A test does not have the variables of its secrets, so that others set the keys.
fn whole() -> Config {
    let env = [("CLIENT_ID", "id"), ("CLIENT_SECRET", "secret")]
        .map(|(key, value)| (format!("SOBJECTD__SALESFORCE__AUTH__{key}"), value.to_owned()));
    load_text(WHOLE, Path::new("config/sobjectd.toml"), env).unwrap().config
}

#[test]
fn the_shipped_files_load() {
    assert_eq!(whole().routes.len(), 1);
    assert_eq!(load_text(DEV, Path::new("config/dev.toml"), []).unwrap().config.routes.len(), 2);
}

#[test]
fn the_whole_file_has_the_defaults() {
    assert_eq!(format!("{:#?}", whole()), format!("{:#?}", try_load(OWN, &[]).unwrap()));
}

#[test]
fn the_whole_file_without_its_secrets_reports_both() {
    let problems = load_text(WHOLE, Path::new("config/sobjectd.toml"), []).unwrap_err().to_string();
    assert_eq!(problems.matches("environment variable SF_CLIENT_").count(), 2, "{problems}");
}

/// Collects the paths of all keys that are not tables, such as `routes.value.format`.
fn leaves(parent: &str, keys: &[Key], into: &mut Vec<String>) {
    for key in keys {
        let path = format!("{parent}{}", key.name);
        match key.kind {
            Kind::Table(keys) | Kind::List(&Kind::Table(keys)) => leaves(&format!("{path}."), keys, into),
            Kind::Tagged { tag, variants } => {
                into.push(format!("{path}.{tag}"));
                for (_, keys) in variants {
                    leaves(&format!("{path}."), keys, into);
                }
            }
            _ => into.push(path),
        }
    }
}

fn all_leaves() -> Vec<String> {
    let mut all = Vec::new();
    leaves("", ROOT, &mut all);
    assert!(all.len() > 60, "{all:?}");
    all
}

#[test]
fn the_whole_file_has_every_key() {
    fn paths(parent: &str, table: &toml::Table, into: &mut Vec<String>) {
        for (name, value) in table {
            let path = format!("{parent}{name}");
            if let toml::Value::Table(table) = value {
                paths(&format!("{path}."), table, into);
            }
            into.push(path);
        }
    }
    let mut written = vec!["kafka.properties".to_owned()];
    let mut section = String::new();
    for line in WHOLE.lines() {
        if let Some(header) = line.strip_prefix('[') {
            let name = header.trim_start_matches('[').split(']').next().unwrap();
            section = format!("{name}.");
        } else if let Ok(table) = line.trim_start_matches("# ").parse::<toml::Table>() {
            paths(&section, &table, &mut written);
        }
    }
    for path in all_leaves() {
        assert!(written.contains(&path), "{path} is not in config/sobjectd.toml");
    }
}
