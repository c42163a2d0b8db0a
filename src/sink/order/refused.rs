//! Rows of a call that was refused as a whole: some are tried first, and the others follow from that
//! ([`super::hints`]).

use std::collections::HashSet;

use super::{
    hints::{self, Next, Then, Tried, Trust},
    ids::{QueueIndex, RowIndex, TrialIndex},
    pinned::{Group, GroupHistory, TrialLink},
    rejections::reject,
    row::State,
    tables::Tables,
    trial::Trial,
};
use crate::record::{Cause, Reason, Suspicion};

/// Decides on the rows of a refused call, by how the answer names each.
pub(super) fn refused(tables: &mut Tables, queue: QueueIndex, rows: Vec<(RowIndex, Suspicion)>, trust: Trust) {
    let field = rows.iter().map(|(_, named)| named).find(|named| matches!(named, Suspicion::Field(_)));
    let field = field.cloned().unwrap_or(Suspicion::NotNamed);
    match hints::refused(rows, trust) {
        Next::Halve(rows) => tables.halve(queue, rows, &GroupHistory::default()),
        Next::Try(tried) => attempt(tables, queue, tried, &field),
    }
}

fn attempt(tables: &mut Tables, queue: QueueIndex, mut tried: Tried<RowIndex>, field: &Suspicion) {
    let trust = if tried.hint { Trust::Believed } else { Trust::Disproved };
    let first = std::mem::take(&mut tried.first);
    let waiting: Vec<_> = tried.spoken_for.iter().chain(&tried.rest).copied().collect();
    let trial = tables.trials.insert(Trial::new(queue, tried));
    for row in waiting {
        tables.set(row, State::OnTrial(trial), tables.now);
    }
    for rows in first {
        let witness = Some(TrialLink { trial, field: field.clone() });
        tables.pin(queue, rows, GroupHistory { trust, witness, ..GroupHistory::default() });
    }
}

/// Lets the rows of a trial go on once all calls that went first have ended.
pub(super) fn end_trials(tables: &mut Tables) {
    while let Some(index) = ended(tables) {
        let Some(trial) = tables.trials.remove(index) else { return };
        for row in trial.rows() {
            tables.set(row, State::Unlisted, tables.now);
        }
        let finding = trial.finding();
        let Trial { queue, waiting, guilty, .. } = trial;
        match hints::tried(waiting, finding) {
            Then::Together { rows, trust, rejected } => {
                tables.pin(queue, rows, GroupHistory { trust, ..GroupHistory::default() });
                let cause = guilty.unwrap_or_else(|| Cause::new("refused as another row was"));
                for row in rejected {
                    reject(tables, row, Reason::Refused, cause.clone());
                }
            }
            Then::Search(tried) if tried.first.is_empty() => {}
            Then::Search(tried) => attempt(tables, queue, tried, &Suspicion::NotNamed),
        }
    }
}

/// Returns a trial that no group and no call names any more.
fn ended(tables: &Tables) -> Option<TrialIndex> {
    if tables.trials.is_empty() {
        return None;
    }
    let groups = tables.groups.iter().map(|(_, group)| group);
    let parts = tables.calls.iter().flat_map(|(_, call)| &call.parts);
    let trial = |group: &Group| group.past.witness.as_ref().map(|witness| witness.trial);
    let going: HashSet<_> = groups.chain(parts).filter_map(trial).collect();
    tables.trials.iter().map(|(index, _)| index).find(|index| !going.contains(index))
}
