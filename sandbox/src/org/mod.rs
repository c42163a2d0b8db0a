//! The org: its records, users, sessions and limits. It knows no listener: what reaches it over a network is `server`'s.

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
