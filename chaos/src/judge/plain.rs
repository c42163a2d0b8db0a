//! Plain inserts: each makes a record of its own, which no later change names. None is lost, and one that was
//! interrupted, or whose answer was hidden, may be made again.

use super::Evidence;
use crate::change::{Fields, Kind};

/// Reports plain inserts that have made no record, or too many.
pub(super) fn judge(evidence: &Evidence, made: &[Fields], problems: &mut Vec<String>) {
    let mut asked = 0;
    for source in &evidence.sources {
        for record in &source.records {
            let Kind::Insert(fields) = source.kind(record) else { continue };
            let place = (source.topic.clone(), record.partition);
            let hits = evidence.interruptions.iter().filter(|interruption| interruption.hits(&place)).count();
            let hidden = if evidence.repeats { evidence.struck } else { 0 };
            let count = made.iter().filter(|made| **made == fields).count();
            asked += count;
            if count == 0 || count > 1 + hits + hidden {
                let offset = record.offset;
                problems.push(format!(
                    "the insert of {place:?}@{offset} has made {count} records after {hits} interruptions"
                ));
            }
        }
    }
    if asked != made.len() {
        problems.push(format!("{} records were made that no insert asks for", made.len() - asked));
    }
}
