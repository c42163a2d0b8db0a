use std::{collections::HashSet, time::Duration};

use super::harness::{Call, Harness, verdicts, written};
use crate::record::{Cause, RetryKind, Verdict};

const LATENCY: Duration = Duration::from_millis(100);
const A: &str = "001000000000001";
const B: &str = "001000000000002";

/// The parents of a call's rows, by what both lengths of an id have in common.
fn parents(rows: &[String]) -> HashSet<&str> {
    rows.iter().map(|row| &row[row.find(":\"").unwrap() + 2..][..15]).collect()
}

/// The number of rows of `A` in each call that has any.
fn of_a(calls: &[Call]) -> Vec<usize> {
    let count = |call: &Call| call.rows.iter().filter(|row| row.contains(A)).count();
    calls.iter().map(count).filter(|rows| *rows > 0).collect()
}

#[tokio::test(start_paused = true)]
async fn children_of_one_parent_are_never_in_two_calls_at_once() {
    let harness = Harness::new(|rows, _| (LATENCY, written(rows)));
    let (mut one, mut other) = (harness.lane(), harness.lane());
    for row in 0..500 {
        let parent = format!("00100000000000{}", row % 7);
        one.child(&format!("one{row}"), &parent).await;
        // The same in 18 characters.
        other.child(&format!("other{row}"), &parent.parse::<crate::record::RecordId>().unwrap().to_string()).await;
    }
    one.settled().await;
    other.settled().await;
    let calls = harness.calls();
    for (index, call) in calls.iter().enumerate() {
        let meets =
            |other: &&Call| call.at < other.at + LATENCY && !parents(&other.rows).is_disjoint(&parents(&call.rows));
        assert!(!calls[..index].iter().any(|other| meets(&other)), "{index} of {calls:?}");
    }
    assert_eq!(calls.iter().map(|call| call.rows.len()).sum::<usize>(), 1_000);
    assert!(calls.len() <= 15, "{} calls for 1000 rows of 7 parents", calls.len());
}

#[tokio::test(start_paused = true)]
async fn rows_of_other_parents_pass_a_held_parent_and_its_own_keep_their_order() {
    let harness = Harness::new(|rows, _| (LATENCY, written(rows)));
    let mut lane = harness.lane();
    lane.child("a1", A).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    for (key, parent) in [("a2", A), ("b1", B), ("a3", A), ("b2", B)] {
        lane.child(key, parent).await;
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    lane.send("none", "1").await;
    lane.settled().await;
    let keys: Vec<Vec<String>> = harness
        .rows()
        .iter()
        .map(|rows| rows.iter().map(|row| row.split(':').next().unwrap().to_owned()).collect())
        .collect();
    assert_eq!(keys, [vec!["a1"], vec!["b1", "b2", "none"], vec!["a2", "a3"]]);
}

#[tokio::test(start_paused = true)]
async fn a_parent_that_others_lock_goes_row_by_row_and_recovers() {
    let start = tokio::time::Instant::now();
    let locked = Duration::from_secs(40);
    let harness = Harness::new(move |rows, _| {
        let again = || Verdict::retry(RetryKind::Backoff, Cause::new("UNABLE_TO_LOCK_ROW"));
        (LATENCY, verdicts(rows, |row| row.contains(A) && start.elapsed() < locked, again))
    });
    let mut lane = harness.lane();
    for row in 0..300 {
        lane.child(&format!("a{row}"), A).await;
        lane.child(&format!("b{row}"), B).await;
    }
    lane.settled().await;
    assert!(harness.dead().is_empty());
    let calls = harness.calls();
    let (during, after): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| call.at < locked);
    let sizes = of_a(&during);
    assert!(sizes.last() == Some(&1) && sizes.len() < 15, "{sizes:?}");
    let sizes = of_a(&after);
    assert_eq!(sizes[..5], [1, 2, 4, 8, 16], "{sizes:?}");
    assert_eq!(of_a(&after).iter().sum::<usize>(), 300);
    let of_b = during.iter().flat_map(|call| &call.rows).filter(|row| row.contains(B)).count();
    assert_eq!(of_b, 300, "sent once, and not held up");
}
