//! The way to the org, on real listeners.

mod connections;
mod gzip;
mod hosts;
mod proxies;
mod tls;

use crate::harness::{Record, upsert};

fn numbered(count: usize) -> Vec<Record> {
    (0..count).map(|n| upsert(&format!("key{n}"), "x")).collect()
}
