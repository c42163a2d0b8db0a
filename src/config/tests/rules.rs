use std::time::Duration;

use super::{LEAST, report, text, try_load, with};
use crate::record::Operation;

#[test]
fn drain_timeout_is_longer_than_a_call_and_shorter_than_max_poll_interval() {
    for (drain, request, hold, most, broken) in [
        ("70s", "30s", "30s", "5m", None),
        ("69s", "30s", "30s", "5m", Some("drain_timeout: 1m 9s is shorter than")),
        ("60s", "50s", "0s", "5m", None),
        ("60s", "50s", "1s", "5m", Some("at least \"1m 1s\"")),
        ("60s", "51s", "0s", "5m", Some("at least \"1m 1s\"")),
        ("60s", "20s", "30s", "60001ms", None),
        ("60s", "20s", "30s", "60s", Some("kafka.max_poll_interval: 1m is not longer than drain_timeout (1m)")),
    ] {
        let text = text(&[
            ("", &format!("drain_timeout = {drain:?}")),
            ("salesforce", &format!("request_timeout = {request:?}\nunknown_hold = {hold:?}")),
            ("kafka", &format!("max_poll_interval = {most:?}")),
        ]);
        match (try_load(&text, &[]), broken) {
            (Ok(_), None) => {}
            (Err(problems), Some(expected)) => assert!(problems.to_string().contains(expected), "{problems}"),
            (outcome, _) => panic!("{drain} {request} {hold} {most}: {outcome:?}"),
        }
    }
}

