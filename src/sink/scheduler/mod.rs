//! The one task between all lanes and the org, and the lanes' way to it: it owns the core (`order`) and does what that
//! says.

mod create_only;
mod lane_link;
#[expect(clippy::module_inception, reason = "the task is called so")]
mod scheduler;
mod settings;
mod slow_calls;

pub use self::settings::{MAX_AHEAD, Settings};
pub(super) use self::{
    lane_link::{LaneEnd, PendingLetter, SchedulerLink},
    scheduler::{Around, start},
    settings::PATIENCE,
};
