//! Every key that can be written, and what may stand there.
//!
//! The sections' structs say what a value becomes; this table says what is accepted, so that every mistake of a file is
//! found in one pass. A test holds it against `config/sobjectd.toml` and `docs/configuration.md`.

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// What may stand at a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Not empty.
    Text,
    /// Empty is the same as absent, so that the environment can unset it.
    Maybe,
    Flag,
    Integer {
        min: i64,
        max: i64,
    },
    Duration,
    Size,
    Word(&'static [&'static str]),
    Url,
    /// Several with commas, or empty.
    Urls,
    /// A text, a whole number or a flag.
    Constant,
    /// Empty, or `ip:port`.
    Address,
    Identity,
    LogFilter,
    /// A literal, `{ env = … }` or `{ file = … }`; it must be readable.
    Secret,
    /// A secret whose literal may be a number or a flag.
    Property,
    List(&'static Kind),
    /// A table whose keys the user chooses.
    Map(&'static Kind),
    Table(&'static [Key]),
    /// A table whose keys depend on one of its words.
    Tagged {
        tag: &'static str,
        variants: &'static [(&'static str, &'static [Key])],
    },
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, required: false }
}

const fn required(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, required: true }
}

const fn integer(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}

const OPERATION: Kind = Kind::Word(&["insert", "update", "delete", "upsert"]);

/// The whole file.
pub(super) const ROOT: &[Key] = &[
    key("name", Kind::Text),
    key("validate_on_start", Kind::Flag),
    key("startup_timeout", Kind::Duration),
    key("drain_timeout", Kind::Duration),
    key("kafka", Kind::Table(KAFKA)),
    key("salesforce", Kind::Table(SALESFORCE)),
    key("schema_registry", Kind::Table(SCHEMA_REGISTRY)),
    key("pipeline", Kind::Table(PIPELINE)),
    key("retry", Kind::Table(RETRY)),
    key("cache", Kind::Table(CACHE)),
    key("dead_letter", Kind::Table(DEAD_LETTER)),
    key("log", Kind::Table(LOG)),
    key("admin", Kind::Table(ADMIN)),
    required("routes", Kind::List(&Kind::Table(ROUTE))),
];

const KAFKA: &[Key] = &[
    required("bootstrap_servers", Kind::Text),
    required("group_id", Kind::Text),
    key("group_instance_id", Kind::Maybe),
    key("start", Kind::Word(&["earliest", "latest"])),
    key("commit_interval", Kind::Duration),
    key("session_timeout", Kind::Duration),
    key("max_poll_interval", Kind::Duration),
    key("properties", Kind::Map(&Kind::Property)),
];

const SALESFORCE: &[Key] = &[
    required("login_url", Kind::Url),
    key("api_version", Kind::Text),
    required("auth", Kind::Tagged { tag: "flow", variants: AUTH }),
    key("session_lifetime", Kind::Duration),
    key("renew_before", Kind::Duration),
    key("login_interval", Kind::Duration),
    key("connect_timeout", Kind::Duration),
    key("request_timeout", Kind::Duration),
    key("unknown_hold", Kind::Duration),
    key("max_concurrent_requests", integer(1, 100)),
    key("allow_insecure", Kind::Flag),
    key("quota", Kind::Table(QUOTA)),
];

const AUTH: &[(&str, &[Key])] = &[
    ("client_credentials", &[required("client_id", Kind::Secret), required("client_secret", Kind::Secret)]),
    (
        "jwt_bearer",
        &[
            required("client_id", Kind::Secret),
            required("username", Kind::Text),
            required("private_key", Kind::Secret),
            key("audience", Kind::Maybe),
        ],
    ),
];

const QUOTA: &[Key] = &[key("reserve", integer(0, 99)), key("probe_interval", Kind::Duration)];

const SCHEMA_REGISTRY: &[Key] = &[
    key("url", Kind::Urls),
    key("username", Kind::Maybe),
    key("password", Kind::Secret),
    key("token", Kind::Secret),
    key("ca", Kind::Secret),
    key("request_timeout", Kind::Duration),
];

const PIPELINE: &[Key] = &[
    key("max_in_flight_rows", integer(1, 1_000_000)),
    key("max_in_flight_bytes", Kind::Size),
    key("max_row_bytes", Kind::Size),
    key("batch_rows", integer(1, 200)),
    key("batch_bytes", Kind::Size),
    key("linger", Kind::Duration),
    key("insert_unknown", Kind::Word(&["retry"])),
];

const RETRY: &[Key] = &[
    key("max_attempts", integer(1, u32::MAX as i64)),
    key("initial_backoff", Kind::Duration),
    key("max_backoff", Kind::Duration),
    key("row_timeout", Kind::Duration),
];

const CACHE: &[Key] = &[key("max_entries", integer(0, i64::MAX)), key("ttl", Kind::Duration)];

const DEAD_LETTER: &[Key] = &[
    key("topic", Kind::Maybe),
    key("partitions", integer(1, i32::MAX as i64)),
    key("replication_factor", integer(-1, i16::MAX as i64)),
    key("too_large", Kind::Word(&["stop"])),
    key("on_rejection", Kind::Word(&["stop", "skip"])),
];

const LOG: &[Key] = &[key("format", Kind::Word(&["text", "json"])), key("level", Kind::LogFilter)];

const ADMIN: &[Key] = &[key("listen", Kind::Address)];

const ROUTE: &[Key] = &[
    required("topic", Kind::Text),
    required("sobject", Kind::Text),
    key("operation", OPERATION),
    key("external_id_field", Kind::Maybe),
    key("operation_header", Kind::Maybe),
    key("operation_aliases", Kind::Map(&OPERATION)),
    key("tombstone", Kind::Word(&["delete", "reject"])),
    key("identity", Kind::Identity),
    key("nulls", Kind::Word(&["write", "ignore"])),
    key("fields", Kind::Table(FIELDS)),
    key("key", Kind::Table(KEY)),
    key("value", Kind::Table(VALUE)),
];

const KEY: &[Key] = &[
    key("format", Kind::Word(&["string", "json", "json_with_schema", "avro", "json_schema", "protobuf", "bytes"])),
    key("field", Kind::Maybe),
];

const VALUE: &[Key] = &[key("format", Kind::Word(&["json", "json_with_schema", "avro", "json_schema", "protobuf"]))];

const FIELDS: &[Key] = &[
    key("include", Kind::List(&Kind::Text)),
    key("exclude", Kind::List(&Kind::Text)),
    key("rename", Kind::Map(&Kind::Text)),
    key("constant", Kind::Map(&Kind::Constant)),
    key("topic", Kind::Maybe),
    key("partition", Kind::Maybe),
    key("offset", Kind::Maybe),
    key("timestamp", Kind::Maybe),
    key("multipicklist", Kind::Flag),
];
