//! The topic without an external id: changes of records by their own ids, and plain inserts. Pure.

use rand::{Rng, RngExt as _};

use crate::planned::{PARTITIONS, Planned, TOPICS};

/// The number of records that are there before the run. The key of a planned change is the number of one of them.
pub(crate) const RECORDS: usize = 18;
/// Every fifth of this number of records at the beginning of a history is by record id.
pub(crate) const UNTIL: usize = 1_000;

/// The value that a record holds before the run.
pub(crate) fn first(number: usize) -> String {
    format!("before {number}")
}

/// The record number `n` of a history.
pub(crate) fn planned(random: &mut impl Rng, n: usize) -> Planned {
    let number = random.random_range(0..RECORDS);
    let whole = Some(format!(r#"{{"Subject":"{n}"}}"#));
    let (operation, value) = match random.random_range(0..100) {
        0..50 => (Some("UPDATE"), whole),
        50..60 => (None, whole),
        60..90 => (Some("INSERT"), whole),
        90..94 => (Some("DELETE"), None),
        94..96 => (None, None),
        _ => (Some("UPSERT"), whole),
    };
    let partition = i32::try_from(number).unwrap_or_default() % PARTITIONS;
    Planned { topic: TOPICS, partition, key: number.to_string(), value, operation }
}