/// A section, a line at the edge that is accepted, a line that is refused, and its problem.
const EDGES: &[(&str, &str, &str, &str)] = &[
    ("kafka", "lease = \"14s\"", "lease = \"15s\"", "kafka.lease: is not shorter than kafka.session_timeout"),
    ("kafka", "lease = \"1ms\"", "lease = \"0s\"", "kafka.lease: must be longer than zero"),
    ("pipeline", "batch_rows = 1", "batch_rows = 0", "pipeline.batch_rows: must be at least 1, is 0"),
    ("pipeline", "batch_rows = 200", "batch_rows = 201", "pipeline.batch_rows: must be at most 200, is 201"),
    ("pipeline", "max_in_flight_rows = 1", "max_in_flight_rows = 0", "pipeline.max_in_flight_rows: must be at least 1"),
    (
        "pipeline",
        "max_record_bytes = \"512MiB\"",
        "max_record_bytes = \"513MiB\"",
        "pipeline.max_record_bytes: must be at most 512 MiB",
    ),
    (
        "pipeline",
        "max_row_bytes = \"32MiB\"",
        "max_row_bytes = 33554433",
        "pipeline.max_row_bytes: must be at most 32 MiB",
    ),
    ("pipeline", "max_row_bytes = 1024", "max_row_bytes = 1023", "pipeline.max_row_bytes: must be at least 1 KiB"),
    (
        "pipeline",
        "batch_bytes = \"1KiB\"",
        "batch_bytes = 0",
        "pipeline.batch_bytes: must be at least 1 KiB, is 0 bytes",
    ),
    ("pipeline", "max_in_flight_bytes = \"1TiB\"", "max_in_flight_bytes = \"2TiB\"", "pipeline.max_in_flight_bytes:"),
    (
        "retry",
        "max_backoff = \"1s\"",
        "max_backoff = \"999ms\"",
        "retry.max_backoff: 999ms is shorter than retry.initial",
    ),
    (
        "retry",
        "initial_backoff = \"1ms\"",
        "initial_backoff = \"0s\"",
        "retry.initial_backoff: must be longer than zero",
    ),
    ("retry", "max_attempts = 1", "max_attempts = 0", "retry.max_attempts: must be at least 1"),
    ("cache", "max_entries = 0", "max_entries = -1", "cache.max_entries: must be at least 0"),
    (
        "kafka",
        "commit_interval = \"1ms\"",
        "commit_interval = \"0s\"",
        "kafka.commit_interval: must be longer than zero",
    ),
    (
        "kafka",
        "session_timeout = \"1ms\"",
        "session_timeout = \"999us\"",
        "kafka.session_timeout: must be at least 1ms",
    ),
    (
        "kafka",
        "max_poll_interval = \"24h\"",
        "max_poll_interval = \"25h\"",
        "kafka.max_poll_interval: must be at most 24h",
    ),
    ("kafka", "session_timeout = \"5m\"", "session_timeout = \"301s\"", "kafka.max_poll_interval: is shorter than"),
    (
        "salesforce",
        "api_version = \"31.0\"",
        "api_version = \"30.0\"",
        "salesforce.api_version: \"30.0\" is not an API version",
    ),
    ("salesforce", "api_version = \"100.0\"", "api_version = \"v66.0\"", "salesforce.api_version:"),
    ("salesforce", "api_version = \"66.0\"", "api_version = \"66\"", "salesforce.api_version:"),
    (
        "salesforce",
        "renew_before = \"119m\"",
        "renew_before = \"2h\"",
        "salesforce.renew_before: 2h is not shorter than",
    ),
    (
        "salesforce",
        "max_concurrent_requests = 100",
        "max_concurrent_requests = 101",
        "salesforce.max_concurrent_requests:",
    ),
    (
        "salesforce",
        "connect_timeout = \"1s\"",
        "connect_timeout = \"0s\"",
        "salesforce.connect_timeout: must be longer",
    ),
    (
        "salesforce",
        "request_timeout = \"1s\"\nquery_timeout = \"1s\"\nlogin_timeout = \"1s\"",
        "request_timeout = \"0s\"",
        "salesforce.request_timeout: must be longer",
    ),
    (
        "salesforce",
        "pool_idle_timeout = \"1s\"",
        "pool_idle_timeout = \"0s\"",
        "salesforce.pool_idle_timeout: must be longer",
    ),
    (
        "salesforce",
        "instance_hosts = [\"sf.example.com\", \".example.com\"]",
        "instance_hosts = [\"sf.example.com\", \".com\"]",
        "salesforce.instance_hosts[1]: \".com\" is neither a host",
    ),
    (
        "salesforce",
        "instance_hosts = [\"localhost\"]",
        "instance_hosts = [\"https://sf.example.com\"]",
        "salesforce.instance_hosts[0]:",
    ),
    (
        "salesforce",
        "compression = \"gzip\"",
        "compression = \"gzp\"",
        "salesforce.compression: expected \"none\" or \"gzip\", found \"gzp\"; did you mean \"gzip\"?",
    ),
    (
        "salesforce.proxy",
        "url = \"http://proxy:3128\"",
        "url = \"socks5://proxy\"",
        "salesforce.proxy.url: is not an http",
    ),
    ("salesforce.proxy", "url = \"\"", "url = \"proxy:3128\"", "salesforce.proxy.url: names no host; such as"),
    ("salesforce.proxy", "url = \"https://p/\"", "url = \"https://p/x\"", "salesforce.proxy.url: holds more than"),
    ("salesforce.proxy", "exclude = []", "exclude = [\"a\"]", "salesforce.proxy.url: missing, and another key"),
    (
        "salesforce.proxy",
        "url = \"http://p\"\nexclude = [\"a\", \".b.c\", \"10.0.0.0/8\", \"::1\"]",
        "url = \"http://p\"\nexclude = [\"a\", \"10.0.0.0/33\"]",
        "salesforce.proxy.exclude: \"10.0.0.0/33\" is not a host, address or network",
    ),
    (
        "salesforce.proxy",
        "url = \"http://p\"\nexclude = [\"p_1\"]",
        "url = \"http://p\"\nexclude = [\"*\"]",
        "salesforce.proxy.exclude: \"*\" is not a host",
    ),
    (
        "salesforce.proxy",
        "url = \"http://p\"\nusername = \"u\"\npassword = \"p\"",
        "url = \"http://p\"\nusername = \"u\"",
        "salesforce.proxy.password: missing",
    ),
    ("salesforce.quota", "reserve = 99", "reserve = 100", "salesforce.quota.reserve: must be at most 99, is 100"),
    ("salesforce.quota", "reserve = 0", "reserve = -1", "salesforce.quota.reserve: must be at least 0"),
    ("salesforce.quota", "probe_interval = \"1s\"", "probe_interval = \"0s\"", "salesforce.quota.probe_interval:"),
    ("dead_letter", "partitions = 1", "partitions = 0", "dead_letter.partitions: must be at least 1"),
    (
        "dead_letter",
        "replication_factor = -1",
        "replication_factor = -2",
        "dead_letter.replication_factor: must be at least -1",
    ),
    ("dead_letter", "topic = \"a.dlq\"", "topic = \"a b\"", "dead_letter.topic: ' ' cannot be in a topic's name"),
    ("dead_letter", "topic = \"tt\"", "topic = \"t\"", "routes[0].topic: \"t\" is also dead_letter.topic"),
    ("log", "level = \"WARN\"", "level = \"inof\"", "log.level: \"inof\" is not a level or filter; such as"),
    ("log", "level = \"info,sobjectd::salesforce=debug\"", "level = \"info,debgu\"", "log.level:"),
    ("log", "level = \"off\"", "level = \"info,a=b=c\"", "log.level:"),
    ("log", "level = \"sobjectd=trace\"", "level = \"sobjectd=loud\"", "log.level:"),
    ("log", "level = \"info,[write{rows}]=debug\"", "level = \"\"", "log.level:"),
    (
        "admin",
        "listen = \"0.0.0.0:80\"",
        "listen = \"localhost:80\"",
        "admin.listen: \"localhost:80\" is not an address",
    ),
    ("admin", "listen = \"\"", "listen = \"127.0.0.1\"", "admin.listen:"),
    ("routes", "identity = \"value.Id__c\"", "identity = \"values.x\"", "routes[0].identity: expected \"key\""),
    ("routes", "identity = \"header.x y\"", "identity = \"header.\"", "routes[0].identity: expected \"key\""),
    (
        "routes",
        "external_id_field = \"E__c\"",
        "external_id_field = \"ID\"",
        "routes[0].external_id_field: \"ID\" is the record id",
    ),
    (
        "routes",
        "external_id_field = \"\"",
        "external_id_field = \"A.B__c\"",
        "routes[0].external_id_field: \"A.B__c\" is not",
    ),
    (
        "routes",
        "operation = \"delete\"",
        "operation = \"upsert\"",
        "routes[0].operation: \"upsert\" needs an external_id_field",
    ),
];

