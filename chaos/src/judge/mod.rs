//! The verdict over a run: from the org's journal and records, the topics, the dead letters and the committed offsets.

mod evidence;
mod letters;
mod plain;
mod recreated;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use self::letters::Letters;
pub(crate) use self::{evidence::Evidence, recreated::judge_recreated};
use crate::{
    change::{Change, Event, Fields, Kind, Op},
    interruptions::{Interruption, TopicPartition},
    moves::{self, Losses, Stray},
    order_check::{self, Allowance, explain},
    org::{Entry, Stored},
    source::{Identity, Names, Source},
};

/// The judgement over a run.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Empty if the promises were kept.
    pub problems: Vec<String>,
    pub records: usize,
    pub letters: usize,
    pub events: usize,
    /// Identities that saw more than one run.
    pub repeated: usize,
    /// Events of lost calls that were applied out of order.
    pub late: usize,
}

/// How long before a loss was known, and after it, a call that was sent before may be applied.
const AT_ONCE_MS: u64 = 1_000;
const LATE_MS: u64 = 1_000;

/// The changes of one identity, and its events in the journal.
#[derive(Debug, Default)]
struct History {
    partition: TopicPartition,
    changes: Vec<Change>,
    events: Vec<Event>,
    /// The time at which its key last moved to another record.
    moved_ms: Option<u64>,
    /// Changes of a record that had lost the key, as is allowed for a moment.
    strays: usize,
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
    let (histories, made) = histories(evidence, &mut verdict.problems);
    plain::judge(evidence, &made, &mut verdict.problems);
    let letters = letters::read(evidence, &mut verdict.problems);
    let mut stored = stored(evidence);
    let mut may_be_letters = BTreeSet::new();
    for (identity, history) in &histories {
        let hits = evidence.interruptions.iter().filter(|interruption| interruption.hits(&history.partition));
        let hits: Vec<_> = hits.collect();
        let offsets = |found: Vec<i64>| found.into_iter().map(|offset| (history.partition.clone(), offset));
        let may = |change: &&Change| matches!(change.kind, Kind::Update(_) | Kind::Reject(_));
        let perhaps = || history.changes.iter().filter(may).map(|change| change.offset).collect();
        if history.strays > 0 {
            // Some of its changes are on the one record, and some on the other.
            stored.remove(identity);
            may_be_letters.extend(offsets(perhaps()));
            continue;
        }
        let in_order = one_identity(evidence, identity, history, &hits, &letters, &mut verdict);
        let (held, wanted) = (stored.remove(identity), order_check::left(&history.changes));
        // A change may have come between the reading of the old record and the making of the new one.
        let is_told = history.moved_ms.is_none_or(|at| history.events.last().is_some_and(|event| event.at_ms > at));
        if in_order && is_told && held.as_ref() != wanted {
            verdict.problems.push(format!("{identity:?} holds {held:?}, and the last change left {wanted:?}"));
        }
        if hits.is_empty() {
            may_be_letters.extend(offsets(order_check::letters(&history.changes)));
        } else {
            may_be_letters.extend(offsets(perhaps()));
        }
    }
    // Records of plain inserts have no history.
    stored.retain(|(field, _), _| *field != Names::RecordId.field());
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
    let window = |(from, to): (u64, u64)| (from.saturating_sub(AT_ONCE_MS), to + LATE_MS);
    let losses: Vec<_> = hits.iter().filter_map(|hit| hit.wire_ms.map(window)).collect();
    let lettered = |offset| letters.contains_key(&(history.partition.clone(), offset));
    let explained = |losses| {
        let allowance = Allowance { repeats: evidence.repeats, losses };
        explain(&history.changes, &history.events, lettered, allowance)
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
        fields
            .and_then(|fields| fields.get("Text__c").or_else(|| fields.get("Subject")))
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    let asked = history.changes.iter().map(|Change { offset, kind }| {
        let (word, fields) = match kind {
            Kind::Upsert(fields) => ("upsert", Some(fields)),
            Kind::Update(fields) => ("update", Some(fields)),
            Kind::Delete => ("delete", None),
            Kind::Insert(fields) => ("insert", Some(fields)),
            Kind::Reject(_) => ("reject", None),
        };
        format!(" {offset}:{word}{}", stamp(fields))
    });
    let seen = history.events.iter().map(|Event { at_ms, op, fields }| {
        let op = format!("{op:?}").to_lowercase();
        format!(" {op}{}@{}", stamp(fields.as_ref()), at_ms % 1_000_000)
    });
    let (asked, seen) = (asked.collect::<String>(), seen.collect::<String>());
    format!("      {:?} asks for{asked}\n      the journal says{seen}", history.partition)
}

/// The histories of all identities, and the records that were made and that no history names.
fn histories(evidence: &Evidence, problems: &mut Vec<String>) -> (BTreeMap<Identity, History>, Vec<Fields>) {
    let mut histories: BTreeMap<Identity, History> = BTreeMap::new();
    let mut made = Vec::new();
    for source in &evidence.sources {
        for (id, fields) in evidence.before.iter().filter(|_| source.names == Names::RecordId) {
            let history = histories.entry(source.identity(id)).or_default();
            history.changes.push(Change { offset: -1, kind: Kind::Upsert(fields.clone()) });
        }
        for record in &source.records {
            let kind = source.kind(record);
            if matches!(kind, Kind::Insert(_)) {
                continue;
            }
            let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
            let history = histories.entry(source.identity(&key)).or_default();
            history.partition = (source.topic.clone(), record.partition);
            history.changes.push(Change { offset: record.offset, kind });
        }
    }
    let losses = Losses::read(&evidence.journal);
    for entry in &evidence.journal {
        let had = before_loss(&evidence.sources, entry).and_then(|identity| histories.get_mut(&identity));
        match (losses.stray(entry), had) {
            (Some(Stray::Wrong { after_ms }), _) => {
                let Entry { op, keys, .. } = entry;
                problems.push(format!("{op:?} of a record that had lost its key {after_ms} ms before: {keys:?}"));
            }
            (Some(Stray::Allowed), Some(history)) => history.strays += 1,
            (None, Some(history)) if entry.outside => history.moved_ms = Some(entry.at_ms),
            _ => {}
        }
        if entry.outside || losses.stray(entry).is_some() {
            continue;
        }
        let identity = named(&evidence.sources, |field| entry.keys.get(field));
        let fields = entry.fields.clone().map(values);
        match (identity.as_ref().and_then(|identity| histories.get_mut(identity)), identity) {
            (Some(history), _) => history.events.push(Event { at_ms: entry.at_ms, op: entry.op, fields }),
            (None, Some(("Id", _))) if entry.op == Op::Create => made.extend(fields),
            _ => problems.push(format!("the org has changed a record {:?} that no record names", entry.keys)),
        }
    }
    (histories, made)
}

/// The identity that the record of this entry had before it lost its key.
fn before_loss(sources: &[Source], entry: &Entry) -> Option<Identity> {
    let of = |source: &Source| Some(source.identity(moves::had(entry.keys.get(source.names.field())?)?));
    sources.iter().find_map(of)
}

/// Fields that name a row, or that the org sets by itself.
const NOT_GIVEN: [&str; 9] =
    ["attributes", "Id", "id", "ExternalId__c", "ExternalIdCase__c", "Serial__c", "CaseNumber", "Priority", "Status"];

fn values(mut fields: Fields) -> Fields {
    fields.retain(|name, _| !NOT_GIVEN.contains(&name.as_str()));
    fields
}

/// The records of the org that have an identity, as they are now.
fn stored(evidence: &Evidence) -> HashMap<Identity, Fields> {
    let of = |stored: &Stored| {
        let identity = named(&evidence.sources, |field| stored.fields.get(field))?;
        Some((identity, values(stored.fields.clone())))
    };
    let keyed = evidence.stored.iter().filter(|stored| !stored.fields.values().any(moves::is_lost));
    keyed.filter_map(of).collect()
}

/// The identity by the naming field that has a value.
fn named<'a>(sources: &[Source], field: impl Fn(&str) -> Option<&'a Value>) -> Option<Identity> {
    sources.iter().find_map(|source| Some(source.identity(field(source.names.field())?.as_str()?)))
}
