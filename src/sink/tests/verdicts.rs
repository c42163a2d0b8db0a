use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::harness::{HOLD, Harness, ROW_TIMEOUT, unknown, verdicts, written};
use crate::record::{Cause, Doubt, OrgTrouble, Reason, Rejection, RetryKind, Suspicion, Verdict};

const QUICK: Duration = Duration::from_millis(5);

/// Ten records, one of them guilty; how often the org was called, and which offsets are dead.
async fn ten(guilty: &'static str, verdict: fn() -> Verdict, whole: bool) -> (Harness, Vec<(i64, String)>) {
    let harness = Harness::new(move |rows, _| {
        let is = |row: &str| row.starts_with(guilty);
        let all = whole && rows.iter().any(|row| is(row));
        (QUICK, verdicts(rows, |row| all || is(row), verdict))
    });
    let mut lane = harness.lane();
    for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        lane.send(key, "1").await;
    }
    lane.settled().await;
    let dead = harness.dead();
    (harness, dead)
}

#[tokio::test(start_paused = true)]
async fn one_rejected_row_costs_one_dead_letter() {
    let refused = || Verdict::Rejected(Rejection::new(Reason::Refused, "no"));
    let (harness, dead) = ten("d", refused, false).await;
    assert_eq!(dead, [(3, "sobjectd.Refused".to_owned())]);
    assert_eq!(harness.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_rejected_as_a_whole_is_halved_until_the_guilty_row_is_alone() {
    let refused = || Verdict::retry(RetryKind::Smaller { suspicion: Some(Suspicion::NotNamed) }, Cause::new("no"));
    let (harness, dead) = ten("d", refused, true).await;
    assert_eq!(dead, [(3, "sobjectd.Refused".to_owned())]);
    assert!(harness.calls().len() <= 9, "{:?}", harness.rows());
}

#[tokio::test(start_paused = true)]
async fn a_row_that_the_answer_names_goes_alone() {
    let harness = Harness::new(|rows, _| {
        let whole = rows.iter().any(|row| row.starts_with('d'));
        let named = |row: &String| if row.starts_with('d') { Suspicion::Row } else { Suspicion::NotNamed };
        let refused =
            |row: &String| Verdict::retry(RetryKind::Smaller { suspicion: Some(named(row)) }, Cause::new("no"));
        (QUICK, if whole { rows.iter().map(refused).collect() } else { written(rows) })
    });
    let mut lane = harness.lane();
    for key in ["a", "b", "c", "d", "e", "f"] {
        lane.send(key, "1").await;
    }
    lane.settled().await;
    assert_eq!(harness.dead(), [(3, "sobjectd.Refused".to_owned())]);
    assert_eq!(harness.rows().iter().map(Vec::len).collect::<Vec<_>>(), [6, 1, 5]);
}

/// One of 200 rows is guilty, and the answer names the first one.
#[tokio::test(start_paused = true)]
async fn an_answer_that_names_an_innocent_row_is_believed_once() {
    let harness = Harness::new(|rows, _| {
        let named = |index: usize| if index == 0 { Suspicion::Row } else { Suspicion::NotNamed };
        let refused = |index| Verdict::retry(RetryKind::Smaller { suspicion: Some(named(index)) }, Cause::new("no"));
        let whole = rows.iter().any(|row| row.starts_with("k150:"));
        (QUICK, if whole { (0..rows.len()).map(refused).collect() } else { written(rows) })
    });
    let mut lane = harness.lane();
    for number in 0..200 {
        lane.send(&format!("k{number}"), "1").await;
    }
    lane.settled().await;
    assert_eq!(harness.dead(), [(150, "sobjectd.Refused".to_owned())]);
    assert!(harness.calls().len() <= 2 + 15, "{} calls", harness.calls().len());
}

#[tokio::test(start_paused = true)]
async fn one_row_speaks_for_all_that_hold_the_rejected_field() {
    let harness = Harness::new(|rows, _| {
        let refused = |_: &String| {
            Verdict::retry(RetryKind::Smaller { suspicion: Some(Suspicion::Field("v__c".into())) }, Cause::new("no"))
        };
        (QUICK, rows.iter().map(refused).collect())
    });
    let mut lane = harness.lane();
    for number in 0..200 {
        lane.send(&format!("k{number}"), "1").await;
    }
    lane.settled().await;
    assert_eq!((harness.calls().len(), harness.dead().len()), (2, 200));
}

/// The row that goes first is lost with its lane.
#[tokio::test(start_paused = true)]
async fn rows_go_on_without_the_one_that_they_waited_for() {
    let harness = Harness::new(|rows, number| {
        let named = |row: &String| if row.starts_with('p') { Suspicion::Row } else { Suspicion::NotNamed };
        let refused =
            |row: &String| Verdict::retry(RetryKind::Smaller { suspicion: Some(named(row)) }, Cause::new("no"));
        match number {
            1 => (QUICK, rows.iter().map(refused).collect()),
            _ => (
                QUICK,
                verdicts(
                    rows,
                    |row| row.starts_with('p'),
                    || Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), Cause::new("busy")),
                ),
            ),
        }
    });
    let [mut guilty, mut lane] = [(); 2].map(|()| harness.lane());
    guilty.send("p", "1").await;
    lane.send("a", "1").await;
    lane.send("b", "1").await;
    while harness.calls().len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    guilty.task.abort();
    lane.settled().await;
    assert_eq!(harness.rows().last(), Some(&vec!["a:1".to_owned(), "b:1".to_owned()]));
    assert_eq!(harness.dead(), []);
}

