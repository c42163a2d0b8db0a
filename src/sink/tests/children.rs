//! Children `c…` wait for the parent `p`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::harness::{Harness, PARENT_WAIT, ROW_TIMEOUT, RunningLane, verdicts, written};
use crate::{
    record::{Cause, OrgTrouble, RetryKind, Verdict},
    sink::MAX_AHEAD,
    sink::Settings,
};

const QUICK: Duration = Duration::from_millis(5);
const CUT_SHORT: &str = "parent not found, wait cut short: no parent";

fn missing() -> Verdict {
    Verdict::retry(RetryKind::Parent, Cause { code: Some("INVALID_FIELD".into()), ..Cause::new("no parent") })
}

/// An org that takes no child before its parent. A parent in the same call comes too late.
fn org(rows: usize, tune: impl FnOnce(&mut Settings)) -> Harness {
    let parent = AtomicBool::default();
    Harness::tuned(rows, tune, move |rows, _| {
        let orphaned = !parent.load(Ordering::Relaxed);
        parent.fetch_or(rows.iter().any(|row| row.starts_with('p')), Ordering::Relaxed);
        (QUICK, verdicts(rows, |row| orphaned && row.starts_with('c'), missing))
    })
}

async fn send(lane: &mut RunningLane, keys: impl IntoIterator<Item = String>) {
    for key in keys {
        lane.send(&key, "1").await;
    }
}

fn children(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("c{number}"))
}

