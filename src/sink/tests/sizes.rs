use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::harness::{Harness, RunningLane, TIMEOUT, verdicts, written};
use crate::{
    ops::health::State,
    record::{Cause, Doubt, RetryKind, Verdict},
};

const QUICK: Duration = Duration::from_millis(5);

/// An org whose trigger fails every call of more rows than these, and every call with a row that is bad.
fn org(bears: &Arc<AtomicUsize>) -> Harness {
    let bears = bears.clone();
    Harness::new(move |rows, _| {
        let fails = rows.len() > bears.load(Ordering::Relaxed) || rows.iter().any(|row| row.starts_with("bad"));
        (
            QUICK,
            verdicts(
                rows,
                |_| fails,
                || Verdict::retry(RetryKind::Smaller { suspicion: None }, Cause::new("Apex CPU time limit exceeded")),
            ),
        )
    })
}

async fn backlog(lane: &mut RunningLane, rows: usize) {
    for row in 0..rows {
        lane.send(&format!("k{row}"), "1").await;
    }
    lane.settled().await;
}

fn sizes(harness: &Harness) -> Vec<usize> {
    harness.rows().iter().map(Vec::len).collect()
}

#[tokio::test(start_paused = true)]
async fn the_size_that_passes_is_kept_and_grows_back() {
    const ROWS: usize = 4_000;
    for bears in [100, 30, 7] {
        let limit = Arc::new(AtomicUsize::new(bears));
        let harness = org(&limit);
        let mut lane = harness.lane();
        backlog(&mut lane, ROWS).await;
        let (calls, fewest) = (harness.calls().len(), ROWS.div_ceil(bears));
        // The first calls find the size: four at once, each halved down to it.
        let finding = 4 * 200 / bears * 2;
        assert!(calls <= fewest * 5 / 4 + finding, "{calls} calls of {bears} rows, where {fewest} would do");
        assert!(harness.dead().is_empty());

        limit.store(usize::MAX, Ordering::Relaxed);
        let grown = async {
            while !sizes(&harness)[calls..].contains(&200) {
                backlog(&mut lane, 1_000).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), grown).await.expect("calls of 200 rows again");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_shrink_again_when_the_org_bears_fewer_rows() {
    let limit = Arc::new(AtomicUsize::new(100));
    let harness = org(&limit);
    let mut lane = harness.lane();
    backlog(&mut lane, 2_000).await;
    let calls = harness.calls().len();
    limit.store(20, Ordering::Relaxed);
    backlog(&mut lane, 2_000).await;
    let more = harness.calls().len() - calls;
    assert!(more * 100 <= 100 * 180, "{more} calls for 100 of 20");
}

#[tokio::test(start_paused = true)]
async fn one_bad_row_makes_no_call_smaller() {
    let harness = org(&Arc::new(AtomicUsize::new(usize::MAX)));
    let mut lane = harness.lane();
    for row in 0..4_000 {
        let name = if row % 1_500 == 700 { "bad" } else { "k" };
        lane.send(&format!("{name}{row}"), "1").await;
    }
    lane.settled().await;
    assert_eq!(harness.dead().len(), 3);
    assert!(sizes(&harness).iter().filter(|rows| **rows == 200).count() >= 17, "{:?}", sizes(&harness));
}

/// An org that needs `per_row` for a row, and whose calls are waited for no longer than the time-out.
fn slow_org(per_row: Duration) -> Harness {
    Harness::tuned(
        2_000,
        |_| {},
        move |rows, _| {
            let took = per_row * u32::try_from(rows.len()).unwrap();
            if took <= TIMEOUT {
                return (took, written(rows));
            }
            let ended = (Instant::now() + TIMEOUT).into_std();
            let unknown = || Verdict::Unknown { cause: Cause::new("slow"), ended, doubt: Doubt::TimedOut };
            (TIMEOUT, verdicts(rows, |_| true, unknown))
        },
    )
}

#[tokio::test(start_paused = true)]
async fn an_org_that_is_slow_for_each_row_costs_few_time_outs_and_then_none() {
    for (millis, most) in [(1_000, 4), (5_000, 8)] {
        let row = Duration::from_millis(millis);
        let harness = slow_org(row);
        let mut lane = harness.lane();
        backlog(&mut lane, 1_600).await;
        let timed_out: Vec<_> = sizes(&harness).into_iter().filter(|rows| row * *rows as u32 > TIMEOUT).collect();
        assert!(timed_out.len() <= most, "{millis} ms a row: {timed_out:?} have timed out");
        assert!(harness.dead().is_empty());
        assert_eq!(harness.health.snapshot().state, State::Running, "the last calls were answered");
    }
}

#[tokio::test(start_paused = true)]
async fn health_names_the_calls_that_time_out_until_one_is_answered() {
    let harness = slow_org(Duration::from_secs(2));
    let mut lane = harness.lane();
    for row in 0..100 {
        lane.send(&format!("k{row}"), "1").await;
    }
    tokio::time::sleep(TIMEOUT + Duration::from_secs(1)).await;
    let snapshot = harness.health.snapshot();
    assert_eq!(snapshot.state, State::Waiting);
    let text = snapshot.to_string();
    assert!(text.contains("calls to upsert Thing__c take longer") && text.contains("at most 25 rows"), "{text}");
    lane.settled().await;
    assert_eq!(harness.health.snapshot().state, State::Running);
}
