//! What the daemon shows of itself, and how it is told to stop.

pub mod admin;
pub mod health;
pub mod metrics;
pub mod signal;
pub mod telemetry;
