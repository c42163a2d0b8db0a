//! What to do with a message, and to whom: a pure table, without any I/O.

mod fields;
mod identity;
mod operation;
#[expect(clippy::module_inception, reason = "the noun is called a route")]
mod route;
mod routes;
#[cfg(test)]
mod tests;

pub use route::{Refusal, Refused, Route};
pub use routes::{Routes, UnroutedTopic};
