use std::path::Path;

use super::{LEAST, report, try_load, with};
use crate::config::load;

/// Asserts that each line causes one problem, which names that line of the file.
fn assert_problems(table: &[(&str, &str, &str)]) {
    for (section, line, expected) in table {
        let text = with(section, line);
        let report = report(&text, &[]);
        let number = text.lines().position(|found| found == *line).unwrap() + 1;
        assert!(report.starts_with(&format!("x.toml:{number}: {expected}")), "{line}\n{report}");
        assert_eq!(report.lines().count(), 1, "{report}");
    }
}

#[test]
fn the_problem_of_an_unknown_key_names_the_nearest_key() {
    assert_problems(&[
        ("", "nmae = \"x\"", "nmae: unknown key; did you mean \"name\"?"),
        ("", "NAME = \"x\"", "NAME: unknown key; did you mean \"name\"?"),
        ("", "drain-timeout = \"1m\"", "drain-timeout: unknown key; did you mean \"drain_timeout\"?"),
        ("", "\"kafka.group_id\" = \"x\"", "\"kafka.group_id\": unknown key; known are"),
        ("", "\"x[0]\" = 1", "\"x[0]\": unknown key; known are"),
        ("kafka", "grup_id = \"x\"", "kafka.grup_id: unknown key; did you mean \"group_id\"?"),
        ("kafka", "zzz = 1", "kafka.zzz: unknown key; known are \"bootstrap_servers\", \"group_id\""),
        ("salesforce.quota", "reserv = 1", "salesforce.quota.reserv: unknown key; did you mean \"reserve\"?"),
        ("routes", "sobjct = \"x\"", "routes[0].sobjct: unknown key; did you mean \"sobject\"?"),
        ("routes", "fields.inclde = []", "routes[0].fields.inclde: unknown key; did you mean \"include\"?"),
        ("routes", "value.fromat = \"json\"", "routes[0].value.fromat: unknown key; did you mean \"format\"?"),
    ]);
    for (found, made, expected) in [
        ("\"secret\" }", "\"s\", scope = \"x\" }", "salesforce.auth.scope: unknown key; known are \"client_id\""),
        (
            "\"secret\" }",
            "\"s\", client_ib = \"x\" }",
            "salesforce.auth.client_ib: unknown key; did you mean \"client_id\"?",
        ),
        (
            "client_credentials",
            "client_credential",
            "salesforce.auth.flow: expected \"client_credentials\" or \"jwt_bearer\"",
        ),
        ("flow = \"client_credentials\", ", "", "salesforce.auth.flow: missing; one of \"client_credentials\""),
        ("\"client_credentials\"", "1", "salesforce.auth.flow: expected \"client_credentials\" or"),
    ] {
        let report = report(&LEAST.replace(found, made), &[]);
        assert!(report.starts_with(&format!("x.toml:8: {expected}")), "{report}");
    }
}

