//! Each verdict of the failure model for each operation in both id modes: what the org applies, how often and in which
//! order, and what becomes a dead letter. `faults` shows the verdicts one by one; this is the whole table.

mod case;
mod round;
mod table;

use sandbox::Org;
use serde_json::json;

use crate::harness::until;
use case::{ACTS, Case};
use round::Rounds;
use table::{Verdict, of_one_call, of_one_question, of_the_org, unfitting};

fn cases(verdict: &Verdict) -> impl Iterator<Item = Case> {
    ACTS.into_iter().filter_map(|act| Case::new(verdict, act))
}

/// The verdicts of rows and of single calls run all at once, since no two cases share a call.
#[tokio::test(flavor = "multi_thread")]
async fn each_verdict_of_a_row_or_a_call_has_its_effect_for_each_operation() {
    let mut rounds = Rounds::start("verdicts").await;
    let all: Vec<_> = of_one_call().iter().chain(&of_one_question()).flat_map(cases).collect();
    let faults = all.iter().filter_map(Case::fault).collect();
    rounds.play(all, faults, async |_| ()).await;
    // Three answers in a row that do not fit would be fatal.
    for case in unfitting().iter().flat_map(cases) {
        let faults = case.fault().into_iter().collect();
        rounds.play(vec![case], faults, async |_| ()).await;
    }
    rounds.finish().await;
}

/// The verdicts of the org as a whole run one after the other, each for all operations.
#[tokio::test(flavor = "multi_thread")]
async fn each_verdict_of_the_whole_org_has_its_effect_for_each_operation() {
    let mut rounds = Rounds::start("org-verdicts").await;
    for verdict in of_the_org() {
        let mended = async |org: &Org| {
            if verdict.name == "quota" {
                until("refusals", async || (org.calls().over_quota > 1).then_some(())).await;
                org.change_settings(json!({"quota_used": 0})).unwrap();
            }
        };
        let faults = verdict.fault.iter().cloned().collect();
        rounds.play(cases(&verdict).collect(), faults, mended).await;
    }
    rounds.finish().await;
}
