//! Whether both engines come to the same outcomes, where a plan leaves no choice.
//!
//! Jitter and the order of tasks decide which call meets which of the plan's answers. So a record that is good by itself
//! may be a dead letter of one engine only, if the plan's answers can make it one; and a bad one may be that for another
//! reason. What the record itself decides has to be the same.

use super::{
    ledger::Outcomes,
    plan::{Fate, Nature, Plan, RowFate},
};

pub(super) fn expect(plan: &Plan, batcher: &Outcomes, core: &Outcomes) -> Result<(), String> {
    for (partition, records) in plan.partitions.iter().enumerate() {
        for (offset, record) in records.records.iter().enumerate() {
            let outcomes = [batcher, core].map(|outcomes| outcomes[partition][offset].as_deref());
            let [Some(batcher), Some(core)] = outcomes else {
                return Err(format!("{partition}[{offset}] has no outcome: {outcomes:?}"));
            };
            let is_open = records.refusal(offset).is_none() && leaves_choice(plan, record.nature);
            if batcher != core && !is_open {
                return Err(format!("{partition}[{offset}] is {batcher} with the batcher, and {core} with the core"));
            }
        }
    }
    Ok(())
}

/// Whether the answers of a plan can decide on a record of this nature.
fn leaves_choice(plan: &Plan, nature: Nature) -> bool {
    let rejects = |fate: &Fate| match fate {
        Fate::Rows(rows) => rows.iter().any(|row| !matches!(row, RowFate::Written | RowFate::Deferred)),
        Fate::Later | Fate::Unknown { .. } | Fate::Fatal => true,
        Fate::Well | Fate::Transaction | Fate::Refused | Fate::Barred => false,
    };
    matches!(nature, Nature::Poison(_)) || plan.answers.iter().any(|answer| rejects(&answer.fate)) || has_poison(plan)
}

fn has_poison(plan: &Plan) -> bool {
    let records = plan.partitions.iter().flat_map(|partition| &partition.records);
    records.into_iter().any(|record| matches!(record.nature, Nature::Poison(_)))
}
