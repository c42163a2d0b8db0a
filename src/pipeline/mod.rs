//! The tasks that a record passes between Kafka and Salesforce. Names neither's client: tests run all of it in paused
//! time against a scripted org.

mod org;

pub use org::{BatchKey, Org, Row, Turn};
