//! The session: one for all callers, renewed by one of them, and never by a storm of logins.

pub(super) mod auth;
mod clock;
pub(super) mod grant;
pub(super) mod login;
mod pacing;
