//! Every key that can be written, and what may stand there.
//!
//! The sections' structs say what a value becomes; this table says what is accepted, so that every mistake of a file is
//! found in one pass. A test holds it against `config/sobjectd.toml` and `docs/configuration.md`.

pub(super) use super::kind::{Key, Kind};
use super::{
    kind::{integer, key, required},
    schema_route::ROUTE,
};

/// The whole file.
pub(super) const ROOT: &[Key] = &[
    key("name", Kind::Text, "connector name in dead-letter headers; client id at Kafka"),
    key("validate_on_start", Kind::Flag, "ask the org about every route before the first record is read: see above"),
    key(
        "startup_timeout",
        Kind::Duration,
        "how long an absent broker, org or topic is waited for at start; it begins anew with each answer of the org",
    ),
    key(
        "drain_timeout",
        Kind::Duration,
        "how long a stop or a rebalance waits for calls on the wire, and for those of unknown result",
    ),
    key("kafka", Kind::Table(KAFKA), "the Kafka cluster and the consumer group"),
    key("salesforce", Kind::Table(SALESFORCE), "the org that records are written into"),
    key("schema_registry", Kind::Table(SCHEMA_REGISTRY), "where schemas are"),
    key("pipeline", Kind::Table(PIPELINE), "what is in memory and in one call"),
    key("retry", Kind::Table(RETRY), "what is repeated, and when"),
    key("cache", Kind::Table(CACHE), "record ids by external id"),
    key("dead_letter", Kind::Table(DEAD_LETTER), "where rejected records go"),
    key("log", Kind::Table(LOG), "logs, to stderr"),
    key("admin", Kind::Table(ADMIN), "the admin listener"),
    required("routes", Kind::List(&Kind::Table(ROUTE)), "which topic goes into which SObject, and how"),
];

const KAFKA: &[Key] = &[
    required("bootstrap_servers", Kind::Text, "`host:port`, several with commas"),
    required("group_id", Kind::Text, "consumer group"),
    key(
        "group_instance_id",
        Kind::Maybe,
        "static membership: a restart within `session_timeout` takes its partitions back at once",
    ),
    key(
        "start",
        Kind::Word(&["earliest", "latest"]),
        r#"where a topic without any committed offset begins: `"earliest"`, `"latest"`"#,
    ),
    key(
        "on_lost_offsets",
        Kind::Word(&["stop", "earliest"]),
        r#"records that were deleted before they were read: `"stop"` exits with 1; `"earliest"` goes on behind the gap"#,
    ),
    key("commit_interval", Kind::Duration, "between two commits; longer than zero"),
    key(
        "session_timeout",
        Kind::Duration,
        "how long the group waits for a member that is silent; 1 ms to 1 h; the broker's own with `group.protocol = \"consumer\"`",
    ),
    key(
        "lease",
        Kind::Duration,
        "how long after the last commit that succeeded calls may still be sent; shorter than `session_timeout`. Absent: two thirds of that",
    ),
    key(
        "max_poll_interval",
        Kind::Duration,
        "how long a rebalance may take; 1 ms to 24 h, not shorter than `session_timeout`",
    ),
    key(
        "properties",
        Kind::Map(&Kind::Property),
        "any other property of librdkafka, for the consumer and the producer; text, number, flag or *secret*",
    ),
    key("oauth", Kind::Table(KAFKA_OAUTH), "tokens for the brokers, from an OIDC token endpoint"),
];

const KAFKA_OAUTH: &[Key] = &[
    key("token_url", Kind::Url, "of the token endpoint; https, or http to this machine"),
    key("client_id", Kind::Secret, "*secret*"),
    key("client_secret", Kind::Secret, "*secret*"),
    key("scope", Kind::Maybe, "several with spaces"),
    key(
        "extensions",
        Kind::Map(&Kind::Text),
        "SASL extensions beside the token, such as `logicalCluster` and `identityPoolId`",
    ),
    key("request_timeout", Kind::Duration, "of one question; longer than zero"),
    key("tls", Kind::Table(TLS), "certificates"),
];

