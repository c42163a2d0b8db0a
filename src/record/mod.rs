//! The nouns, without I/O: records and messages, identities and SObjects, commands, and the verdicts on them.

mod action;
mod api_name;
mod assignment_change;
mod batch;
mod call_options;
mod command;
mod fields;
mod identity;
mod login_result;
mod message;
mod number;
mod operation;
mod org_availability;
mod parent_name;
#[expect(clippy::module_inception, reason = "the noun is called a record")]
mod record;
mod record_id;
pub mod redaction;
mod refresh;
mod retry_kind;
mod sobject;
mod target_name;
mod verdict;

pub use action::Action;
pub use api_name::{AnyCase, ApiName};
pub use assignment_change::AssignmentChange;
pub use batch::{BatchKey, BatchRow, PlaceName};
pub use call_options::{CallOptionError, CallOptions, OptionHeader};
pub use command::{Command, OnMissing};
pub use fields::Fields;
pub use identity::{ExternalId, Identity, IdentityError, MatchKey, OrderKey};
pub use login_result::LoginResult;
pub use message::{LogicalType, Message, Object, Value, ValueKind};
pub(crate) use message::{Member, Name, Span};
pub use number::Decimal;
pub use operation::Operation;
pub use org_availability::{OrgAvailability, OrgTrouble};
pub use parent_name::ParentName;
pub use record::{Excess, Header, Position, Record, RecordBounds, Timestamp, headers_bytes};
pub use record_id::{RecordId, RecordIdError};
pub use refresh::Refresh;
pub use retry_kind::{RetryKind, Suspicion};
pub use sobject::{Access, Field, KeyField, KeyKind, SObject, Schema, ValueClass};
pub use target_name::TargetName;
pub use verdict::{Cause, ConnectStage, Doubt, Reason, Rejection, Verdict};
