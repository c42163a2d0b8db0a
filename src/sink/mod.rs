//! The tasks that a record passes between Kafka and Salesforce. Names neither's client: tests run all of it in paused
//! time against a scripted org.

pub mod budget;
pub mod dead_letters;
mod intake;
pub mod lane;
mod lane_error;
mod order;
mod org;
mod pipeline;
pub mod rejection_log;
pub mod route;
mod scheduler;
pub mod settle;
#[cfg(test)]
mod tests;

pub use self::{
    lane_error::LaneError,
    org::{CallPermit, Org},
    pipeline::{Parts, Pipeline},
    scheduler::{MAX_AHEAD, Settings},
};
