//! Stopping, starting, and sharing the work.

mod configuration;
mod replicas;
mod resume;
mod startup;
