//! The core against a world in which anything may happen at any time.

mod answers;
mod jobs;
mod judge;
mod promises;
mod seen;
mod steps;
mod world;
