//! Converts a message to a command: operation, target and fields. The code is pure: it does no I/O.

mod call_options;
mod coerce;
mod fields;
mod header;
mod identity;
mod operation;
mod parent;
mod plausible_text;
mod refusal;
#[expect(clippy::module_inception, reason = "the noun is called a route")]
mod route;
mod routes;
mod row_builder;
mod settings;
#[cfg(test)]
mod tests;

pub use refusal::{Refusal, Refused, Unread, WrongField};
pub use route::{Delivery, Intent, Route};
pub use routes::{RouteError, Routes, UnroutedTopic};
