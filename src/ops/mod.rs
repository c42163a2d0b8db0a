//! What the daemon shows of itself, and how it is told to stop.

pub mod admin;
mod counters;
pub mod health;
mod ledger;
pub mod metrics;
mod process;
pub mod signal;
pub mod status;
pub mod telemetry;
