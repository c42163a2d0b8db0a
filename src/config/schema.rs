//! The table of all keys, the values that each takes, and its meaning.
//!
//! The sections' structs define what a value becomes. This table defines what is accepted, so that one pass finds every
//! mistake of a file. A test compares it with `config/sobjectd.toml` and `docs/configuration.md`.

pub(super) use super::kind::{Key, Kind};
use super::{
    kind::{integer, key, required},
    schema_route::ROUTE,
};

/// The keys of the file.
pub(super) const ROOT: &[Key] = &[
    key("name", Kind::Text, "connector name in dead-letter headers; client id at Kafka"),
    key(
        "validate_on_start",
        Kind::Flag,
        "checks every route against the org before the first record is read: see above",
    ),
    key(
        "startup_timeout",
        Kind::Duration,
        "how long the start waits for a broker, org or topic that is not available; starts again with each answer of the org",
    ),
    key(
        "drain_timeout",
        Kind::Duration,
        "how long a stop or a rebalance waits for calls in flight and for rows of unknown result",
    ),
    key("kafka", Kind::Table(KAFKA), "the Kafka cluster and the consumer group"),
    key("salesforce", Kind::Table(SALESFORCE), "the org into which records are written"),
    key("schema_registry", Kind::Table(SCHEMA_REGISTRY), "the schema registry"),
    key("pipeline", Kind::Table(PIPELINE), "limits of memory and of one call"),
    key("retry", Kind::Table(RETRY), "when rows and calls are sent again"),
    key("cache", Kind::Table(CACHE), "record ids by external id"),
    key("dead_letter", Kind::Table(DEAD_LETTER), "where rejected records go"),
    key("log", Kind::Table(LOG), "logs, written to stderr"),
    key("admin", Kind::Table(ADMIN), "the admin listener"),
    required("routes", Kind::List(&Kind::Table(ROUTE)), "maps topics to SObjects"),
];

const KAFKA: &[Key] = &[
    required("bootstrap_servers", Kind::Text, "`host:port`, several with commas"),
    required("group_id", Kind::Text, "consumer group"),
    key(
        "group_instance_id",
        Kind::OptionalText,
        "static membership: a restart within `session_timeout` gets its partitions back at once",
    ),
    key(
        "start",
        Kind::OneOf(&["earliest", "latest"]),
        r#"where reading starts in a topic without a committed offset: `"earliest"`, `"latest"`"#,
    ),
    key(
        "on_lost_offsets",
        Kind::OneOf(&["stop", "earliest"]),
        r#"what happens when records were deleted before they were read: `"stop"` exits with 1; `"earliest"` continues after the gap"#,
    ),
    key("commit_interval", Kind::Duration, "time between two commits; longer than zero"),
    key(
        "session_timeout",
        Kind::Duration,
        "how long the group keeps a member that sends no heartbeats; 1 ms to 1 h; set by the broker with `group.protocol = \"consumer\"`",
    ),
    key(
        "lease",
        Kind::Duration,
        "how long calls may be sent after the last successful commit; shorter than `session_timeout`. Default: two thirds of it",
    ),
    key(
        "max_poll_interval",
        Kind::Duration,
        "how long a rebalance may take; 1 ms to 24 h, not shorter than `session_timeout`",
    ),
    key(
        "properties",
        Kind::Map(&Kind::Property),
        "other properties of librdkafka, for the consumer and the producer; text, number, flag or *secret*",
    ),
    key("oauth", Kind::Table(KAFKA_OAUTH), "tokens for the brokers, from an OIDC token endpoint"),
];

const KAFKA_OAUTH: &[Key] = &[
    key("token_url", Kind::Url, "URL of the token endpoint; https, or http to this machine"),
    key("client_id", Kind::Secret, "*secret*"),
    key("client_secret", Kind::Secret, "*secret*"),
    key("scope", Kind::OptionalText, "scopes, separated by spaces"),
    key(
        "extensions",
        Kind::Map(&Kind::Text),
        "SASL extensions beside the token, such as `logicalCluster` and `identityPoolId`",
    ),
    key("request_timeout", Kind::Duration, "time-out of one request; longer than zero"),
    key("tls", Kind::Table(TLS), "certificates"),
];

