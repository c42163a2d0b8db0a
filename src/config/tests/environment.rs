use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::Path, time::Duration};

use super::{LEAST, report, try_load, with};
use crate::config::{Config, LogFormat, OnRejection, Start, load::load_text, variables};

#[test]
fn the_environment_sets_each_kind_of_value() {
    type Getter = fn(&Config) -> String;
    let table: &[(&str, &str, Getter, &str)] = &[
        ("NAME", "crm", |c| c.name.clone(), "crm"),
        ("DRAIN_TIMEOUT", "2m 50s", |c| c.drain_timeout.as_secs().to_string(), "170"),
        ("VALIDATE_ON_START", "false", |c| c.validate_on_start.to_string(), "false"),
        ("KAFKA__GROUP_ID", "other", |c| c.kafka.group_id.clone(), "other"),
        ("KAFKA__GROUP_INSTANCE_ID", "a-0", |c| format!("{:?}", c.kafka.group_instance_id), "Some(\"a-0\")"),
        ("KAFKA__GROUP_INSTANCE_ID", "", |c| format!("{:?}", c.kafka.group_instance_id), "None"),
        ("KAFKA__START", "latest", |c| (c.kafka.start == Start::Latest).to_string(), "true"),
        ("SALESFORCE__API_VERSION", "62.0", |c| c.salesforce.api_version.clone(), "62.0"),
        ("SALESFORCE__ALLOW_INSECURE", "true", |c| c.salesforce.allow_insecure.to_string(), "true"),
        ("SALESFORCE__LOGIN_URL", "https://x.example", |c| c.salesforce.login_url.to_string(), "https://x.example/"),
        ("SALESFORCE__QUOTA__RESERVE", "25", |c| c.salesforce.quota.reserve.to_string(), "25"),
        ("SALESFORCE__QUOTA__PROBE_INTERVAL", "5m", |c| c.salesforce.quota.probe_interval.as_secs().to_string(), "300"),
        ("PIPELINE__BATCH_ROWS", "7", |c| c.pipeline.batch_rows.to_string(), "7"),
        ("PIPELINE__BATCH_BYTES", "2MiB", |c| c.pipeline.batch_bytes.to_string(), "2097152"),
        ("PIPELINE__BATCH_BYTES", "4096", |c| c.pipeline.batch_bytes.to_string(), "4096"),
        ("DEAD_LETTER__TOPIC", "dlq", |c| format!("{:?}", c.dead_letter.topic), "Some(\"dlq\")"),
        ("DEAD_LETTER__REPLICATION_FACTOR", "-1", |c| c.dead_letter.replication_factor.to_string(), "-1"),
        (
            "DEAD_LETTER__ON_REJECTION",
            "skip",
            |c| (c.dead_letter.on_rejection == OnRejection::Skip).to_string(),
            "true",
        ),
        ("LOG__FORMAT", "json", |c| (c.log.format == LogFormat::Json).to_string(), "true"),
        ("ADMIN__LISTEN", "", |c| format!("{:?}", c.admin.listen), "None"),
        ("ADMIN__LISTEN", "[::]:1", |c| format!("{:?}", c.admin.listen), "Some([::]:1)"),
    ];
    for (key, value, getter, expected) in table {
        let config = try_load(LEAST, &[(&format!("SOBJECTD__{key}"), value)]).unwrap();
        assert_eq!(getter(&config), *expected, "{key}={value}");
    }
}

#[test]
fn the_environment_overrides_single_keys_of_a_section() {
    let text = with("salesforce.quota", "reserve = 5\nprobe_interval = \"2m\"");
    let quota = try_load(&text, &[("SOBJECTD__SALESFORCE__QUOTA__RESERVE", "6")]).unwrap().salesforce.quota;
    assert_eq!((quota.reserve, quota.probe_interval), (6, Duration::from_secs(120)));
}

#[test]
fn variables_without_the_prefix_are_ignored() {
    let others = [("SOBJECTD_CONFIG", "x"), ("SOBJECTD", "x"), ("SOBJECTD_NAME", "x"), ("HOME", "x")];
    assert_eq!(try_load(LEAST, &others).unwrap().name, "sobjectd");
}

