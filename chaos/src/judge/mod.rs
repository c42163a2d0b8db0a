//! The verdict over a run: from the org's journal and records, the topics, the dead letters and the committed offsets.

mod letters;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use self::letters::Letters;
use crate::{
    change::{Change, Event, Fields, Kind},
    interruptions::{Interruption, Place},
    kafka::Read,
    org::{Entry, Stored},
    runs::{self, Leave, explain},
};

/// One topic, and how its records name what they change.
#[derive(Debug)]
pub(crate) struct Source {
    pub topic: String,
    pub key_field: &'static str,
    /// Whether keys that differ only in case name one record.
    pub ignores_case: bool,
    pub records: Vec<Read>,
    /// Of each partition: committed offset, end.
    pub progress: Vec<(i64, i64)>,
}

impl Source {
    fn identity(&self, key: &str) -> Identity {
        (self.key_field, if self.ignores_case { key.to_ascii_lowercase() } else { key.to_owned() })
    }
}

/// All that is known when a run is over.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub sources: Vec<Source>,
    pub letters: Vec<Read>,
    pub journal: Vec<Entry>,
    pub stored: Vec<Stored>,
    pub interruptions: Vec<Interruption>,
    /// Calls may have ended without an answer.
    pub repeats: bool,
}

#[derive(Debug, Default)]
pub struct Verdict {
    /// None when all is well.
    pub problems: Vec<String>,
    pub records: usize,
    pub letters: usize,
    pub events: usize,
    /// Identities that saw more than one run.
    pub repeated: usize,
    /// Events of lost calls, out of order.
    pub late: usize,
}

/// What was sent before a loss was known may be applied so long before that, or after it.
const AT_ONCE_MS: u64 = 1_000;
const LATE_MS: u64 = 1_000;