const SALESFORCE: &[Key] = &[
    required("login_url", Kind::Url, "scheme, host and port of the org's My Domain"),
    key(
        "instance_hosts",
        Kind::List(&Kind::Text),
        r#"hosts to which the org may send the daemon, besides the host of `login_url` and Salesforce's own: `"sf.example.com"`, or `".example.com"` for all its subdomains"#,
    ),
    key("api_version", Kind::Text, r#"version of the API, at least `"31.0"`"#),
    required("auth", Kind::Tagged { tag: "flow", variants: AUTH }, "how to log in"),
    key(
        "session_lifetime",
        Kind::Duration,
        "lifetime of a session by the org's session policy; Salesforce does not send it",
    ),
    key(
        "renew_before",
        Kind::Duration,
        "how long before its end a session is renewed; shorter than `session_lifetime`",
    ),
    key(
        "login_interval",
        Kind::Duration,
        "three logins may follow each other at once, then one each interval. After a failed login the next one waits an interval, after a refused one six",
    ),
    key("connect_timeout", Kind::Duration, "time-out of connecting; longer than zero"),
    key(
        "request_timeout",
        Kind::Duration,
        "time-out of a call that writes, from connect to the last byte; longer than zero. An org with many triggers and flows may need a minute or two for 200 rows",
    ),
    key(
        "query_timeout",
        Kind::Duration,
        "time-out of a call that only reads (query, describe, probe); longer than zero",
    ),
    key("login_timeout", Kind::Duration, "time-out of a login; longer than zero"),
    key("pool_idle_timeout", Kind::Duration, "how long an idle connection stays open; longer than zero"),
    key(
        "compression",
        Kind::OneOf(&["none", "gzip"]),
        r#"compression of requests and answers: `"none"`, `"gzip"`; requests below 1 KiB are not compressed"#,
    ),
    key(
        "describe_interval",
        Kind::Duration,
        "shortest time between two describes of one SObject. It is described again when it lacks a field, or when its description makes a row be rejected",
    ),
    key(
        "unknown_hold",
        Kind::Duration,
        "how long rows wait after a call of unknown result (a time-out, a cut connection) before they are sent again. Salesforce works on a call for up to 10 min",
    ),
    key(
        "assign_hold",
        Kind::Duration,
        "how long the first record of an assigned partition waits if the last owner did not drain it (a crash, a lost partition): its calls may still be in flight. \"10m\" outlasts them all",
    ),
    key("max_concurrent_requests", integer(1, 100), "limit of calls in flight, 1 to 100"),
    key("allow_insecure", Kind::Flag, "allows plain http to another machine"),
    key("quota", Kind::Table(QUOTA), "the part of the org's daily API calls that is left to other clients"),
    key("tls", Kind::Table(TLS), "certificates"),
    key("proxy", Kind::Table(PROXY), "HTTP proxy to the org"),
];

const TLS: &[Key] = &[
    key("ca", Kind::Secret, "certificate authorities to trust besides the usual ones; PEM, written as a *secret*"),
    key(
        "certificate",
        Kind::Secret,
        "client certificate and its chain, for a server that asks for one; PEM, with `key`",
    ),
    key(
        "key",
        Kind::Secret,
        "private key of that certificate: PKCS#8, PKCS#1 or SEC 1 in PEM, not encrypted; also in one line with `\\n`, or after certificates; *secret*",
    ),
];

const PROXY: &[Key] = &[
    key("url", Kind::ProxyUrl, r#"such as `"http://proxy:3128"`"#),
    key("username", Kind::OptionalText, "basic authentication, with `password`"),
    key("password", Kind::Secret, "*secret*"),
    key(
        "exclude",
        Kind::List(&Kind::Text),
        r#"targets reached without the proxy: a host with its subdomains, an address, or a network (`"10.0.0.0/8"`)"#,
    ),
];

const AUTH: &[(&str, &[Key])] = &[
    (
        "client_credentials",
        &[
            required("client_id", Kind::Secret, "consumer key of the app; *secret*"),
            required(
                "client_secret",
                Kind::Secret,
                r#"consumer secret of the app, for `"client_credentials"`; *secret*"#,
            ),
        ],
    ),
    (
        "jwt_bearer",
        &[
            required("client_id", Kind::Secret, "consumer key of the app; *secret*"),
            required("username", Kind::Text, r#"for `"jwt_bearer"`: the user who is logged in"#),
            required(
                "private_key",
                Kind::Secret,
                r#"for `"jwt_bearer"`: RSA, PKCS#8 or PKCS#1 in PEM, also in one line with `\n`, or after certificates; *secret*"#,
            ),
            key("audience", Kind::OptionalText, r#"for `"jwt_bearer"`; default: derived from the host of `login_url`"#),
        ],
    ),
];

const QUOTA: &[Key] = &[
    key("reserve", integer(0, 99), "percentage of the org's daily calls that is left to other clients; 0 to 99"),
    key(
        "probe_interval",
        Kind::Duration,
        "time between two calls while the quota is exhausted or below the reserve; also before the first try of a record that the org has no room for, or does not take for now. Longer than zero",
    ),
    key(
        "on_quota",
        Kind::OneOf(&["wait", "dead_letter"]),
        r#"what happens to rows while the quota is exhausted: `"wait"`, or `"dead_letter"`, which rejects them"#,
    ),
];

const SCHEMA_REGISTRY: &[Key] = &[
    key(
        "url",
        Kind::Urls,
        "URLs, separated by commas; needed by those formats. The next one is asked when one does not answer",
    ),
    key("username", Kind::OptionalText, "basic authentication, with `password`"),
    key("password", Kind::Secret, "password of `username`; *secret*"),
    key("token", Kind::Secret, "a bearer token, instead of `username` and `password`; *secret*"),
    key("request_timeout", Kind::Duration, "time-out of one request"),
    key(
        "missing_wait",
        Kind::Duration,
        r#"how long a schema that the registry does not have is asked for again, since a replica may lag; then the record is rejected. `"0s"`: at once"#,
    ),
    key("tls", Kind::Table(TLS), "certificates"),
];

const PIPELINE: &[Key] = &[
    key(
        "max_in_flight_rows",
        integer(1, 1_000_000),
        "limit of records in flight, from reading to outcome: of those that are ready or on the wire, and as many again that wait for something; 1 to 1,000,000",
    ),
    key(
        "max_in_flight_bytes",
        Kind::Size,
        "the same in bytes: key, value, headers and about 1 KiB each; 1 KiB to 1 TiB",
    ),
    key(
        "max_record_bytes",
        Kind::Size,
        "largest record (key, value and headers, uncompressed); a larger one is rejected. Each partition may hold two of this size; 1 KiB to 512 MiB",
    ),
    key(
        "max_row_bytes",
        Kind::Size,
        "largest row, without the fields that are left out; a larger one is rejected; 1 KiB to 32 MiB",
    ),
    key("batch_rows", integer(1, 200), "most rows in one call, 1 to 200"),
    key("batch_bytes", Kind::Size, "most bytes in one call; a larger row is sent alone; 1 KiB to 32 MiB"),
    key("linger", Kind::Duration, r#"how long a call that is not full waits for more rows; `"0s"` sends it at once"#),
    key(
        "insert_unknown",
        Kind::OneOf(&["retry", "dead_letter"]),
        r#"what happens to a plain insert of unknown result: `"retry"` sends it at most three times, which may duplicate the record; `"dead_letter"` rejects it"#,
    ),
];

const RETRY: &[Key] = &[
    key(
        "max_attempts",
        integer(1, u32::MAX as i64),
        "failures of one call, while others succeed, after which it is halved, or its single row rejected; at least 1",
    ),
    key(
        "initial_backoff",
        Kind::Duration,
        "backoff before the first retry; doubles with each attempt, with 50–100 % jitter. Rows that wait for a lock or a parent go together. Longer than zero",
    ),
    key("max_backoff", Kind::Duration, "longest backoff; not shorter than `initial_backoff`"),
    key(
        "row_timeout",
        Kind::Duration,
        r#"how long a row is retried when the org asks for it (row locks); `"0s"`: without limit"#,
    ),
    key(
        "missing_parent_wait",
        Kind::Duration,
        r#"how long a row waits for a parent (by external id) that the org does not have yet; `"0s"` rejects it at once"#,
    ),
];

const CACHE: &[Key] = &[
    key(
        "max_entries",
        integer(0, i64::MAX),
        "number of record ids kept by external id, for UPDATE; 0 disables the cache",
    ),
    key(
        "ttl",
        Kind::Duration,
        "how long an UPDATE uses a cached id, unless a row of the daemon changes it; a DELETE always asks the org",
    ),
];

const DEAD_LETTER: &[Key] = &[
    key("topic", Kind::OptionalText, "dead-letter topic; created at start if it does not exist"),
    key("partitions", integer(1, i32::MAX as i64), "number of partitions when the topic is created; at least 1"),
    key(
        "replication_factor",
        integer(-1, i16::MAX as i64),
        "replication factor when the topic is created; -1: the broker's default",
    ),
    key(
        "too_large",
        Kind::OneOf(&["reference", "stop"]),
        r#"what happens to a dead letter that is larger than the topic allows: `"reference"` sends it without its value (the header `sobjectd.value.bytes` has the size); `"stop"` drains, commits and exits with 1, at each start again"#,
    ),
    key(
        "on_rejection",
        Kind::OneOf(&["stop", "skip"]),
        r#"what happens to a rejected record without a dead-letter topic: `"stop"` drains, commits and exits with 1; `"skip"` logs it (at most ten lines a minute for each code) and counts it"#,
    ),
];

const LOG: &[Key] = &[
    key("format", Kind::OneOf(&["text", "json"]), r#"`"text"`, `"json"`"#),
    key(
        "level",
        Kind::LogFilter,
        r#"`"off"`, `"error"`, `"warn"`, `"info"`, `"debug"`, `"trace"`, or a filter: `"info,sobjectd::salesforce=debug"`"#,
    ),
    key(
        "values",
        Kind::Flag,
        "whether log lines may quote values of records, as Salesforce's messages do; `false` keeps only codes, field names and positions. Dead letters keep the texts",
    ),
];

const ADMIN: &[Key] = &[key(
    "listen",
    Kind::Address,
    r#"IP address and port of `/live`, `/ready`, `/status`, `/metrics`; `""` switches it off"#,
)];