#[test]
fn values_at_the_edge_are_accepted_and_values_beyond_it_are_refused() {
    for &(section, allowed, refused, expected) in EDGES {
        let allowed = try_load(&with(section, allowed), &[]).map(|_| allowed);
        assert!(allowed.is_ok(), "{allowed:?}");
        let report = report(&with(section, refused), &[]);
        assert!(report.contains(&format!(": {expected}")) && report.lines().count() == 1, "{refused}\n{report}");
    }
}

#[test]
fn the_smallest_pipeline_is_accepted() {
    let text = text(&[("pipeline", "max_in_flight_rows = 1\nlinger = \"0s\""), ("retry", "row_timeout = \"0s\"")]);
    let config = try_load(&text, &[]).unwrap();
    assert_eq!((config.pipeline.max_in_flight_rows, config.pipeline.linger), (1, Duration::ZERO));
    assert_eq!(config.retry.row_timeout, Duration::ZERO);
}

#[test]
fn a_login_url_that_would_leak_credentials_is_refused() {
    for (url, refused) in [
        ("https://myorg.my.salesforce.com", false),
        ("https://myorg.my.salesforce.com/", false),
        ("https://myorg.my.salesforce.com:8443", false),
        ("http://127.0.0.1:8080", false),
        ("http://127.9.9.9", false),
        ("http://localhost:8080", false),
        ("http://[::1]:8080", false),
        ("http://localhost.evil.example", true),
        ("http://10.0.0.1", true),
        ("http://myorg.my.salesforce.com", true),
        ("ftp://myorg.my.salesforce.com", true),
        ("https://user@myorg.my.salesforce.com", true),
        ("https://:pass@myorg.my.salesforce.com", true),
        ("https://myorg.my.salesforce.com/services", true),
        ("https://myorg.my.salesforce.com/?a=b", true),
        ("https://myorg.my.salesforce.com/#a", true),
        ("myorg.my.salesforce.com", true),
    ] {
        let text = LEAST.replace("https://myorg.my.salesforce.com", url);
        let outcome = try_load(&text, &[]);
        assert_eq!(outcome.is_err(), refused, "{url}: {outcome:?}");
        if let Err(problems) = outcome {
            assert!(problems.to_string().starts_with("x.toml:7: salesforce.login_url: "), "{problems}");
        }
    }
    let insecure = with("salesforce", "allow_insecure = true").replace("https://myorg", "http://myorg");
    assert!(try_load(&insecure, &[]).is_ok());
}

#[test]
fn bad_names_of_topics_and_sobjects_are_refused() {
    for (found, made, expected) in [
        ("\"t\"", "\"t/t\"", "routes[0].topic: '/' cannot be in a topic's name"),
        ("\"t\"", "\"..\"", "routes[0].topic: a topic cannot be called"),
        ("\"t\"", "\"a[b]*\"", "routes[0].topic: '[' cannot be"),
        ("\"t\"", "\"\"", "routes[0].topic: must not be empty"),
        ("\"t\"", "\"__t\"", "routes[0].topic: \"__t\" would not be read: topics whose names begin with __"),
        ("\"Contact\"", "\"Con tact\"", "routes[0].sobject: \"Con tact\" is not an API name; such as Contact"),
        ("\"Contact\"", "\"9Lives\"", "routes[0].sobject: \"9Lives\" is not an API name"),
        ("\"Contact\"", "\"Contact'\"", "routes[0].sobject: \"Contact'\" is not an API name"),
    ] {
        let report = report(&LEAST.replace(found, made), &[]);
        assert!(report.contains(expected) && report.lines().count() == 1, "{report}");
    }
}

