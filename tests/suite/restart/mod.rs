//! Stopping, starting, and sharing the work.

mod configuration;
mod lag;
mod lease;
mod replicas;
mod resume;
mod startup;