#[tokio::test(start_paused = true)]
async fn a_row_goes_once_more_without_fields_that_can_only_be_created() {
    let without = || Verdict::retry(RetryKind::WithoutFields(vec!["V__c".into()]), Cause::new("no"));
    let harness = Harness::new(move |rows, _| (QUICK, verdicts(rows, |row| row != "a:", without)));
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    lane.settled().await;
    assert_eq!((harness.rows(), harness.dead()), (vec![vec!["a:1".to_owned()], vec!["a:".to_owned()]], vec![]));

    let harness = Harness::new(move |rows, _| (QUICK, verdicts(rows, |_| true, without)));
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    lane.settled().await;
    assert_eq!((harness.calls().len(), harness.dead().len()), (2, 1), "once");
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_fails_its_whole_call_costs_its_own_row() {
    let (_, dead) =
        ten("d", || Verdict::retry(RetryKind::Smaller { suspicion: None }, Cause::new("trigger")), true).await;
    assert_eq!(dead, [(3, "sobjectd.Refused".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_set_apart_go_again_together_and_then_alone() {
    let harness = Harness::new(|rows, _| {
        let alone = rows.len() == 1;
        (
            QUICK,
            verdicts(
                rows,
                |row| !alone && row < "c",
                || Verdict::retry(RetryKind::Alone, Cause::new("DUPLICATE_VALUE")),
            ),
        )
    });
    let mut lane = harness.lane();
    for key in ["a", "b", "c"] {
        lane.send(key, "1").await;
    }
    lane.settled().await;
    assert!(harness.dead().is_empty());
    let (together, mut alone) = (harness.rows()[..2].to_vec(), harness.rows()[2..].to_vec());
    alone.sort();
    assert_eq!(together, [vec!["a:1", "b:1", "c:1"], vec!["a:1", "b:1"]]);
    assert_eq!(alone, [["a:1"], ["b:1"]]);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_always_set_apart_is_rejected_after_half_a_minute() {
    let harness = Harness::new(|rows, _| {
        (QUICK, verdicts(rows, |row| row < "c", || Verdict::retry(RetryKind::Alone, Cause::new("DUPLICATE_VALUE"))))
    });
    let mut lane = harness.lane();
    for key in ["a", "b", "c", "d"] {
        lane.send(key, "1").await;
    }
    lane.settled().await;
    let dead: Vec<_> = [0, 1].map(|offset| (offset, "sobjectd.Refused".to_owned())).into();
    assert_eq!(harness.dead(), dead);
    let calls = harness.calls();
    assert_eq!(calls.len(), 1 + 1 + 2 + 2, "{calls:?}");
    let span = calls.last().unwrap().at.saturating_sub(calls[0].at);
    assert!(span >= Duration::from_secs(30) && span < Duration::from_secs(31), "{span:?}");
}

#[tokio::test(start_paused = true)]
async fn an_upsert_whose_record_was_deleted_meanwhile_goes_three_times_more() {
    for (gone, dead) in [(3, 0), (99, 1)] {
        let harness = Harness::new(move |rows, number| {
            (
                QUICK,
                verdicts(
                    rows,
                    |_| number <= gone,
                    || Verdict::retry(RetryKind::DeletedMeanwhile, Cause::new("entity is deleted")),
                ),
            )
        });
        let mut lane = harness.lane();
        lane.send("a", "1").await;
        lane.settled().await;
        assert_eq!((harness.calls().len(), harness.dead().len()), (4, dead), "gone {gone} times");
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_stays_locked_is_rejected_after_its_time_and_not_before() {
    let (harness, dead) = ten("d", || Verdict::retry(RetryKind::Backoff, Cause::new("locked")), false).await;
    assert_eq!(dead, [(3, "sobjectd.RowTimeout".to_owned())]);
    let last = harness.calls().last().map(|call| call.at).unwrap_or_default();
    assert!(last >= ROW_TIMEOUT && last < ROW_TIMEOUT + Duration::from_secs(5), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_rejects_nothing_however_long() {
    let up = Duration::from_secs(3000);
    let start = tokio::time::Instant::now();
    let harness = Harness::new(move |rows, _| {
        let later = start.elapsed() < up;
        (
            QUICK,
            verdicts(
                rows,
                |_| later,
                || Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), Cause::new("maintenance")),
            ),
        )
    });
    let mut lane = harness.lane();
    for key in ["a", "b", "c"] {
        lane.send(key, "1").await;
    }
    lane.settled().await;
    assert!(harness.dead().is_empty());
    assert!(harness.rows().iter().all(|rows| rows.len() == 3), "never halved: {:?}", harness.rows());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_while_others_succeed_is_poison_and_costs_one_row() {
    let harness = Harness::new(|rows, _| {
        let poison = rows.iter().any(|row| row.starts_with("bad"));
        (
            QUICK,
            verdicts(rows, |_| poison, || Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), Cause::new("503"))),
        )
    });
    let mut lane = harness.lane();
    for key in ["a", "b", "bad", "c"] {
        lane.send(key, "1").await;
    }
    for other in 0..200 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        lane.send(&format!("other{other}"), "1").await;
    }
    lane.settled().await;
    assert_eq!(harness.dead(), [(2, "sobjectd.Poison".to_owned())]);
}

/// Nine calls of ten fail, whichever they are, while the tenth is taken.
#[tokio::test(start_paused = true)]
async fn an_org_that_fails_most_calls_rejects_no_good_row() {
    let harness = Harness::new(|rows, number| {
        let failing = !number.is_multiple_of(10);
        (
            QUICK,
            verdicts(rows, |_| failing, || Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), Cause::new("503"))),
        )
    });
    let mut lane = harness.lane();
    for row in 0..300 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        lane.send(&format!("row{row}"), "1").await;
    }
    lane.settled().await;
    assert!(harness.dead().is_empty(), "{:?}", harness.dead());
}

#[tokio::test(start_paused = true)]
async fn of_the_orgs_troubles_only_that_it_is_unavailable_counts_as_poison() {
    for (kind, is_poison) in [
        (RetryKind::Org(OrgTrouble::Unavailable), true),
        (RetryKind::Org(OrgTrouble::Session), false),
        (RetryKind::Org(OrgTrouble::Quota), false),
        (RetryKind::NoLease, false),
    ] {
        let fails = {
            let kind = kind.clone();
            move || Verdict::retry(kind.clone(), Cause::new("not taken"))
        };
        let harness = Harness::new(move |rows, _| {
            let unlucky = rows.iter().any(|row| row.starts_with("unlucky"));
            (QUICK, verdicts(rows, |_| unlucky, &fails))
        });
        let mut lane = harness.lane();
        lane.send("unlucky", "1").await;
        for other in 0..200 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            lane.send(&format!("other{other}"), "1").await;
        }
        assert_eq!(!harness.dead().is_empty(), is_poison, "{kind:?}: {:?}", harness.dead());
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_result_is_repeated_after_the_hold_with_the_gate_held() {
    let harness = Harness::new(|rows, number| {
        let unknown = || unknown(Doubt::Lost);
        (QUICK, verdicts(rows, |_| number == 1, unknown))
    });
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    lane.send("a", "2").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    lane.send("b", "1").await;
    lane.settled().await;
    let calls = harness.calls();
    let first = |row: &str| calls.iter().rfind(|call| call.rows.iter().any(|r| r == row)).map(|call| call.at).unwrap();
    assert!(first("b:1") < Duration::from_secs(2));
    assert!(first("a:1") >= HOLD);
    assert!(first("a:2") > first("a:1"));
    assert!(harness.dead().is_empty());
}

/// The org may still apply the lost call, so that no later change of the identity may be sent.
#[tokio::test(start_paused = true)]
async fn a_row_that_answers_for_its_unknown_results_is_not_rejected_for_a_lost_answer() {
    let lost = Arc::new(AtomicUsize::default());
    let harness = Harness::new(move |rows, _| {
        let is_first_alone = rows.len() == 1 && lost.fetch_add(1, Ordering::Relaxed) < 2;
        let doubt = if is_first_alone { Doubt::Lost } else { Doubt::Row };
        (QUICK, verdicts(rows, |_| rows.len() > 1 || is_first_alone, || unknown(doubt)))
    });
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    lane.send("b", "1").await;
    lane.settled().await;
    assert!(harness.rows().iter().any(|rows| rows.len() == 1), "{:?}", harness.rows());
    assert_eq!(harness.dead(), []);
}

#[tokio::test(start_paused = true)]
async fn a_row_is_not_charged_with_an_outage_between_two_locks() {
    let harness = Harness::new(|rows, number| {
        let locked = || Verdict::retry(RetryKind::Backoff, Cause::new("locked"));
        let out = || Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), Cause::new("maintenance"));
        (QUICK, verdicts(rows, |_| number < 40, || if number % 10 == 1 { locked() } else { out() }))
    });
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    lane.settled().await;
    assert!(harness.calls().last().map(|call| call.at) > Some(ROW_TIMEOUT));
    assert!(harness.dead().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_innocent_row_is_not_poison_once_the_guilty_one_has_gone() {
    let harness = Harness::new(|rows, _| {
        let poisoned = rows.iter().any(|row| row == "p:1");
        (
            Duration::from_millis(5),
            verdicts(
                rows,
                |_| poisoned,
                || Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), Cause::new("busy")),
            ),
        )
    });
    let [mut guilty, mut lane, mut other] = [(); 3].map(|()| harness.lane());
    guilty.send("p", "1").await;
    lane.send("g", "1").await;
    let failed = || harness.rows().iter().filter(|rows| **rows == ["p:1", "g:1"]).count();
    for times in 1..=3 {
        while failed() < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        other.send("x", "1").await;
    }
    // The call is to be halved for its failures; but the guilty row goes with its lane before that.
    guilty.task.abort();
    lane.settled().await;
    assert_eq!(harness.dead(), []);
    assert_eq!(harness.rows().last(), Some(&vec!["g:1".to_owned()]));
}