#[test]
fn the_problem_of_a_wrong_type_names_the_expected_one() {
    assert_problems(&[
        ("", "name = 5", "name: expected a text, found a number; put it in quotes"),
        ("", "validate_on_start = \"true\"", "validate_on_start: expected true or false, found a text; without quotes"),
        ("", "drain_timeout = 60", "drain_timeout: expected a duration, found a number; with its unit"),
        (
            "salesforce",
            "api_version = 66.0",
            "salesforce.api_version: expected a text, found a number with a fraction; put",
        ),
        (
            "pipeline",
            "batch_rows = \"5\"",
            "pipeline.batch_rows: expected a whole number, found a text; without quotes",
        ),
        (
            "pipeline",
            "batch_rows = 1.5",
            "pipeline.batch_rows: expected a whole number, found a number with a fraction",
        ),
        (
            "pipeline",
            "batch_rows = 0xFFFFFFFFFFFFFFFFFF",
            "pipeline.batch_rows: expected a whole number, found a number of more",
        ),
        ("pipeline", "batch_bytes = [1]", "pipeline.batch_bytes: expected a size, found a list"),
        (
            "pipeline",
            "insert_unknown = \"maybe\"",
            "pipeline.insert_unknown: expected \"retry\" or \"dead_letter\", found \"maybe\"",
        ),
        ("", "retry = 5", "retry: expected a table, found a number"),
        (
            "kafka",
            "start = \"erliest\"",
            "kafka.start: expected \"earliest\" or \"latest\", found \"erliest\"; did you mean",
        ),
        ("kafka", "properties = \"x\"", "kafka.properties: expected a table, found a text"),
        (
            "kafka.properties",
            "sasl.password = \"x\"",
            "kafka.properties.sasl: expected a text, { env = \"NAME\" } or { file = \
            \"/run/secrets/name\" }; a name with dots stands in quotes, such as \"sasl.password\"",
        ),
        ("routes", "fields.exclude = \"x\"", "routes[0].fields.exclude: expected a list of texts, found a text"),
        (
            "routes",
            "operation = \"merge\"",
            "routes[0].operation: expected \"insert\", \"update\", \"delete\" or \"upsert\"",
        ),
        ("routes", "tombstone = \"keep\"", "routes[0].tombstone: expected \"delete\" or \"reject\", found \"keep\""),
        ("routes", "nulls = true", "routes[0].nulls: expected \"write\" or \"ignore\", found true or false"),
        (
            "routes",
            "value.format = \"xml\"",
            "routes[0].value.format: expected \"json\", \"json_with_schema\", \"avro\"",
        ),
        ("routes", "operation_aliases = [\"x\"]", "routes[0].operation_aliases: expected a table, found a list"),
    ]);
    let single = report(&LEAST.replace("[[routes]]", "[routes]"), &[]);
    assert_eq!(
        single,
        "x.toml:10: routes: expected a list of tables, found a table; in two pairs of brackets, such as [[routes]]"
    );
}

#[test]
fn a_bad_lock_parent_is_refused() {
    let expected = "routes[0].lock_parent: \"Account Id\" is not an API name";
    assert_problems(&[
        ("routes", "lock_parent = \"Account Id\"", expected),
        ("routes", "lock_parent = \"Account.A.B\"", "routes[0].lock_parent: \"A.B\" is not an API name"),
    ]);
}

#[test]
fn bad_durations_and_sizes_are_refused() {
    assert_problems(&[
        ("", "drain_timeout = \"soon\"", "drain_timeout: \"soon\" is not a duration; such as \"500ms\""),
        ("", "startup_timeout = \"\"", "startup_timeout: \"\" is not a duration"),
        ("pipeline", "linger = \"-5s\"", "pipeline.linger: \"-5s\" is not a duration"),
        ("salesforce", "request_timeout = \"18446744073709551616s\"", "salesforce.request_timeout: \"184"),
        ("cache", "ttl = \"366days\"", "cache.ttl: must be at most 365 days"),
        (
            "pipeline",
            "batch_bytes = \"1 elephant\"",
            "pipeline.batch_bytes: \"1 elephant\" is not a size; such as 4096",
        ),
        ("pipeline", "batch_bytes = \"\"", "pipeline.batch_bytes: \"\" is not a size"),
        ("pipeline", "batch_bytes = -1", "pipeline.batch_bytes: must not be negative, is -1"),
        ("pipeline", "max_in_flight_bytes = \"99999999999PiB\"", "pipeline.max_in_flight_bytes: must be at most 1 TiB"),
    ]);
}

