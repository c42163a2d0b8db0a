//! What can be changed while an org runs. The defaults are the stricter reading wherever a real org's behaviour is not
//! known.

mod choices;

use serde::{Deserialize, Serialize, de::Error as _};

pub use choices::{ApiAccess, Columns, DuplicateAction, DuplicateRule, Refuses, SameIdTwice, SayCreated};
pub(crate) use choices::{Choices, Turns};

/// The settings of an org; their JSON form is that of `GET /sandbox/settings`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "switches, each of its own")]
pub struct Settings {
    /// Rows on a page of a query's answer.
    pub page_size: usize,
    /// What an unknown field refuses.
    pub unknown_field: Refuses,
    /// What a value that its field's type cannot read refuses, in a collection; alone it is always its call.
    pub malformed_value: Refuses,
    /// Texts that contain this are malformed values, whatever their field: what only the org knows to be bad.
    pub malformed_text: Option<String>,
    /// What the column of a parse error counts.
    pub columns: Columns,
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
    /// A write takes this long for each of its rows, and is applied at the end of it, also if its caller has gone.
    pub latency_ms_per_row: u64,
    /// The API versions that the org speaks; older ones are retired, newer ones are not known yet.
    pub oldest_version: u32,
    pub newest_version: u32,
    /// Whether the session's user may use the API, and whether the org has one.
    pub api: ApiAccess,
    /// Whether the session's user may view the setup: `GET /limits` is refused otherwise.
    pub view_setup: bool,
    /// Whether a collections call locks the parents that its rows name, and the records that they change, from its
    /// receipt to its answer.
    pub parent_locks: bool,
    /// How long a row waits for what another call has locked, before it fails. A real org waits 10 s.
    pub lock_wait_ms: u64,
    /// Objects and fields (`Contact`, `Contact.Title`) that the session's user may not see: they are in no describe, and
    /// unknown to every call. Taken away and given back while the org runs.
    pub hidden: Vec<String>,
    /// Objects and fields that the user may read only.
    pub read_only: Vec<String>,
    /// Records that were made by an outside hand (`POST /sandbox/records/…`) are not shared with the session's user.
    pub owner_only: bool,
    /// Whether the user has the right to view all data, without which no upsert goes by a key that is not unique.
    pub view_all_data: bool,
    /// Whether an upsert compares keys that are not unique with their case, which queries never do.
    pub upsert_minds_case: bool,
    /// Whether null for a checkbox refuses its row; else it is stored as false.
    pub refuse_null_checkbox: bool,
    /// Whether Accounts, Cases and Leads that are created or updated go to another owner, unless `Sforce-Auto-Assign`
    /// says not to.
    pub auto_assign: bool,
    /// Records that are taken for duplicates of each other.
    pub duplicate_rules: Vec<DuplicateRule>,
    /// How many records the org has room for, of all objects.
    pub storage_records: Option<usize>,
    /// Whether the journal keeps its entries. Off for benchmarks.
    pub journal: bool,
}

/// The credentials of the app that every new org knows.
pub const CLIENT_ID: &str = "sandbox-client";
pub const CLIENT_SECRET: &str = "sandbox-secret";

impl Default for Settings {
    fn default() -> Self {
        Self {
            page_size: 2000,
            unknown_field: Refuses::Call,
            malformed_value: Refuses::Call,
            malformed_text: None,
            columns: Columns::Characters,
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
            latency_ms_per_row: 0,
            oldest_version: 31,
            newest_version: 68,
            api: ApiAccess::Enabled,
            view_setup: true,
            parent_locks: false,
            lock_wait_ms: 0,
            hidden: Vec::new(),
            read_only: Vec::new(),
            owner_only: false,
            view_all_data: true,
            upsert_minds_case: false,
            refuse_null_checkbox: false,
            auto_assign: false,
            duplicate_rules: Vec::new(),
            storage_records: None,
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
