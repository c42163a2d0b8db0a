//! Reads Kafka topics and writes their records into Salesforce `SObject`s, each exactly accounted for.

#![forbid(unsafe_code)]

#[cfg(test)]
mod boundaries;
mod check;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod dead_letter;
#[cfg(feature = "dev")]
pub mod dev;
pub mod format;
#[cfg(any(test, fuzzing))]
pub mod fuzz_properties;
pub mod kafka;
mod mutation;
pub mod ops;
pub mod record;
pub mod runtime;
pub mod salesforce;
pub mod sink;