/// The time at which the last call was made.
fn end(harness: &Harness) -> Duration {
    harness.calls().last().map(|call| call.at).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_child_waits_for_its_parent_and_goes_in_the_order_of_its_identity() {
    let harness = org(1000, |_| {});
    let mut lane = harness.lane();
    for (key, value) in [("c", "1"), ("c", "2"), ("other", "1")] {
        lane.send(key, value).await;
    }
    tokio::time::sleep(PARENT_WAIT / 2).await;
    assert_eq!(lane.progress.next_offset(), 0);
    lane.send("p", "1").await;
    lane.settled().await;
    assert_eq!(harness.dead(), []);
    let rows = harness.rows().concat();
    let first = |row: &str| rows.iter().position(|r| r == row).unwrap();
    assert!(first("other:1") < first("c:2") && first("p:1") < first("c:2"), "{rows:?}");
    assert_eq!(rows[rows.len() - 2..], ["c:1", "c:2"]);
    assert!(rows.len() < 40, "with backoff: {rows:?}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_parent_is_waited_for_its_own_time_even_if_locks_are_waited_for_without_end() {
    for row_timeout in [ROW_TIMEOUT, Duration::ZERO] {
        let harness = org(1000, |settings| settings.retry.row_timeout = row_timeout);
        let mut lane = harness.lane();
        send(&mut lane, children(1)).await;
        lane.settled().await;
        assert_eq!(harness.dead(), [(0, "sobjectd.MissingParent".to_owned())]);
        assert_eq!(harness.letters("sobjectd.message"), [(0, "no parent".to_owned())]);
        let end = end(&harness);
        assert!(end >= PARENT_WAIT && end < PARENT_WAIT + Duration::from_secs(1), "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_wait_a_child_is_rejected_at_once() {
    let harness = org(1000, |settings| settings.retry.missing_parent_wait = Duration::ZERO);
    let mut lane = harness.lane();
    send(&mut lane, children(1)).await;
    lane.settled().await;
    assert_eq!((harness.dead().len(), harness.calls().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_outage_does_not_count_as_a_childs_wait() {
    let harness = Harness::new(|rows, number| {
        let out = || Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), Cause::new("maintenance"));
        let verdict = || if number.is_multiple_of(20) { out() } else { missing() };
        (QUICK, verdicts(rows, |_| number < 90, verdict))
    });
    let mut lane = harness.lane();
    send(&mut lane, children(1)).await;
    lane.settled().await;
    assert!(end(&harness) > PARENT_WAIT && harness.dead().is_empty());
}

#[tokio::test(start_paused = true)]
async fn time_in_the_queue_does_not_count_against_a_row() {
    for verdict in [missing, || Verdict::retry(RetryKind::Backoff, Cause::new("locked"))] {
        // One call at a time, and one that takes longer than any row may wait.
        let harness = Harness::tuned(
            1000,
            |settings| settings.calls = 1,
            move |rows, number| match number {
                1 | 3 => (QUICK, rows.iter().map(|_| verdict()).collect()),
                2 => (PARENT_WAIT * 2, written(rows)),
                _ => (QUICK, written(rows)),
            },
        );
        let mut lane = harness.lane();
        send(&mut lane, children(1)).await;
        tokio::time::sleep(QUICK * 10).await;
        send(&mut lane, ["slow".to_owned()]).await;
        lane.settled().await;
        assert_eq!((harness.calls().len(), harness.dead()), (4, vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_children_leave_the_budget_to_the_records_after_them() {
    let harness = org(10, |_| {});
    let mut lane = harness.lane();
    send(&mut lane, children(5)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(harness.dead(), [], "the budget of what is stalled is theirs");
    send(&mut lane, (0..20).map(|other| format!("other{other}")).chain(["p".to_owned()])).await;
    lane.settled().await;
    assert_eq!(harness.dead(), []);
}

#[tokio::test(start_paused = true)]
async fn beyond_their_share_the_oldest_children_are_tried_once_more_and_rejected() {
    let harness = org(10, |_| {});
    let mut lane = harness.lane();
    send(&mut lane, children(20).chain(["p".to_owned()])).await;
    lane.settled().await;
    let dead = harness.letters("sobjectd.message");
    assert!((10..=15).contains(&dead.len()) && dead.iter().all(|(_, message)| message == CUT_SHORT), "{dead:?}");
    assert!(dead.iter().map(|(offset, _)| *offset).is_sorted(), "the oldest first: {dead:?}");
    let rows = harness.rows().concat();
    assert!(rows.iter().filter(|row| *row == "c0:1").count() >= 2, "once more: {rows:?}");
    assert!(end(&harness) < Duration::from_secs(20), "no row waits for them: {:?}", end(&harness));
}

#[tokio::test(start_paused = true)]
async fn records_that_wait_for_a_child_count_in_its_share() {
    let harness = org(10, |_| {});
    let mut lane = harness.lane();
    for value in 0..30 {
        lane.send("c", &value.to_string()).await;
    }
    lane.send("p", "1").await;
    lane.settled().await;
    assert!(end(&harness) < PARENT_WAIT, "{:?}", end(&harness));
    assert!(harness.dead().len() < 30, "those behind the parent are written");
    let applied: Vec<_> = harness.rows().concat();
    assert_eq!(applied.last().map(String::as_str), Some("c:29"));
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_can_read_no_further_does_not_wait_for_a_child() {
    let harness = org(1000, |_| {});
    let mut lane = harness.lane();
    send(&mut lane, children(1)).await;
    send(&mut lane, (0..MAX_AHEAD + 1000).map(|other| format!("other{other}"))).await;
    send(&mut lane, ["p".to_owned(), "c9".to_owned()]).await;
    lane.settled().await;
    assert_eq!(harness.letters("sobjectd.message"), [(0, CUT_SHORT.to_owned())]);
    assert!(end(&harness) < PARENT_WAIT, "{:?}", end(&harness));
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_a_parent() {
    let harness = org(1000, |_| {});
    let mut lane = harness.lane();
    send(&mut lane, children(3)).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let begun = tokio::time::Instant::now();
    lane.draining.cancel();
    lane.task.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    assert_eq!((lane.progress.next_offset(), harness.dead().len()), (0, 0));
    assert_eq!(harness.identities(), 0);
}
