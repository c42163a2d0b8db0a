//! The one task between all lanes and the org, and the lanes' way to it: it owns the core (`order`) and does what that
//! says.

#![cfg_attr(not(test), expect(dead_code, reason = "the scheduler takes the batcher's place in a change of its own"))]

mod core_settings;
mod lane_link;
mod lane_task;
#[expect(clippy::module_inception, reason = "the task is called so")]
mod scheduler;

#[path = "../batcher/create_only.rs"]
#[expect(clippy::duplicate_mod, reason = "it moves here when the batcher goes")]
mod create_only;
#[path = "../batcher/slow.rs"]
#[expect(clippy::duplicate_mod, reason = "it moves here when the batcher goes")]
mod slow;

/// What `slow` needs of the batcher's sizes.
mod sizes {
    use crate::record::{Action, ApiName, BatchKey};

    pub(super) fn place(key: &BatchKey) -> (ApiName, Action) {
        (key.sobject.clone(), key.action)
    }
}

pub(super) use self::lane_link::LaneEnd;
#[cfg(test)]
pub(super) use self::{
    core_settings::core_settings,
    lane_link::SchedulerLink,
    lane_task::LaneTask,
    scheduler::{Around, start},
};
