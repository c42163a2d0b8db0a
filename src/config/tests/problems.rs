use super::{LEAST, try_load, with};

/// The report of a text that is refused.
fn report(text: &str, env: &[(&str, &str)]) -> String {
    try_load(text, env).expect_err("refused").to_string()
}

#[test]
fn each_mistake_is_named_with_its_key_and_what_to_do() {
    for (section, line, expected) in [
        ("", "nmae = \"x\"", "nmae: unknown key; did you mean \"name\"?"),
        ("kafka", "grup_id = \"x\"", "kafka.grup_id: unknown key; did you mean \"group_id\"?"),
        ("routes", "sobjct = \"x\"", "routes[0].sobjct: unknown key; did you mean \"sobject\"?"),
        ("salesforce.quota", "reserv = 1", "salesforce.quota.reserv: unknown key; did you mean \"reserve\"?"),
        ("", "drain_timeout = \"soon\"", "drain_timeout: \"soon\" is not a duration"),
        ("", "drain_timeout = 5", "drain_timeout:"),
        ("salesforce", "request_timeout = \"18446744073709551615s\"", "salesforce.request_timeout:"),
        ("pipeline", "batch_bytes = \"1 elephant\"", "pipeline.batch_bytes:"),
        ("pipeline", "batch_rows = 201", "pipeline.batch_rows:"),
        ("pipeline", "batch_rows = 0", "pipeline.batch_rows: must be at least 1"),
        ("pipeline", "max_in_flight_rows = 2000000", "pipeline.max_in_flight_rows: must be at most 1000000"),
        ("cache", "ttl = \"2000years\"", "cache.ttl: must be at most"),
        ("pipeline", "max_row_bytes = \"33MiB\"", "pipeline.max_row_bytes: must be at most 32 MiB"),
        ("pipeline", "insert_unknown = \"maybe\"", "pipeline.insert_unknown:"),
        ("", "validate_on_start = \"perhaps\"", "validate_on_start:"),
        ("", "drain_timeout = \"39s\"", "at least \"40s\""),
        ("", "drain_timeout = \"5m\"", "kafka.max_poll_interval: 5m is not longer than drain_timeout"),
        ("salesforce", "request_timeout = \"55s\"", "drain_timeout: 1m is shorter than"),
        ("salesforce", "unknown_hold = \"10m\"", "drain_timeout: 1m is shorter than"),
        ("salesforce", "renew_before = \"2h\"", "salesforce.renew_before: 2h is not shorter than"),
        ("salesforce", "api_version = \"30.0\"", "salesforce.api_version:"),
        ("salesforce", "api_version = \"v66\"", "salesforce.api_version:"),
        ("salesforce.quota", "reserve = 100", "salesforce.quota.reserve:"),
        ("retry", "max_backoff = \"10ms\"", "retry.max_backoff:"),
        ("dead_letter", "partitions = 0", "dead_letter.partitions:"),
        ("dead_letter", "topic = \"t\"", "routes[0].topic: \"t\" is also dead_letter.topic"),
        ("log", "level = \"info,a=b=c\"", "log.level:"),
        ("admin", "listen = \"somewhere\"", "admin.listen:"),
        ("routes", "operation = \"upsert\"", "routes[0].operation: \"upsert\" needs an external_id_field"),
        ("routes", "operation = \"merge\"", "routes[0].operation:"),
        ("routes", "external_id_field = \"id\"", "routes[0].external_id_field:"),
        ("routes", "external_id_field = \"No Field\"", "routes[0].external_id_field:"),
        ("routes", "identity = \"values.x\"", "routes[0].identity:"),
        ("routes", "operation_aliases = { x = \"merge\" }", "routes[0].operation_aliases.x:"),
        ("routes", "value.format = \"xml\"", "routes[0].value.format:"),
        ("routes", "value.format = \"avro\"", "schema_registry.url: missing, and a format of routes[0]"),
        ("routes", "key.field = \"id\"", "routes[0].key.field: names a member, and a key of this format has none"),
        (
            "routes",
            "fields.rename = { a = \"No Field\" }",
            "routes[0].fields.rename.a: \"No Field\" is not an API name",
        ),
        ("routes", "fields.rename = { a = \"A.B.C\" }", "routes[0].fields.rename.a: \"B.C\" is not an API name"),
        ("routes", "fields.constant = { A = 1.5 }", "routes[0].fields.constant.A: expected a text, a whole number"),
        ("routes", "fields.constant = { ID = \"x\" }", "routes[0].fields.constant.ID: ID names the record"),
        ("routes", "fields.constant = { A = 1 }\nfields.offset = \"a\"", "routes[0].fields.offset: a is set by"),
        ("routes", "fields.topic = \"a-b\"", "routes[0].fields.topic: \"a-b\" is not an API name"),
        ("schema_registry", "url = \"http://a:8081, ftp://b\"", "schema_registry.url: is not an http or https URL"),
        ("schema_registry", "url = \"nothing\"", "schema_registry.url: not a URL"),
        ("schema_registry", "url = \"https://u:p@a\"", "schema_registry.url: holds a user or password"),
        ("schema_registry", "username = \"u\"", "schema_registry.password: missing"),
        ("schema_registry", "password = \"p\"", "schema_registry.username: missing"),
        (
            "schema_registry",
            "url = \"http://a:8081\"\ntoken = \"t\"",
            "schema_registry.url: credentials do not go over plain http",
        ),
        ("schema_registry", "request_timeout = \"0s\"", "schema_registry.request_timeout: must be longer than zero"),
        ("kafka.properties", "\"enable.auto.commit\" = \"true\"", "kafka.properties.\"enable.auto.commit\":"),
        ("kafka.properties", "\"group.id\" = \"x\"", "kafka.group_id"),
    ] {
        let report = report(&with(section, line), &[]);
        assert!(report.contains(expected), "{line}\n{report}");
        assert!(report.starts_with("x.toml:"), "{report}");
    }
}

