//! What to do with a message, and to whom: a pure table, without any I/O.

mod coerce;
mod fields;
mod header;
mod identity;
mod operation;
mod options;
mod parent;
mod refusal;
#[expect(clippy::module_inception, reason = "the noun is called a route")]
mod route;
mod routes;
mod row_builder;
#[cfg(test)]
mod tests;
mod texts;

pub use refusal::{Refusal, Refused, Unread, WrongField};
pub use route::{Intent, Route};
pub use routes::{RouteError, Routes, UnroutedTopic};
