//! A fault as it is written in `POST /sandbox/faults`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::Origin;

/// One fault.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub on: On,
    /// Only calls on this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sobject: Option<String>,
    /// Only calls with a row that has this key value or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Only calls whose address, query or body holds this text, as a firewall looks for it. An address is decoded first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Only calls with at least this number of rows, as a limit of the transaction strikes; of queries, only those that
    /// ask for at least this number of values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<usize>,
    /// Lets the first calls that match pass.
    #[serde(default)]
    pub after: u64,
    /// The number of times that it strikes; `null` is until it is cleared.
    #[serde(default = "once")]
    pub times: Option<u64>,
    #[serde(rename = "do")]
    pub action: Action,
}

/// Which calls a fault strikes. One of a single kind also strikes a part of a composite, if its effect is one of
/// [`Action::strikes_parts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    Login,
    /// The list of the API's versions.
    Versions,
    /// The resources of one version.
    Resources,
    Describe,
    Query,
    Limits,
    /// Composites as a whole.
    Composite,
    Create,
    Update,
    Upsert,
    Delete,
    /// Any of the four writes.
    Write,
    /// Anything but a login and the list of versions.
    Data,
    Any,
}

/// The effect of a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The call is applied and answered this much later, also if its caller has gone.
    Latency { ms: u64 },
    /// Fails the rows with the fault's `key`, or these `rows`, or all; the others are applied.
    RowError {
        code: String,
        message: String,
        #[serde(default)]
        fields: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<Vec<usize>>,
    },
    /// `UNABLE_TO_LOCK_ROW` for the rows with the fault's `key`, or all, after the call has waited for the lock. In a
    /// trigger that locks (`FOR UPDATE`) it is the trigger's error, whose text only tells.
    Lock {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        #[serde(default)]
        in_trigger: bool,
        #[serde(default)]
        wait_ms: u64,
    },
    /// Fails all rows of the call, and applies none.
    Trigger { code: String, message: String },
    /// The answer to the whole call: Salesforce's envelope (`error`), or any `body`, with these `headers` and those of
    /// `from`.
    Status {
        status: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StatusError>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_type: Option<String>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// The default is the org for an envelope, and a proxy for all else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Origin>,
        #[serde(default)]
        apply: bool,
    },
    OauthError {
        #[serde(default = "bad_request")]
        status: u16,
        error: String,
        description: String,
    },
    /// All sessions end, and the call answers 401. `heals:false`: new tokens are refused too, until the script is
    /// cleared.
    ExpireSessions {
        #[serde(default = "yes")]
        heals: bool,
    },
    /// The daily allocation is used up from now on.
    QuotaSpent {},
    /// The connection closes without an answer, or in the middle of one.
    Cut { when: When },
    /// A complete answer with only the first bytes of its JSON.
    Truncate { bytes: usize },
    /// A 200 with some other body.
    Garbage {
        body: String,
        #[serde(default = "yes")]
        apply: bool,
    },
    /// The call is applied, but this number of results is missing.
    FewerResults {
        #[serde(default = "one")]
        by: usize,
    },
    /// No answer until the script is cleared; then the call's own answer if it was applied, else none.
    Hang {
        #[serde(default)]
        apply: bool,
    },
    /// The call is applied this long after its receipt, whether or not its caller still waits.
    ApplyLater {
        ms: u64,
        #[serde(default)]
        answer: Answered,
    },
    /// The answer's body comes a byte at a time.
    Trickle { ms_per_byte: u64 },
}

impl Action {
    /// Whether it can strike a part of a composite: its rows, its answer, or the connection while the part is at work.
    pub fn strikes_parts(&self) -> bool {
        match self {
            Self::Latency { .. }
            | Self::RowError { .. }
            | Self::Lock { .. }
            | Self::Trigger { .. }
            | Self::FewerResults { .. }
            | Self::Status { .. }
            | Self::Garbage { .. }
            | Self::Cut { .. }
            | Self::Hang { .. } => true,
            Self::OauthError { .. }
            | Self::ExpireSessions { .. }
            | Self::QuotaSpent {}
            | Self::Truncate { .. }
            | Self::ApplyLater { .. }
            | Self::Trickle { .. } => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusError {
    pub code: String,
    pub message: String,
}

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Nothing is applied.
    Before,
    /// The call is applied, and no byte of its answer is sent.
    After,
    /// The call is applied, and half of its answer's body is sent.
    MidAnswer,
}

/// The answer to a call that is applied later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// Nothing, until the script is cleared.
    #[default]
    Hang,
    /// Its connection is cut at once.
    Cut,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional member")]
fn once() -> Option<u64> {
    Some(1)
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn bad_request() -> u16 {
    400
}