#[test]
fn a_variable_that_cannot_be_used_is_named() {
    for (variable, value, expected) in [
        ("NMAE", "x", ": nmae: unknown key; did you mean \"name\"?"),
        ("KAFKA__GRUP_ID", "x", ": kafka.grup_id: unknown key; did you mean \"group_id\"?"),
        ("KAFKA__PROPERTIEZ", "x", ": kafka.propertiez: unknown key"),
        ("SALESFORCE__QUOTA__RESERV", "1", ": salesforce.quota.reserv: unknown key; did you mean \"reserve\"?"),
        ("ZYGOTE__X", "x", ": zygote: unknown key; known are \"name\","),
        ("ROUTES__0__TOPIC", "x", ": routes.0.topic: cannot be set by the environment; write it in the file"),
        ("KAFKA__PROPERTIES__A", "x", ": kafka.properties.a: cannot be set by the environment; write it in the file"),
        ("DRAIN_TIMEOUT", "soon", ": drain_timeout: \"soon\" is not a duration"),
        ("DRAIN_TIMEOUT", "60", ": drain_timeout: \"60\" is not a duration"),
        ("VALIDATE_ON_START", "yes", ": validate_on_start: expected true or false"),
        ("PIPELINE__BATCH_ROWS", "500", ": pipeline.batch_rows: must be at most 200, is 500"),
        ("PIPELINE__BATCH_ROWS", "1.5", ": pipeline.batch_rows: expected a whole number"),
        ("PIPELINE__BATCH_BYTES", "much", ": pipeline.batch_bytes: \"much\" is not a size"),
        ("DRAIN_TIMEOUT", "1s", ": drain_timeout: 1s is shorter than"),
        ("NAME", "", ": name: must not be empty"),
        ("NAME__X", "x", ": name: expected a text, found a table"),
        ("KAFKA", "x", ": kafka: expected a table, found a text"),
        ("SALESFORCE__AUTH__CLIENT_SECRET__X", "x", ": salesforce.auth.client_secret: expected a text, { env"),
        ("", "x", ": names no key; such as SOBJECTD__KAFKA__GROUP_ID"),
        ("KAFKA__", "x", ": names no key"),
        ("__KAFKA", "x", ": names no key"),
        ("KAFKA.GROUP_ID", "x", ": names no key"),
        ("KAFKA[0]", "x", ": names no key"),
    ] {
        let variable = format!("SOBJECTD__{variable}");
        let report = report(LEAST, &[(&variable, value)]);
        assert!(report.starts_with(&format!("environment {variable}{expected}")), "{variable}={value}\n{report}");
        assert_eq!(report.lines().count(), 1, "{report}");
    }
}

#[test]
fn two_variables_that_set_the_same_key_are_refused() {
    let twins = report(LEAST, &[("sobjectd__name", "a"), ("SOBJECTD__NAME", "b")]);
    assert_eq!(twins, "environment SOBJECTD__NAME: name: is also set by sobjectd__name");
    let nested = report(LEAST, &[("SOBJECTD__RETRY", "x"), ("SOBJECTD__RETRY__MAX_ATTEMPTS", "3")]);
    assert!(
        nested.contains("environment SOBJECTD__RETRY: retry: is a table: SOBJECTD__RETRY__MAX_ATTEMPTS"),
        "{nested}"
    );
}

#[test]
fn a_variable_that_is_not_utf8_is_refused_only_if_it_has_the_prefix() {
    let load = |name: &[u8], value: &[u8]| {
        let env = [(OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec()))];
        load_text(LEAST, Path::new("x.toml"), variables(env))
    };
    assert!(load(b"UNRELATED", b"\xff\xfe").is_ok() && load(b"\xff", b"x").is_ok());
    let report = load(b"SOBJECTD__NAME", b"\xff\xfe").unwrap_err().to_string();
    assert_eq!(report, "environment SOBJECTD__NAME: name: is not UTF-8");
    let report = load(b"SOBJECTD__N\xff", b"x").unwrap_err().to_string();
    assert!(report.contains("names no key"), "{report}");
}
