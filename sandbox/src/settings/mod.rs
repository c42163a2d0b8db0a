//! What can be changed while an org runs. The defaults are the stricter reading wherever a real org's behaviour is not
//! known.

mod choices;
mod document;
mod groups;
mod values;

pub(crate) use choices::{Choices, Turns};
pub use document::Settings;
pub use groups::{
    ApiSettings, CLIENT_ID, CLIENT_SECRET, LockSettings, LoginSettings, QuotaSettings, ReadingSettings, RuleSettings,
    UserSettings,
};
pub use values::{ApiAccess, Columns, DuplicateAction, DuplicateRule, Refuses, SameIdTwice, SayCreated};
