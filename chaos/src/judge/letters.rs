//! The dead letters: each must be its record, byte for byte, with the cause that fits it.

use std::collections::BTreeMap;

use super::Evidence;
use crate::{
    change::{Kind, NOT_FOUND, REFUSED_BY_ORG},
    history::LARGE,
    interruptions::TopicPartition,
    source::Source,
};

/// The dead letters of one record: the cause of each.
#[derive(Debug, Default)]
pub(super) struct Letter {
    pub(super) causes: Vec<String>,
}

pub(super) type Letters = BTreeMap<(TopicPartition, i64), Letter>;

/// Reads the dead letters, and reports those that are not their record, or have another cause.
pub(super) fn read(evidence: &Evidence, problems: &mut Vec<String>) -> Letters {
    let mut letters = Letters::new();
    for letter in &evidence.letters {
        let header = |name: &str| letter.header(name).unwrap_or_default();
        let topic = header("__connect.errors.topic");
        let partition: i32 = header("__connect.errors.partition").parse().unwrap_or(-1);
        let offset: i64 = header("__connect.errors.offset").parse().unwrap_or(-1);
        let class = header("__connect.errors.exception.class.name").trim_start_matches("sobjectd.").to_owned();
        let source = evidence.sources.iter().find(|source| source.topic == topic);
        let of = |source: &'_ Source| {
            let mut records = source.records.iter();
            records.find(|record| (record.partition, record.offset) == (partition, offset)).cloned()
        };
        let Some((source, record)) = source.and_then(|source| Some((source, of(source)?))) else {
            problems.push(format!("a dead letter of no record: {topic}[{partition}]@{offset}"));
            continue;
        };
        let bytes = record.value.as_ref().map_or(0, Vec::len);
        // A letter that its topic does not take goes without its value, and says how long that was.
        let refers = letter.value.is_none() && bytes >= LARGE && header("sobjectd.value.bytes") == bytes.to_string();
        if letter.key != record.key || (letter.value != record.value && !refers) {
            problems.push(format!("the dead letter of {topic}[{partition}]@{offset} is not its record"));
        }
        let wanted = match source.kind(&record) {
            Kind::Reject(class) => class,
            _ => NOT_FOUND,
        };
        // A row that the org would refuse is not sent to a record that is not there.
        let unsent = wanted == REFUSED_BY_ORG && class == NOT_FOUND;
        if class != wanted && !unsent {
            problems.push(format!("the dead letter of {topic}[{partition}]@{offset} says {class}, not {wanted}"));
        }
        letters.entry(((topic.to_owned(), partition), offset)).or_default().causes.push(class);
    }
    letters
}
