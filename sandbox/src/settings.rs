//! What can be changed while an org runs. The defaults are the stricter reading wherever a real org's behaviour is not
//! known.

use serde::{Deserialize, Serialize, de::Error as _};

/// The settings of an org; their JSON form is that of `GET /sandbox/settings`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "switches, each of its own")]
pub struct Settings {
    /// Rows on a page of a query's answer.
    pub page_size: usize,
    /// What an unknown field refuses.
    pub unknown_field: UnknownField,
    /// What becomes of rows of one update or delete that carry the same id.
    pub same_id_twice: SameIdTwice,
    /// Whether failed rows of an upsert say `created:true`, and rolled-back rows keep an id.
    pub failed_rows_say_created: SayCreated,
    /// Whether queries ignore case on case-sensitive fields too.
    pub soql_ignores_case: bool,
    /// The daily allocation, and how much of it is used.
    pub quota_max: u64,
    pub quota_used: u64,
    /// Whether calls are refused once the allocation is used (a paid production org lets more pass).
    pub quota_hard: bool,
    /// A session ends so long after its login, however busy it is.
    pub session_seconds: u64,
    /// The consumer keys of the allowed apps, and their secret.
    pub client_ids: Vec<String>,
    pub client_secret: String,
    /// The PEM of the public key that JWT assertions are checked with; without one their signature is not checked.
    pub jwt_public_key: Option<String>,
    /// What logins are told as `instance_url`, in place of the org's own address: where something stands in front of
    /// it.
    pub instance_url: Option<String>,
    /// How far the org's clock is ahead of this machine's: of logins, and of the `Date` header.
    pub clock_ahead_seconds: i64,
    /// Every data call takes at least this long.
    pub latency_ms: u64,
    /// Whether a collections call locks the parents that its rows name, from its receipt to its answer: rows of another
    /// call fail that name one of them. A real org waits for a lock, up to 10 s.
    pub parent_locks: bool,
    /// Whether the journal keeps its entries. Off for benchmarks.
    pub journal: bool,
}

/// What an unknown field refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownField {
    /// The whole call.
    Call,
    /// Its row.
    Row,
}

/// What becomes of rows of one call that carry the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameIdTwice {
    FailAll,
    /// The first is applied.
    FailLater,
    /// All are applied, one after the other.
    InOrder,
}

/// Whether failed rows say `created:true`: `true`, `false`, or in turn (`"alternate"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SayCreated {
    Always,
    Never,
    /// Every other row of a call.
    Alternate,
}

/// The credentials of the app that every new org knows.
pub const CLIENT_ID: &str = "sandbox-client";
pub const CLIENT_SECRET: &str = "sandbox-secret";

impl Default for Settings {
    fn default() -> Self {
        Self {
            page_size: 2000,
            unknown_field: UnknownField::Call,
            same_id_twice: SameIdTwice::FailAll,
            failed_rows_say_created: SayCreated::Alternate,
            soql_ignores_case: false,
            quota_max: 5_000_000,
            quota_used: 0,
            quota_hard: true,
            session_seconds: 7200,
            client_ids: vec![CLIENT_ID.to_owned()],
            client_secret: CLIENT_SECRET.to_owned(),
            jwt_public_key: None,
            instance_url: None,
            clock_ahead_seconds: 0,
            latency_ms: 0,
            parent_locks: false,
            journal: true,
        }
    }
}

impl Settings {
    /// These settings with the members of `patch` laid over them.
    pub(crate) fn patched(&self, patch: serde_json::Value) -> Result<Self, serde_json::Error> {
        let mut all = serde_json::to_value(self)?;
        match (&mut all, patch) {
            (serde_json::Value::Object(all), serde_json::Value::Object(patch)) => all.extend(patch),
            _ => return Err(serde_json::Error::custom("expected an object of settings")),
        }
        serde_json::from_value(all)
    }
}

impl SayCreated {
    pub(crate) fn at(self, row: usize) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Alternate => row.is_multiple_of(2),
        }
    }
}

impl Serialize for SayCreated {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Always => serializer.serialize_bool(true),
            Self::Never => serializer.serialize_bool(false),
            Self::Alternate => serializer.serialize_str("alternate"),
        }
    }
}

impl<'de> Deserialize<'de> for SayCreated {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Bool(true) => Ok(Self::Always),
            serde_json::Value::Bool(false) => Ok(Self::Never),
            serde_json::Value::String(text) if text == "alternate" => Ok(Self::Alternate),
            other => Err(D::Error::custom(format!("expected true, false or \"alternate\", got {other}"))),
        }
    }
}