#[test]
fn a_topic_has_one_route_and_a_glob_may_match_the_dead_letter_topic() {
    let twice = format!("{LEAST}\n[[routes]]\ntopic = \"t\"\nsobject = \"Account\"\n");
    assert_eq!(report(&twice, &[]), "x.toml:15: routes[1].topic: \"t\" is already the topic of routes[0]");
    let beside = twice.replacen("topic = \"t\"", "topic = \"*\"", 1);
    assert!(try_load(&beside, &[]).is_ok(), "an exact name beats a glob");
    // The consumer leaves the dead-letter topic out of a glob.
    let glob = with("dead_letter", "topic = \"crm.dlq\"").replace("topic = \"t\"", "topic = \"crm.*\"");
    assert!(try_load(&glob, &[]).is_ok());
}

#[test]
fn properties_that_the_daemon_owns_are_refused() {
    for (property, hint) in [
        ("acks", "a dead letter must be durable"),
        ("auto.offset.reset", "use kafka.start"),
        ("bootstrap.servers", "use kafka.bootstrap_servers"),
        ("client.id", "use name"),
        ("enable.auto.commit", "offsets are committed when their records are settled"),
        ("enable.idempotence", "a dead letter must be durable"),
        ("group.id", "use kafka.group_id"),
        ("group.instance.id", "use kafka.group_instance_id"),
        ("max.poll.interval.ms", "use kafka.max_poll_interval"),
        ("queued.min.messages", "it is part of the stated memory bound"),
        ("session.timeout.ms", "use kafka.session_timeout"),
        ("transactional.id", "a dead letter must be durable"),
    ] {
        let report = report(&with("kafka.properties", &format!("{property:?} = \"x\"")), &[]);
        let expected = format!("is set by the daemon; {hint}");
        assert!(report.starts_with("x.toml:2: kafka.properties.") && report.contains(property), "{report}");
        assert!(report.contains(&expected) && report.lines().count() == 1, "{report}");
    }
    let lines = "\"group.protocol\" = \"classic\"\n\"linger.ms\" = 5\n\"log.connection.close\" = false\n\"ssl.ca.location\" = \"\"";
    assert_eq!(try_load(&with("kafka.properties", lines), &[]).unwrap().kafka.properties.len(), 4);
}

#[test]
fn operation_aliases_are_checked() {
    let aliases = |line: &str| try_load(&with("routes", line), &[]).unwrap().routes[0].operation_aliases.clone();
    let own = aliases(
        "operation_aliases = { created = \"insert\", GONE = \"delete\", \"ü\" = \"update\", \"Ü\" = \"upsert\" }",
    );
    let expected = [
        ("created", Operation::Insert),
        ("GONE", Operation::Delete),
        ("ü", Operation::Update),
        ("Ü", Operation::Upsert),
    ];
    assert_eq!(own, expected.map(|(word, operation)| (word.to_owned(), operation)).into());
    assert!(aliases("operation_aliases = {}").is_empty());
    for (table, expected) in [
        ("x = \"merge\"", "x: expected \"insert\", \"update\", \"delete\" or \"upsert\", found \"merge\""),
        (
            "x = \"INSERT\"",
            "x: expected \"insert\", \"update\", \"delete\" or \"upsert\", found \"INSERT\"; did you mean \"insert\"?",
        ),
        ("x = 1", "x: expected \"insert\", \"update\", \"delete\" or \"upsert\", found a number"),
        ("\"\" = \"insert\"", "\"\": an alias must not be empty"),
        ("\" \" = \"insert\"", "\" \": an alias must not be empty"),
        ("\" x\" = \"insert\"", "\" x\": never matches"),
        ("'\"x\"' = \"insert\"", "\"\\\"x\\\"\": never matches"),
        ("Delete = \"insert\"", "Delete: is an operation's own name"),
        ("x = \"insert\", X = \"insert\"", "x: is the same as \"X\": case does not count"),
    ] {
        let report = report(&with("routes", &format!("operation_aliases = {{ {table} }}")), &[]);
        let expected = format!("x.toml:11: routes[0].operation_aliases.{expected}");
        assert!(report.starts_with(&expected) && report.lines().count() == 1, "{report}");
    }
}

#[test]
fn rejecting_good_records_needs_a_dead_letter_topic() {
    for (section, line) in
        [("pipeline", "insert_unknown = \"dead_letter\""), ("salesforce.quota", "on_quota = \"dead_letter\"")]
    {
        let report = report(&text(&[(section, line)]), &[]);
        assert!(report.contains(&format!("{section}.")) && report.contains("needs a dead_letter.topic"), "{report}");
        assert!(try_load(&text(&[(section, line), ("dead_letter", "topic = \"dlq\"")]), &[]).is_ok());
    }
}
