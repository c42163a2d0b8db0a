//! Reads Kafka topics and writes their records into Salesforce `SObject`s, each exactly accounted for.

#![forbid(unsafe_code)]

pub mod config;
pub mod ops;
pub mod pipeline;
pub mod record;
pub mod salesforce;
