//! Reads Kafka topics and writes their records into Salesforce `SObject`s, each exactly accounted for.

#![forbid(unsafe_code)]

mod check;
pub mod cli;
pub mod config;
pub mod daemon;
#[cfg(feature = "dev")]
pub mod dev;
#[cfg(any(test, fuzzing))]
pub mod foreign;
pub mod format;
pub mod kafka;
mod memory;
mod mutation;
pub mod ops;
pub mod pipeline;
pub mod record;
pub mod route;
pub mod salesforce;
mod startup;
mod web;