#[test]
fn credentials_go_to_nobody_else() {
    for (url, refused) in [
        ("https://myorg.my.salesforce.com", false),
        ("https://myorg.my.salesforce.com/", false),
        ("http://127.0.0.1:8080", false),
        ("http://localhost:8080", false),
        ("http://[::1]:8080", false),
        ("http://myorg.my.salesforce.com", true),
        ("ftp://myorg.my.salesforce.com", true),
        ("https://user:pass@myorg.my.salesforce.com", true),
        ("https://myorg.my.salesforce.com/services", true),
        ("https://myorg.my.salesforce.com/?a=b", true),
        ("myorg.my.salesforce.com", true),
    ] {
        let text = LEAST.replace("https://myorg.my.salesforce.com", url);
        let outcome = try_load(&text, &[]);
        assert_eq!(outcome.is_err(), refused, "{url}: {outcome:?}");
    }
    let insecure = with("salesforce", "allow_insecure = true").replace("https://myorg", "http://myorg");
    assert!(try_load(&insecure, &[]).is_ok());
}

#[test]
fn all_of_them_at_once_in_the_order_of_the_file() {
    let text =
        "nmae = 1\n[kafka]\ngroup_id = \"g\"\n[salesforce]\nauth = { flow = \"jwt\" }\n[[routes]]\ntopic = \"t\"\n";
    let report = report(text, &[]);
    let lines: Vec<_> = report.lines().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        lines,
        [
            "x.toml:1 nmae",
            "x.toml:2 kafka.bootstrap_servers",
            "x.toml:4 salesforce.login_url",
            "x.toml:5 salesforce.auth.flow",
            "x.toml:6 routes[0].sobject",
        ]
    );
    assert!(self::report("", &[]).contains("routes: missing"));
}

#[test]
fn a_broken_file_is_named_by_line_and_column() {
    assert_eq!(report("name = \"a\"\nx = [", &[]), "x.toml:2: column 6: unclosed array, expected `]`");
}

#[test]
fn a_variable_is_named_as_such() {
    for (variable, value, expected) in [
        ("SOBJECTD__DRAIN_TIMEOUT", "soon", "environment SOBJECTD__DRAIN_TIMEOUT: drain_timeout:"),
        ("SOBJECTD__KAFKA__GRUP_ID", "x", "environment SOBJECTD__KAFKA__GRUP_ID: kafka.grup_id: unknown key"),
        ("SOBJECTD__ROUTES__0__TOPIC", "x", "environment SOBJECTD__ROUTES__0__TOPIC:"),
        ("SOBJECTD__PIPELINE__BATCH_ROWS", "500", "environment SOBJECTD__PIPELINE__BATCH_ROWS:"),
    ] {
        let report = report(LEAST, &[(variable, value)]);
        assert!(report.contains(expected), "{variable}\n{report}");
    }
}

#[test]
fn one_topic_has_one_route_and_a_glob_may_take_in_the_dead_letters() {
    let twice = format!("{LEAST}\n[[routes]]\ntopic = \"t\"\nsobject = \"Account\"\n");
    assert!(report(&twice, &[]).contains("routes[1].topic: \"t\" is already the topic of routes[0]"));
    let glob = with("dead_letter", "topic = \"crm.dlq\"").replace("topic = \"t\"", "topic = \"crm.*\"");
    assert!(try_load(&glob, &[]).is_ok());
}

#[test]
fn bytes_that_are_not_utf8_matter_only_in_our_own_variables() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

    use crate::config::load::{load_text, variables};

    let load = |name: &str| {
        let env = [(OsString::from(name), OsString::from_vec(b"\xff\xfe".to_vec()))];
        load_text(LEAST, std::path::Path::new("x.toml"), variables(env))
    };
    assert!(load("UNRELATED").is_ok());
    let report = load("SOBJECTD__NAME").unwrap_err().to_string();
    assert_eq!(report, "environment SOBJECTD__NAME: name: is not UTF-8");
}
