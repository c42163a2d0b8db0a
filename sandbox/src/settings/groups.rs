use serde::{Deserialize, Serialize};

use super::{ApiAccess, Columns, DuplicateRule, Refuses, SameIdTwice, SayCreated};

/// The credentials of the app that every new org knows.
pub const CLIENT_ID: &str = "sandbox-client";
pub const CLIENT_SECRET: &str = "sandbox-secret";

/// The API as a whole: access, versions, latency.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiSettings {
    /// Whether the session's user may use the API, and whether the org has one.
    #[serde(rename = "api")]
    pub access: ApiAccess,
    /// The API versions that the org speaks; older ones are retired, newer ones are not known yet.
    pub oldest_version: u32,
    pub newest_version: u32,
    /// The least time that every data call takes.
    pub latency_ms: u64,
    /// The time that a write takes for each of its rows. It is applied at the end of it, also if its caller has gone.
    pub latency_ms_per_row: u64,
    /// Rows on a page of a query's answer.
    pub page_size: usize,
}

/// The daily allocation of API calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct QuotaSettings {
    #[serde(rename = "quota_max")]
    pub max: u64,
    #[serde(rename = "quota_used")]
    pub used: u64,
    /// Whether calls are refused once the allocation is used (a paid production org lets more pass).
    #[serde(rename = "quota_hard")]
    pub hard: bool,
}

/// Logins and the sessions that they open.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct LoginSettings {
    /// The lifetime of a session from its login, however busy it is.
    pub session_seconds: u64,
    /// The consumer keys of the allowed apps, and their secret.
    pub client_ids: Vec<String>,
    pub client_secret: String,
    /// The PEM of the public key that JWT assertions are checked with; without one their signature is not checked.
    pub jwt_public_key: Option<String>,
    /// The `instance_url` of a login's answer, in place of the org's own address: for a proxy in front of the org.
    pub instance_url: Option<String>,
    /// How far the org's clock is ahead of this machine's: of logins, and of the `Date` header.
    pub clock_ahead_seconds: i64,
}

/// The rights of the session's user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct UserSettings {
    /// Whether the user may view the setup: `GET /limits` is refused otherwise.
    pub view_setup: bool,
    /// Whether the user may view all data. Without it an upsert by a key that is not unique is refused.
    pub view_all_data: bool,
    /// Objects and fields (`Contact`, `Contact.Title`) that the user may not see: they are in no describe, and unknown
    /// to every call. They can be taken away and given back while the org runs.
    pub hidden: Vec<String>,
    /// Objects and fields that the user may read only.
    pub read_only: Vec<String>,
    /// Whether records made by others (`POST /sandbox/records/…`) are hidden from the user: they are not shared.
    pub owner_only: bool,
}

/// The behaviour of the org where the guides leave several readings open.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadingSettings {
    /// What an unknown field refuses.
    pub unknown_field: Refuses,
    /// What a value that its field's type cannot read refuses, in a collection; in a call of one row it is the call.
    pub malformed_value: Refuses,
    /// Texts that contain this are malformed values, whatever their field: only the org knows that they are bad.
    pub malformed_text: Option<String>,
    /// What the column of a parse error counts.
    pub columns: Columns,
    /// The outcome of rows of one update or delete that have the same id.
    pub same_id_twice: SameIdTwice,
    /// Whether failed rows of an upsert say `created:true`, and rolled-back rows keep an id.
    pub failed_rows_say_created: SayCreated,
    /// Whether queries ignore case on case-sensitive fields too.
    pub soql_ignores_case: bool,
    /// Whether an upsert compares keys that are not unique with their case, which queries never do.
    pub upsert_minds_case: bool,
    /// Whether null for a checkbox refuses its row; else it is stored as false.
    pub refuse_null_checkbox: bool,
}

/// Rules of the org for records, and its room for them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleSettings {
    /// Whether Accounts, Cases and Leads that are created or updated go to another owner, unless `Sforce-Auto-Assign`
    /// says not to.
    pub auto_assign: bool,
    /// The rules that find duplicates.
    pub duplicate_rules: Vec<DuplicateRule>,
    /// The number of records, of all objects, that the org has room for.
    pub storage_records: Option<usize>,
}

/// Locks on records.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LockSettings {
    /// Whether a collections call locks the parents that its rows name, and the records that they change, from its
    /// receipt to its answer.
    pub parent_locks: bool,
    /// The longest wait of a row for a record that another call has locked; then the row fails. A real org waits 10 s.
    pub lock_wait_ms: u64,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            access: ApiAccess::Enabled,
            oldest_version: 31,
            newest_version: 68,
            latency_ms: 0,
            latency_ms_per_row: 0,
            page_size: 2000,
        }
    }
}

impl Default for QuotaSettings {
    fn default() -> Self {
        Self { max: 5_000_000, used: 0, hard: true }
    }
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self {
            session_seconds: 7200,
            client_ids: vec![CLIENT_ID.to_owned()],
            client_secret: CLIENT_SECRET.to_owned(),
            jwt_public_key: None,
            instance_url: None,
            clock_ahead_seconds: 0,
        }
    }
}

impl Default for UserSettings {
    fn default() -> Self {
        Self { view_setup: true, view_all_data: true, hidden: Vec::new(), read_only: Vec::new(), owner_only: false }
    }
}

impl Default for ReadingSettings {
    fn default() -> Self {
        Self {
            unknown_field: Refuses::Call,
            malformed_value: Refuses::Call,
            malformed_text: None,
            columns: Columns::Characters,
            same_id_twice: SameIdTwice::FailAll,
            failed_rows_say_created: SayCreated::Alternate,
            soql_ignores_case: false,
            upsert_minds_case: false,
            refuse_null_checkbox: false,
        }
    }
}