/// An external id field and the key, without case where the field ignores it.
type Identity = (&'static str, String);

#[derive(Debug, Default)]
struct History {
    place: Place,
    changes: Vec<Change>,
    events: Vec<Event>,
}

/// Judges a run whose replicas have ended.
pub(crate) fn judge(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict { events: evidence.journal.len(), letters: evidence.letters.len(), ..Verdict::default() };
    for source in &evidence.sources {
        verdict.records += source.records.len();
        for (partition, (committed, end)) in source.progress.iter().enumerate() {
            if committed != end {
                let Source { topic, .. } = source;
                verdict.problems.push(format!("{topic}[{partition}] is committed up to {committed} and ends at {end}"));
            }
        }
    }
    let histories = histories(evidence, &mut verdict.problems);
    let letters = letters::read(evidence, &mut verdict.problems);
    let mut stored = stored(evidence);
    let mut may_be_letters = BTreeSet::new();
    for (identity, history) in &histories {
        let hits = evidence.interruptions.iter().filter(|interruption| interruption.hits(&history.place));
        let hits: Vec<_> = hits.collect();
        let in_order = one_identity(evidence, identity, history, &hits, &letters, &mut verdict);
        let (held, wanted) = (stored.remove(identity), runs::left(&history.changes));
        if in_order && held.as_ref() != wanted {
            verdict.problems.push(format!("{identity:?} holds {held:?}, and the last change left {wanted:?}"));
        }
        let offsets = |found: Vec<i64>| found.into_iter().map(|offset| (history.place.clone(), offset));
        if hits.is_empty() {
            may_be_letters.extend(offsets(runs::letters(&history.changes)));
        } else {
            let may = |change: &&Change| matches!(change.kind, Kind::Update(_) | Kind::Reject(_));
            may_be_letters.extend(offsets(history.changes.iter().filter(may).map(|change| change.offset).collect()));
        }
    }
    verdict.problems.extend(stored.keys().map(|identity| format!("a record {identity:?} that nothing asked for")));
    for (at, letter) in &letters {
        if !may_be_letters.contains(at) {
            verdict.problems.push(format!("{at:?} is a dead letter, and should be written: {:?}", letter.causes));
        }
        let hits = evidence.interruptions.iter().filter(|interruption| interruption.hits(&at.0)).count();
        if letter.causes.len() > 1 + hits {
            verdict.problems.push(format!("{at:?} is {} dead letters after {hits} interruptions", letter.causes.len()));
        }
    }
    verdict
}

/// Returns whether the record must hold what the last change left.
fn one_identity(
    evidence: &Evidence,
    identity: &Identity,
    history: &History,
    hits: &[&Interruption],
    letters: &Letters,
    verdict: &mut Verdict,
) -> bool {
    let window = |wire_ms: u64| (wire_ms.saturating_sub(AT_ONCE_MS), wire_ms + LATE_MS);
    let losses: Vec<_> = hits.iter().filter_map(|hit| hit.wire_ms.map(window)).collect();
    let lettered = |offset| letters.contains_key(&(history.place.clone(), offset));
    let explained = |losses| {
        let leave = Leave { repeats: evidence.repeats, losses };
        explain(&history.changes, &history.events, lettered, leave)
    };
    // Nothing is late that a run explains.
    let strictly = explained(&[]).filter(|found| found.runs as usize <= hits.len());
    let Some(explained) = strictly.or_else(|| explained(&losses)) else {
        verdict.problems.push(format!("{identity:?}: no runs explain what the org saw\n{}", shown(history)));
        return false;
    };
    verdict.repeated += usize::from(explained.runs > 0);
    verdict.late += explained.late;
    if explained.runs as usize > hits.len() {
        let (runs, hits) = (explained.runs + 1, hits.len());
        verdict.problems.push(format!("{identity:?}: {runs} runs after {hits} interruptions\n{}", shown(history)));
    }
    explained.late == 0
}

fn shown(history: &History) -> String {
    let stamp = |fields: Option<&Fields>| {
        fields.and_then(|fields| fields.get("Text__c")).map(ToString::to_string).unwrap_or_default()
    };
    let asked = history.changes.iter().map(|Change { offset, kind }| {
        let (word, fields) = match kind {
            Kind::Upsert(fields) => ("upsert", Some(fields)),
            Kind::Update(fields) => ("update", Some(fields)),
            Kind::Delete => ("delete", None),
            Kind::Reject(_) => ("reject", None),
        };
        format!(" {offset}:{word}{}", stamp(fields))
    });
    let seen = history.events.iter().map(|Event { at_ms, op, fields }| {
        let op = format!("{op:?}").to_lowercase();
        format!(" {op}{}@{}", stamp(fields.as_ref()), at_ms % 1_000_000)
    });
    let (asked, seen) = (asked.collect::<String>(), seen.collect::<String>());
    format!("      {:?} asks for{asked}\n      the journal says{seen}", history.place)
}

fn histories(evidence: &Evidence, problems: &mut Vec<String>) -> BTreeMap<Identity, History> {
    let mut histories: BTreeMap<Identity, History> = BTreeMap::new();
    for source in &evidence.sources {
        for record in &source.records {
            let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
            let history = histories.entry(source.identity(&key)).or_default();
            history.place = (source.topic.clone(), record.partition);
            let kind = Kind::read(record.header("operation"), record.value.as_deref());
            history.changes.push(Change { offset: record.offset, kind });
        }
    }
    for entry in &evidence.journal {
        let identity = named(&evidence.sources, |field| entry.keys.get(field));
        let Some(history) = identity.and_then(|identity| histories.get_mut(&identity)) else {
            problems.push(format!("the org has changed a record {:?} that no record names", entry.keys));
            continue;
        };
        let fields = entry.fields.clone().map(|fields| values(fields, &evidence.sources));
        history.events.push(Event { at_ms: entry.at_ms, op: entry.op, fields });
    }
    histories
}

/// A row less what names it.
fn values(mut fields: Fields, sources: &[Source]) -> Fields {
    let names = |name: &str| {
        ["attributes", "Id", "id", "Serial__c"].contains(&name) || sources.iter().any(|s| s.key_field == name)
    };
    fields.retain(|name, _| !names(name));
    fields
}

/// What the org holds now.
fn stored(evidence: &Evidence) -> HashMap<Identity, Fields> {
    let of = |stored: &Stored| {
        let identity = named(&evidence.sources, |field| stored.fields.get(field))?;
        Some((identity, values(stored.fields.clone(), &evidence.sources)))
    };
    evidence.stored.iter().filter_map(of).collect()
}

/// By the external id field that has a value.
fn named<'a>(sources: &[Source], field: impl Fn(&str) -> Option<&'a Value>) -> Option<Identity> {
    sources.iter().find_map(|source| Some(source.identity(field(source.key_field)?.as_str()?)))
}
