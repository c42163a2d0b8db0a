//! Stopping, starting, and sharing the work.

mod configuration;
mod lag;
mod lease;
mod resume;
mod startup;
mod transactions;
