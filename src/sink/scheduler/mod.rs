//! The one task between all lanes and the org, and the lanes' connection to it. It owns the core (`order`) and applies
//! its effects.

mod closed_valves;
mod create_only;
mod lane_link;
#[expect(clippy::module_inception, reason = "the task is called so")]
mod scheduler;
mod settings;
mod slow_calls;

pub use self::settings::{MAX_AHEAD, Settings};
pub(super) use self::{
    lane_link::{LaneConnection, PendingLetter, SchedulerLink},
    scheduler::{SchedulerParts, start},
    settings::PATIENCE,
};
