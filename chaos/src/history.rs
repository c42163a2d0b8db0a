//! The records to produce: a history of changes of some identities, the same for the same seed. Pure.
//!
//! Every identity lives in one partition of one topic, in all its spellings, and every value carries a stamp that no
//! other has, so that the org's journal tells which record a change came from.

use rand::{Rng, RngExt as _};

use crate::{
    by_record_id,
    planned::{ADDED, PARTITIONS, Planned, TOPICS},
};

/// Values of more bytes than this make large dead letters.
pub(crate) const LARGE: usize = 6_000;

/// The special properties of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is special by itself")]
pub(crate) struct Shape {
    /// The number of identities of each topic.
    pub identities: i32,
    /// The first topic gets [`ADDED`] partitions, and the second half of the history uses them.
    pub grows: bool,
    /// Half of the records are updates that find nothing.
    pub misses: bool,
    /// Half of the values that cannot be read are [`LARGE`].
    pub large: bool,
    /// Some texts are [`REFUSED`], and all have more bytes than characters.
    pub refused: bool,
}

/// A text that the org refuses: only the org knows that it is bad.
pub(crate) const REFUSED: &str = "\u{2620}";

impl Default for Shape {
    fn default() -> Self {
        Self { identities: 24, grows: false, misses: false, large: false, refused: false }
    }
}

/// A history of this number of records.
pub(crate) fn history(random: &mut impl Rng, records: usize, shape: Shape) -> Vec<Planned> {
    let planned = |n| {
        if n < by_record_id::UNTIL && random.random_bool(0.2) {
            return by_record_id::planned(random, n);
        }
        let mut record = planned(random, n, shape.identities, shape.grows && n * 2 >= records);
        if let Some(value) = record.value.as_mut().filter(|value| shape.large && n % 2 == 0 && !value.ends_with('}')) {
            value.push_str(&" ".repeat(LARGE));
        }
        if shape.misses && n % 2 == 0 {
            miss(&mut record, n);
        }
        if let Some(value) = record.value.as_mut().filter(|_| shape.refused) {
            let text = if random.random_bool(0.04) { REFUSED } else { "é" };
            *value = value.replacen("\"LongText__c\":\"", &format!("\"LongText__c\":\"{text}"), 1);
        }
        record
    };
    (0..records).map(planned).collect()
}

/// Makes the record an update of a record that does not exist.
fn miss(record: &mut Planned, n: usize) {
    record.key = format!("{}-absent-{}", record.key, n % 8);
    record.value = Some(format!(r#"{{"Text__c":"{n}"}}"#));
    record.operation = Some("UPDATE");
}

fn planned(random: &mut impl Rng, n: usize, identities: i32, grown: bool) -> Planned {
    let topic = random.random_range(0..TOPICS);
    // Some are changed much more often than others.
    let identity = random.random_range(0..identities).min(random.random_range(0..identities));
    let partition = identity % PARTITIONS;
    // Two spellings of some: one record to the first topic's field, and two to the second's.
    let letter = if identity % 4 == 0 && random.random() { 'K' } else { 'k' };
    let key = format!("{letter}{topic}-{identity}");
    let (key, partition) = if grown && topic == 0 && identity % 2 == 0 {
        (format!("{key}-late"), PARTITIONS + (identity / 2) % ADDED)
    } else {
        (key, partition)
    };
    let fields = format!(r#""Text__c":"{n}","LongText__c":"{}""#, random.random_range(0..1_000_000));
    let whole = Some(format!("{{{fields}}}"));
    let (operation, value) = match random.random_range(0..100) {
        0..40 => (Some("UPSERT"), whole),
        40..50 => (Some("INSERT"), whole),
        50..55 => (None, whole),
        55..78 => (Some("UPDATE"), whole),
        78..86 => (Some("DELETE"), None),
        86..92 => (None, None),
        92..94 => (Some("MERGE"), whole),
        94..96 => (Some("UPSERT"), Some(format!("{{{fields}"))),
        96..98 => (Some("UPDATE"), Some(format!(r#"{{{fields},"Nowhere__c":1}}"#))),
        _ => (Some("UPDATE"), None),
    };
    Planned { topic, partition, key, value, operation }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_seed_fixes_its_history_and_an_identity_stays_in_its_partition() {
        let of = |seed| {
            history(
                &mut StdRng::seed_from_u64(seed),
                2_000,
                Shape { grows: true, misses: true, large: true, refused: true, ..Shape::default() },
            )
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let mut homes = HashMap::new();
        for record in of(1).into_iter().filter(|record| record.topic < TOPICS) {
            let name = record.key.to_lowercase();
            assert_eq!(*homes.entry(name).or_insert(record.partition), record.partition, "{record:?}");
        }
        let spelt = |key: &str| of(1).iter().any(|record| record.key == key);
        assert!(["k0-4", "K0-4", "k1-4", "K1-4"].into_iter().all(spelt));
        assert!(homes.values().any(|partition| *partition >= PARTITIONS), "the added partitions are used");
    }
}