#[test]
fn a_missing_key_is_reported_at_the_line_of_its_table() {
    for (line, expected) in [
        ("bootstrap_servers = \"broker:9092\"", "x.toml:2: kafka.bootstrap_servers: missing"),
        ("group_id = \"sink\"", "x.toml:2: kafka.group_id: missing"),
        (
            "login_url = \"https://myorg.my.salesforce.com\"",
            "x.toml:6: salesforce.login_url: missing; such as \"https://",
        ),
        ("topic = \"t\"", "x.toml:10: routes[0].topic: missing"),
        ("sobject = \"Contact\"", "x.toml:10: routes[0].sobject: missing"),
        (", client_secret = \"secret\"", "x.toml:8: salesforce.auth.client_secret: missing; a text, { env"),
        ("client_id = \"id\", ", "x.toml:8: salesforce.auth.client_id: missing"),
        (
            "[[routes]]\ntopic = \"t\"\nsobject = \"Contact\"",
            "x.toml: routes: missing; write at least one [[routes]] table",
        ),
    ] {
        let report = report(&LEAST.replace(line, ""), &[]);
        assert!(report.starts_with(expected) && report.lines().count() == 1, "{line}\n{report}");
    }
    let bearer = report(&LEAST.replace("client_credentials", "jwt_bearer"), &[]);
    for key in ["username: missing", "private_key: missing", "client_secret: unknown key"] {
        assert!(bearer.contains(&format!("x.toml:8: salesforce.auth.{key}")), "{bearer}");
    }
    let nothing = report("", &[]);
    let keys = ["kafka.bootstrap_servers", "kafka.group_id", "salesforce.login_url", "salesforce.auth", "routes"];
    assert_eq!(nothing.lines().count(), keys.len(), "{nothing}");
    assert!(keys.iter().all(|key| nothing.contains(&format!("x.toml: {key}: missing"))), "{nothing}");
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_file() {
    let text = "nmae = 1\ndrain_timeout = \"1s\"\n[kafka]\ngroup_id = \"g\"\n[salesforce]\nauth = { flow = \"jwt\" }\n\
        [pipeline]\nbatch_rows = 99999999999999999999\n[[routes]]\ntopic = \"t\"\n\
        fields.include = [\"A\", 1, \"\"]\n[[routes]]\ntopic = \"t\"\nsobject = \"B\"\noperation = \"upsert\"\n";
    let report = report(text, &[("SOBJECTD__LOG__LEVEL", "inof")]);
    let places: Vec<_> = report.lines().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    let expected = [
        "x.toml:1 nmae",
        "x.toml:2 drain_timeout",
        "x.toml:3 kafka.bootstrap_servers",
        "x.toml:5 salesforce.login_url",
        "x.toml:6 salesforce.auth.flow",
        "x.toml:8 pipeline.batch_rows",
        "x.toml:9 routes[0].sobject",
        "x.toml:11 routes[0].fields.include[1]",
        "x.toml:11 routes[0].fields.include[2]",
        "x.toml:13 routes[1].topic",
        "x.toml:15 routes[1].operation",
        "environment SOBJECTD__LOG__LEVEL log.level",
    ];
    assert_eq!(places, expected, "{report}");
}

#[test]
fn a_value_of_the_wrong_type_is_reported_once() {
    let text = format!("drain_timeout = \"10m\"\n{}", with("kafka", "max_poll_interval = \"long\""));
    assert_eq!(report(&text, &[]).lines().count(), 1);
}

#[test]
fn a_syntax_error_has_line_and_column() {
    for (text, expected) in [
        ("name = \"a\"\nx = [", "x.toml:2: column 6: unclosed array, expected `]`"),
        ("x", "x.toml:1: column 2: key with no value, expected `=`"),
        ("é = 1", "x.toml:1: column 1: "),
        ("a = 1\na = 2", "x.toml:2: column 1: duplicate key"),
    ] {
        assert!(report(text, &[]).starts_with(expected), "{text}\n{}", report(text, &[]));
    }
}

#[test]
fn the_problem_of_an_unreadable_file_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent.toml");
    let problems = |path: &Path| load(path, []).unwrap_err().to_string();
    assert_eq!(problems(&absent), format!("{}: there is no such file", absent.display()));
    std::fs::write(&absent, b"name = \"\xff\"").unwrap();
    assert_eq!(problems(&absent), format!("{}: the file is not UTF-8", absent.display()));
    assert!(problems(folder.path()).contains("cannot be read"));
}

