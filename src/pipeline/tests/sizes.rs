use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::harness::{Harness, RunningLane, verdicts};
use crate::record::{Cause, Verdict};

const QUICK: Duration = Duration::from_millis(5);

/// An org whose trigger fails every call of more rows than these, and every call with a row that is bad.
fn org(bears: &Arc<AtomicUsize>) -> Harness {
    let bears = bears.clone();
    Harness::new(move |rows, _| {
        let fails = rows.len() > bears.load(Ordering::Relaxed) || rows.iter().any(|row| row.starts_with("bad"));
        (QUICK, verdicts(rows, |_| fails, || Verdict::Transaction(Cause::new("Apex CPU time limit exceeded"))))
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
async fn what_the_org_bears_may_shrink_further() {
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
