//! The composition root: builds every part, joins them, and takes them down in order.

mod consumer_observer;
mod dead_letters;
mod lane_host;
mod memory;
mod observer;
mod org;
mod run;
mod startup;
mod wiring;

pub use self::run::run;
pub(crate) use self::startup::Misconfigured;
