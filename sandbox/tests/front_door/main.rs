//! The org through its front door: real HTTP over loopback, one binary.

mod client;
mod rows;

use client::Client;