#[test]
fn formats_and_fields_that_do_not_fit_each_other_are_refused() {
    let missing = report(&with("routes", "value.format = \"avro\""), &[]);
    assert!(missing.starts_with("x.toml: schema_registry.url: missing, and a format of routes[0]"), "{missing}");
    assert_problems(&[
        ("routes", "key.field = \"id\"", "routes[0].key.field: names a member, and a key of this format has none"),
        (
            "routes",
            "fields.rename = { a = \"No Field\" }",
            "routes[0].fields.rename.a: \"No Field\" is not an API name",
        ),
        (
            "routes",
            "key = { format = \"long\", field = \"id\" }",
            "routes[0].key.field: names a member, and a key of this format has none",
        ),
        ("routes", "key = { format = \"json\", field = [\"a\", \"\"] }", "routes[0].key.field[1]: must not be empty"),
        (
            "routes",
            "key = { format = \"json\", field = 7 }",
            "routes[0].key.field: expected a text, or a list of texts",
        ),
        ("routes", "key.separator = \"x|\"", "routes[0].key.separator: \"x|\" has more than ASCII punctuation"),
        ("routes", "on_missing = \"dead_letter\"", "routes[0].on_missing: \"dead_letter\" needs a dead_letter.topic"),
        ("routes", "fields.rename = { a = \"U r:A.B\" }", "routes[0].fields.rename.a: \"U r\" is not an API name"),
        ("routes", "fields.rename = { a = \"A.B.C\" }", "routes[0].fields.rename.a: \"B.C\" is not an API name"),
        ("routes", "fields.rename = { a = \"B\", A = \"C\" }", "routes[0].fields.rename."),
        ("routes", "fields.constant = { A = 1.5 }", "routes[0].fields.constant.A: expected a text, a whole number"),
        ("routes", "fields.constant = { ID = \"x\" }", "routes[0].fields.constant.ID: ID names the record"),
        ("routes", "fields.topic = \"a-b\"", "routes[0].fields.topic: \"a-b\" is not an API name"),
        ("schema_registry", "url = \"http://a:8081, ftp://b\"", "schema_registry.url: is not an http or https URL"),
        ("schema_registry", "url = \"nothing\"", "schema_registry.url: not a URL"),
        ("schema_registry", "url = \"https://u:p@a\"", "schema_registry.url: holds a user or password"),
        ("schema_registry", "request_timeout = \"0s\"", "schema_registry.request_timeout: must be longer than zero"),
    ]);
    for (section, lines, expected) in [
        ("routes", "fields.constant = { A = 1 }\nfields.offset = \"a\"", "routes[0].fields.offset: a is set by"),
        ("schema_registry", "username = \"u\"", "schema_registry.password: missing"),
        ("schema_registry", "password = \"p\"", "schema_registry.username: missing"),
        (
            "schema_registry",
            "url = \"http://a:8081\"\ntoken = \"t\"",
            "schema_registry.url: credentials do not go over plain http",
        ),
    ] {
        let report = report(&with(section, lines), &[]);
        assert!(report.contains(expected), "{lines}\n{report}");
    }
}

#[test]
fn call_options_are_checked() {
    let legal = "options.auto_assign = \"01QD0000000EqAn\"\noptions.duplicate_rule = \"allowSave=true\"\noptions.client = \"a/1\"";
    assert!(try_load(&with("routes", legal), &[]).is_ok());
    let wrong = "options.auto_assign = \"no\"\noptions.duplicate_rule = \"allow\"\noptions.client = \"a b\"";
    let report = report(&with("routes", wrong), &[]);
    for (key, words) in
        [("auto_assign", "assignment rule"), ("duplicate_rule", "allowSave=true"), ("client", "100 characters")]
    {
        let line = report.lines().find(|line| line.contains(&format!("routes[0].options.{key}"))).unwrap_or_default();
        assert!(line.contains(words), "{key}: {report}");
    }
}
