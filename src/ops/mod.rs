//! What the daemon shows of itself, and how it is told to stop.

mod activity;
pub mod admin;
mod books;
pub mod health;
pub mod metrics;
mod process;
pub mod signal;
pub mod status;
pub mod telemetry;
