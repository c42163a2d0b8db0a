use std::{path::Path, time::Duration};

use super::{LEAST, try_load};
use crate::config::{
    Config,
    load::load_text,
    schema::{Key, Kind, ROOT},
};

const WHOLE: &str = include_str!("../../../config/sobjectd.toml");
const DEV: &str = include_str!("../../../config/dev.toml");
const REFERENCE: &str = include_str!("../../../docs/configuration.md");

/// Its secrets come from an environment that a test does not have.
fn whole() -> Config {
    let text =
        WHOLE.replace(r#"{ env = "SF_CLIENT_ID" }"#, r#""id""#).replace(r#"{ env = "SF_CLIENT_SECRET" }"#, r#""s""#);
    load_text(&text, Path::new("config/sobjectd.toml"), []).unwrap()
}

#[test]
fn the_shipped_files_load() {
    assert_eq!(whole().routes.len(), 1);
    assert_eq!(load_text(DEV, Path::new("config/dev.toml"), []).unwrap().routes.len(), 2);
}

#[test]
fn the_whole_file_says_the_defaults() {
    let (whole, least) = (whole(), try_load(LEAST, &[]).unwrap());
    // All but what has no default, and the route's own words.
    assert_eq!(format!("{:?}", whole.schema_registry), format!("{:?}", least.schema_registry));
    assert_eq!(format!("{:?}", whole.pipeline), format!("{:?}", least.pipeline));
    assert_eq!(format!("{:?}", whole.retry), format!("{:?}", least.retry));
    assert_eq!(format!("{:?}", whole.cache), format!("{:?}", least.cache));
    assert_eq!(format!("{:?}", whole.dead_letter), format!("{:?}", least.dead_letter));
    assert_eq!(format!("{:?}", whole.log), format!("{:?}", least.log));
    assert_eq!(format!("{:?}", whole.admin), format!("{:?}", least.admin));
    let rest = |config: &Config| {
        let (kafka, salesforce, route) = (&config.kafka, &config.salesforce, &config.routes[0]);
        format!(
            "{:?}",
            (
                (&config.name, config.validate_on_start, config.startup_timeout, config.drain_timeout),
                (kafka.start, kafka.commit_interval, kafka.session_timeout, kafka.max_poll_interval),
                (&salesforce.api_version, salesforce.session_lifetime, salesforce.renew_before),
                (salesforce.login_interval, salesforce.connect_timeout, salesforce.request_timeout),
                (salesforce.unknown_hold, salesforce.max_concurrent_requests, salesforce.allow_insecure),
                &salesforce.quota,
                (route.operation, &route.operation_aliases, route.tombstone, &route.identity, route.nulls),
                (&route.fields, &route.key, &route.value),
            )
        )
    };
    assert_eq!(rest(&whole), rest(&least));
}

#[test]
fn every_key_stands_in_the_whole_file_and_in_the_reference() {
    fn names(keys: &'static [Key], into: &mut Vec<&'static str>) {
        for key in keys {
            into.push(key.name);
            kinds(&key.kind, into);
        }
    }
    fn kinds(kind: &Kind, into: &mut Vec<&'static str>) {
        match kind {
            Kind::Table(keys) => names(keys, into),
            Kind::List(kind) => kinds(kind, into),
            Kind::Tagged { tag, variants } => {
                into.push(tag);
                variants.iter().for_each(|(_, keys)| names(keys, into));
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    names(ROOT, &mut all);
    assert!(all.len() > 60, "{all:?}");
    for name in all {
        let word = |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name);
        assert!(word(WHOLE), "{name} is not in config/sobjectd.toml");
        assert!(word(REFERENCE), "{name} is not in docs/configuration.md");
    }
}

#[test]
fn the_environment_wins() {
    let config = try_load(
        LEAST,
        &[
            ("SOBJECTD__NAME", "crm"),
            ("SOBJECTD__DRAIN_TIMEOUT", "90s"),
            ("SOBJECTD__KAFKA__GROUP_ID", "other"),
            ("SOBJECTD__SALESFORCE__API_VERSION", "62.0"),
            ("SOBJECTD__SALESFORCE__ALLOW_INSECURE", "true"),
            ("SOBJECTD__SALESFORCE__QUOTA__RESERVE", "25"),
            ("SOBJECTD__PIPELINE__BATCH_BYTES", "2MiB"),
            ("SOBJECTD__DEAD_LETTER__TOPIC", "dlq"),
            ("SOBJECTD__ADMIN__LISTEN", ""),
            ("SOBJECTD_CONFIG", "is not a key"),
            ("HOME", "neither"),
        ],
    )
    .unwrap();
    assert_eq!((config.name.as_str(), config.kafka.group_id.as_str()), ("crm", "other"));
    assert_eq!(config.drain_timeout, Duration::from_secs(90));
    assert_eq!((config.salesforce.api_version.as_str(), config.salesforce.quota.reserve), ("62.0", 25));
    assert!(config.salesforce.allow_insecure);
    assert_eq!(config.pipeline.batch_bytes, 2 * 1024 * 1024);
    assert_eq!(config.dead_letter.topic.as_deref(), Some("dlq"));
    assert_eq!(config.admin.listen, None);
}

#[test]
fn the_least_values_are_legal() {
    let text = format!("[pipeline]\nmax_in_flight_rows = 1\nlinger = \"0s\"\n[retry]\nrow_timeout = \"0s\"\n{LEAST}");
    let config = try_load(&text, &[]).unwrap();
    assert_eq!((config.pipeline.max_in_flight_rows, config.pipeline.linger), (1, Duration::ZERO));
}
