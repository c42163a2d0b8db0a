//! A topic that was deleted and made again: from some record on, all that it holds now must have arrived.

use super::{Evidence, judge};

/// Returns the problems that remain if the beginning of the new topic is allowed to be missing: an offset of the old
/// topic may be committed after it was deleted, since Kafka's offsets know a topic by its name alone.
pub(crate) fn judge_recreated(mut evidence: Evidence) -> Vec<String> {
    let problems = judge(&evidence).problems;
    let mut rest = problems.clone();
    while !rest.is_empty() {
        let records = &mut evidence.sources[0].records;
        if records.len() < 2 {
            return problems;
        }
        records.remove(0);
        rest = judge(&evidence).problems;
    }
    rest
}