const SALESFORCE: &[Key] = &[
    required("login_url", Kind::Url, "scheme, host and port of the org's My Domain"),
    key(
        "instance_hosts",
        Kind::List(&Kind::Text),
        r#"hosts that the org may send us to, beside that of `login_url` and Salesforce's own: `"sf.example.com"`, or `".example.com"` for all below it"#,
    ),
    key("api_version", Kind::Text, r#"from `"31.0"` on"#),
    required("auth", Kind::Tagged { tag: "flow", variants: AUTH }, "how to log in"),
    key("session_lifetime", Kind::Duration, "of the org's session policy: Salesforce does not send it"),
    key("renew_before", Kind::Duration, "how long before its end a token is renewed; shorter than `session_lifetime`"),
    key(
        "login_interval",
        Kind::Duration,
        "three logins may follow each other at once, then one more each interval; none before the interval is over after one that failed, six of them after a refusal",
    ),
    key("connect_timeout", Kind::Duration, "of one connection; longer than zero"),
    key(
        "request_timeout",
        Kind::Duration,
        "of one call that writes, from connect to the last byte; longer than zero. An org with many triggers and flows may need a minute or two for 200 rows",
    ),
    key("query_timeout", Kind::Duration, "of one call that only reads: a query, a describe, a probe; longer than zero"),
    key("login_timeout", Kind::Duration, "of one login; longer than zero"),
    key("pool_idle_timeout", Kind::Duration, "an idle connection is closed after so long; longer than zero"),
    key(
        "compression",
        Kind::Word(&["none", "gzip"]),
        r#"of bodies, both ways: `"none"`, `"gzip"`; requests below 1 KiB stay as they are"#,
    ),
    key(
        "describe_interval",
        Kind::Duration,
        "an SObject is described again at most this often, when a field is missed or a row is to be rejected for what its description says",
    ),
    key(
        "unknown_hold",
        Kind::Duration,
        "from the end of a call whose result is unknown (a time-out, a cut connection) to its repetition. Salesforce works on a call for up to 10 min",
    ),
    key(
        "assign_hold",
        Kind::Duration,
        "from an assignment to the first record of a partition that its last owner has not drained: after a crash or a loss, which may have left calls on their way to the org. \"10m\" outlasts them all",
    ),
    key("max_concurrent_requests", integer(1, 100), "calls on the wire, 1 to 100"),
    key("allow_insecure", Kind::Flag, "plain http to another machine"),
    key("quota", Kind::Table(QUOTA), "the part of the org's daily API calls that is left to others"),
    key("tls", Kind::Table(TLS), "certificates"),
    key("proxy", Kind::Table(PROXY), "the way to the org"),
];

const TLS: &[Key] = &[
    key("ca", Kind::Secret, "authorities to trust beside the usual ones; PEM, as a *secret* is written"),
    key("certificate", Kind::Secret, "what we show a server that asks, and the certificates above it; PEM, with `key`"),
    key(
        "key",
        Kind::Secret,
        "of that certificate: PKCS#8, PKCS#1 or SEC 1 in PEM, not encrypted; also in one line with `\\n`, or after certificates; *secret*",
    ),
];

const PROXY: &[Key] = &[
    key("url", Kind::ProxyUrl, r#"such as `"http://proxy:3128"`"#),
    key("username", Kind::Maybe, "basic authentication, with `password`"),
    key("password", Kind::Secret, "*secret*"),
    key(
        "exclude",
        Kind::List(&Kind::Text),
        r#"reached without it: a host and all below it, an address, or a network (`"10.0.0.0/8"`)"#,
    ),
];

const AUTH: &[(&str, &[Key])] = &[
    (
        "client_credentials",
        &[
            required("client_id", Kind::Secret, "consumer key of the connected app; *secret*"),
            required("client_secret", Kind::Secret, r#"of `"client_credentials"`; *secret*"#),
        ],
    ),
    (
        "jwt_bearer",
        &[
            required("client_id", Kind::Secret, "consumer key of the connected app; *secret*"),
            required("username", Kind::Text, r#"of `"jwt_bearer"`: who is logged in"#),
            required(
                "private_key",
                Kind::Secret,
                r#"of `"jwt_bearer"`: RSA, PKCS#8 or PKCS#1 in PEM, also in one line with `\n`, or after certificates; *secret*"#,
            ),
            key(
                "audience",
                Kind::Maybe,
                r#"of `"jwt_bearer"`: follows from the host of `login_url` unless it is given"#,
            ),
        ],
    ),
];

const QUOTA: &[Key] = &[
    key("reserve", integer(0, 99), "per cent of the org's daily calls that are left to others; 0 to 99"),
    key(
        "probe_interval",
        Kind::Duration,
        "below the reserve, and when the calls are spent, one call goes this often; longer than zero",
    ),
    key(
        "on_quota",
        Kind::Word(&["wait", "dead_letter"]),
        r#"rows that the org refuses because the day's calls are spent, and those behind them: `"wait"`, or `"dead_letter"` rejects them"#,
    ),
];

const SCHEMA_REGISTRY: &[Key] = &[
    key("url", Kind::Urls, "needed by those formats. Several with commas: the next is asked when one does not answer"),
    key("username", Kind::Maybe, "basic authentication, with `password`"),
    key("password", Kind::Secret, "a secret"),
    key("token", Kind::Secret, "a bearer token, in their place"),
    key("request_timeout", Kind::Duration, "of one question"),
    key(
        "missing_wait",
        Kind::Duration,
        r#"how long a schema is asked for again that the registry does not have, since a replica may lag behind; then its record is a dead letter. `"0s"`: at once"#,
    ),
    key("tls", Kind::Table(TLS), "certificates"),
];

const PIPELINE: &[Key] = &[
    key("max_in_flight_rows", integer(1, 1_000_000), "records between Kafka and their outcome; 1 to 1,000,000"),
    key("max_in_flight_bytes", Kind::Size, "the same in bytes: key, value, headers and 1 KiB each; 1 KiB to 1 TiB"),
    key(
        "max_record_bytes",
        Kind::Size,
        "a larger record (key, value and headers, unpacked) is a dead letter; each partition may hold two of them; 1 KiB to 512 MiB",
    ),
    key(
        "max_row_bytes",
        Kind::Size,
        "a larger row is a dead letter: what is sent of a record, without what is left out; 1 KiB to 32 MiB",
    ),
    key("batch_rows", integer(1, 200), "rows of one call, 1 to 200"),
    key("batch_bytes", Kind::Size, "bytes of one call; a larger row goes alone; 1 KiB to 32 MiB"),
    key("linger", Kind::Duration, r#"how long a call that is not full waits for more rows; `"0s"`: not at all"#),
    key(
        "insert_unknown",
        Kind::Word(&["retry", "dead_letter"]),
        r#"a plain insert of unknown result: `"retry"` sends it again, three times at most, and it may double; `"dead_letter"` rejects it"#,
    ),
];

const RETRY: &[Key] = &[
    key(
        "max_attempts",
        integer(1, u32::MAX as i64),
        "failures of one call while others succeed, before it is halved, and a single row rejected; from 1 on",
    ),
    key("initial_backoff", Kind::Duration, "doubled with each attempt, less up to a half by chance; longer than zero"),
    key("max_backoff", Kind::Duration, "the most that it grows to; not shorter than `initial_backoff`"),
    key("row_timeout", Kind::Duration, r#"how long one row is repeated that the org asks to repeat; `"0s"`: for ever"#),
    key(
        "missing_parent_wait",
        Kind::Duration,
        r#"how long a row waits for a parent that it names by its external id and the org does not have yet; `"0s"`: it is a dead letter at once"#,
    ),
];

const CACHE: &[Key] = &[
    key("max_entries", integer(0, i64::MAX), "record ids by external id, for UPDATE; 0: none"),
    key(
        "ttl",
        Kind::Duration,
        "how long one is believed by an UPDATE, unless a row of ours moves it; a DELETE always asks",
    ),
];

const DEAD_LETTER: &[Key] = &[
    key("topic", Kind::Maybe, "created at start if it is missing"),
    key("partitions", integer(1, i32::MAX as i64), "when it is created; from 1 on"),
    key("replication_factor", integer(-1, i16::MAX as i64), "when it is created; -1: the broker's default"),
    key(
        "too_large",
        Kind::Word(&["reference", "stop"]),
        r#"a letter larger than the topic takes: `"reference"` sends it without its value, whose size is in the header `sobjectd.value.bytes`; `"stop"` drains, commits and exits with 1, at each start anew"#,
    ),
    key(
        "on_rejection",
        Kind::Word(&["stop", "skip"]),
        r#"without a topic: `"stop"` drains, commits and exits with 1; `"skip"` logs and counts (at most ten lines a minute for each code)"#,
    ),
];

const LOG: &[Key] = &[
    key("format", Kind::Word(&["text", "json"]), r#"`"text"`, `"json"`"#),
    key(
        "level",
        Kind::LogFilter,
        r#"`"off"`, `"error"`, `"warn"`, `"info"`, `"debug"`, `"trace"`, or a filter: `"info,sobjectd::salesforce=debug"`"#,
    ),
    key(
        "values",
        Kind::Flag,
        "whether lines quote what records hold, as Salesforce's messages do; `false` leaves codes, field names and positions. Dead letters keep the texts",
    ),
];

const ADMIN: &[Key] = &[key(
    "listen",
    Kind::Address,
    r#"IP address and port of `/live`, `/ready`, `/status`, `/metrics`; `""` switches it off"#,
)];
