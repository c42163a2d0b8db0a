//! The daemon's reports of itself, and the signals by which it is told to stop.

pub mod admin;
mod closed;
mod counters;
mod daily_calls;
pub mod health;
mod lanes;
mod ledger;
pub mod metrics;
mod open_transaction;
mod process;
mod route_metrics;
pub mod signal;
mod state;
pub mod status;
pub mod telemetry;
