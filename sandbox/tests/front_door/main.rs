//! The org through its front door: real HTTP over loopback, one binary.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]

mod broker;
mod client;
mod collections;
mod control;
mod cuts;
mod describe;
mod faults;
mod foreign;
mod gzip;
mod headers;
mod identity;
mod keys;
mod login;
mod query;
mod quota;
mod readings;
mod retrieve;
mod rows;
mod schema;
mod slow;
mod trouble;
mod validation;
mod versions;

use client::{Client, codes, collection};
