//! The org: its records, users, sessions and limits. It knows no listener: connections and requests are `server`'s.

mod clock;
mod counters;
mod locks;
mod outside;
mod sessions;
mod state;

pub use counters::Calls;
pub(crate) use locks::HeldLocks;
pub(crate) use sessions::SessionError;
pub use state::Org;
