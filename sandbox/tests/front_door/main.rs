//! The org through its front door: real HTTP over loopback, one binary.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]

mod boundaries;
mod broker;
mod client;
mod collections;
mod composite;
mod control;
mod cuts;
mod describe;
mod details;
mod duplicates;
mod faults;
mod foreign;
mod gzip;
mod headers;
mod identity;
mod keys;
mod login;
mod owners;
mod query;
mod quota;
mod readings;
mod retrieve;
mod rights;
mod rows;
mod schema;
mod sharing;
mod slow;
mod trouble;
mod validation;
mod versions;

use client::{Client, codes, collection};
