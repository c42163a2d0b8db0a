//! Reads Kafka topics and writes their records into Salesforce `SObject`s, each exactly accounted for.

pub mod config;
