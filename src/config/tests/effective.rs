use std::path::Path;

use super::LEAST;
use crate::config::{Effective, Origin, load_text};

fn effective(text: &str, env: &[(&str, &str)]) -> Effective {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load_text(text, Path::new("x.toml"), env).unwrap().effective()
}

const FULL: &str = r#"
name = "crm"

[kafka]
bootstrap_servers = "broker:9092"
group_id = "sink"
properties."sasl.password" = "hunter2"

[salesforce]
login_url = "https://myorg.my.salesforce.com"
auth = { flow = "client_credentials", client_id = { env = "CARGO_PKG_NAME" }, client_secret = "hunter3" }

[[routes]]
topic = "t"
sobject = "Contact"
fields.rename = { "full-name" = "Name" }
"#;

#[test]
fn every_key_names_what_has_set_it() {
    let effective = effective(FULL, &[("SOBJECTD__PIPELINE__BATCH_ROWS", "7")]);
    let find =
        |key: &str| effective.settings.iter().find(|setting| setting.key == key).unwrap_or_else(|| panic!("{key}"));
    let file = |line| Origin::File { path: "x.toml".into(), line };
    for (key, value, origin) in [
        ("name", "\"crm\"", file(2)),
        ("drain_timeout", "\"3m\"", Origin::Default),
        ("kafka.properties.\"sasl.password\"", "\"***\"", file(7)),
        ("salesforce.auth.flow", "\"client_credentials\"", file(11)),
        ("salesforce.auth.client_id", "{ env = \"CARGO_PKG_NAME\" }", file(11)),
        ("salesforce.auth.client_secret", "\"***\"", file(11)),
        ("pipeline.batch_rows", "7", Origin::Environment { variable: "SOBJECTD__PIPELINE__BATCH_ROWS".to_owned() }),
        ("pipeline.batch_bytes", "\"1MiB\"", Origin::Default),
        ("routes[0].topic", "\"t\"", file(14)),
        ("routes[0].fields.rename.full-name", "\"Name\"", file(16)),
        ("routes[0].operation_aliases.c", "\"insert\"", Origin::Default),
    ] {
        let setting = find(key);
        assert_eq!((setting.value.to_string().as_str(), &setting.origin), (value, &origin), "{key}");
    }
    let text = format!("{effective} {effective:?}");
    assert!(!text.contains("hunter"), "{text}");
}

#[test]
fn the_text_of_an_effective_configuration_loads_to_the_same_values() {
    for text in [LEAST.to_owned(), FULL.to_owned()] {
        let first = effective(&text, &[]);
        let again = effective(&first.to_string(), &[]);
        let values = |effective: &Effective| -> Vec<_> {
            effective.settings.iter().map(|setting| (setting.key.clone(), setting.value.clone())).collect()
        };
        assert_eq!(values(&first), values(&again));
    }
}
