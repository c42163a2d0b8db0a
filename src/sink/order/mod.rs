//! Order as data: decides what happens to each record between its lane and the org, with one change per identity at a
//! time in the whole process. No I/O, no lock, no future: [`core::Core`] takes in events and returns effects.
//! docs/architecture.md draws the tables and the states of a row.
//!
//! ```text
//! lanes ── Submit, Settled, Drain ─►  identities ─► places ─┐                  ┌─ outcome ─► OutcomeCounts, Letter, Progress
//!                                     (one FIFO each)       ├─ Granted ─► call ┼─ backoff, parked ─► waits ─► places
//!                                     pinned (exact groups) ┘                  └─ org, unknown, halves ─► waits ─► pinned
//! ```
//!
//! Rows that are repeated share calls with new rows, so that nothing deadlocks and one locked row leaves no permit
//! unused. Rows are pinned as a group where it matters which of them share a call: halves of a call that failed as a
//! whole, a call that is repeated as it was, a row that must be alone. Rows of a route whose breaker is open wait apart
//! from all this; one at a time is pinned as the probe.

mod abandon;
#[cfg(test)]
mod audit;
mod batch_queues;
mod breaker;
mod classes;
mod contention;
mod core;
mod cost;
mod dispatch;
mod event;
mod fifo;
mod groups;
mod hints;
mod identities;
mod ids;
mod lanes;
mod list;
mod load;
mod missing_parents;
mod moment;
mod outcomes;
mod pace;
mod parents;
mod peak;
mod pinned;
mod place;
mod probe_pace;
mod queues;
mod races;
mod refused;
mod rejections;
mod repeats;
mod rounds;
mod routes;
mod row;
mod scope;
mod settings;
mod shares;
mod size_limits;
mod slab;
mod submissions;
mod tables;
#[cfg(test)]
mod tests;
mod timers;
mod trial;
mod valve;
mod valves;
mod waiting_children;
mod waits;
mod witness;

pub use self::event::Drained;
pub(super) use self::{
    breaker::Ruling,
    core::Core,
    cost::{Change, Cost},
    event::{
        AnsweredRow, CallPart, CallRow, Effect, Event, LaneProgress, Letter, LetterEnd, Notice, OutcomeCounts, Permit,
        Submission, SubmissionKind, ValveName,
    },
    ids::{CallId, LaneId, RowId},
    moment::Moment,
    row::{Body, Decoded},
    settings::Settings,
};
