use std::time::Duration;

use super::harness::{HOLD, Harness, unknown, verdicts, written};
use crate::{
    record::{Cause, ConnectStage, Doubt, OrgTrouble, Reason, Rejection, RetryKind, Verdict},
    sink::{LaneError, lane::Drained},
};

#[tokio::test(start_paused = true)]
async fn a_drain_awaits_what_is_on_the_wire_and_drops_the_rest() {
    let harness = Harness::new(|rows, _| (Duration::from_secs(10), written(rows)));
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    lane.send("a", "2").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    lane.send("b", "1").await; // lingers
    tokio::time::sleep(Duration::from_millis(2)).await;
    let begun = tokio::time::Instant::now();
    lane.draining.cancel();
    lane.task.await.unwrap().unwrap();
    assert!(begun.elapsed() > Duration::from_secs(8));
    assert_eq!(lane.progress.next_offset(), 1);
    assert_eq!(harness.rows(), [vec!["a:1"]]);
    assert_eq!(harness.identities(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_a_backoff() {
    let harness = Harness::new(|rows, _| {
        (
            Duration::from_millis(5),
            verdicts(rows, |_| true, || Verdict::retry(RetryKind::Backoff, Cause::new("locked"))),
        )
    });
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let begun = tokio::time::Instant::now();
    lane.draining.cancel();
    lane.task.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    assert_eq!(lane.progress.next_offset(), 0);
    assert_eq!(harness.identities(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_awaits_a_hold_and_what_came_of_it() {
    let harness = Harness::new(|rows, number| {
        let unknown = || unknown(Doubt::Lost);
        (Duration::from_millis(5), verdicts(rows, |_| number == 1, unknown))
    });
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    lane.send("a", "2").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    lane.draining.cancel();
    lane.task.await.unwrap().unwrap();
    assert_eq!(lane.progress.next_offset(), 1);
    assert_eq!(harness.rows(), [["a:1"], ["a:1"]]);
    assert_eq!(harness.identities(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_leaves_no_gap_that_would_repeat_records_after_it() {
    let harness = Harness::new(|rows, number| {
        let locked = move |row: &str| row == "a:1" && number < 4;
        (Duration::from_millis(5), verdicts(rows, locked, || Verdict::retry(RetryKind::Backoff, Cause::new("locked"))))
    });
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    for (key, value) in [("b", "1"), ("a", "2"), ("c", "1")] {
        lane.send(key, value).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    lane.send("a", "3").await;
    lane.draining.cancel();
    lane.task.await.unwrap().unwrap();
    // c:1 is written: all before it are brought to their outcomes, and what is behind it is dropped.
    assert_eq!(lane.progress.next_offset(), 4);
    assert_eq!(harness.rows().concat().last().map(String::as_str), Some("a:2"));
}

#[tokio::test(start_paused = true)]
async fn an_aborted_call_keeps_its_identity_until_nothing_can_come_of_it() {
    let harness = Harness::new(|rows, number| {
        let unknown = || unknown(Doubt::Lost);
        (Duration::from_secs(5), verdicts(rows, |_| number == 1, unknown))
    });
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    lane.task.abort();
    assert!(lane.task.await.unwrap_err().is_cancelled());
    let mut next = harness.lane();
    next.send("a", "2").await;
    next.settled().await;
    let calls = harness.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls[1].at >= HOLD, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_an_org_that_stays_out() {
    let harness = Harness::new(|rows, _| {
        let later = |row: &str| row == "a:1";
        (
            Duration::from_millis(5),
            verdicts(rows, later, || {
                Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), Cause::new("maintenance"))
            }),
        )
    });
    let mut lane = harness.lane();
    for key in ["a", "b"] {
        lane.send(key, "1").await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    harness.org.is_out.store(true, std::sync::atomic::Ordering::Relaxed);
    let begun = tokio::time::Instant::now();
    lane.draining.cancel();
    lane.task.await.unwrap().unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(10) && begun.elapsed() < Duration::from_secs(11));
    assert_eq!(lane.progress.next_offset(), 0);
    assert_eq!(harness.identities(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_leaves_no_gap_before_a_dead_letter_that_is_on_its_way() {
    let harness = Harness::new(|rows, _| {
        let verdict = |row: &String| match row.as_str() {
            "locked:1" => Verdict::retry(RetryKind::Backoff, Cause::new("locked")),
            "poison:1" => Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), Cause::new("503")),
            _ => Verdict::Written { id: None, created: true },
        };
        (Duration::from_millis(5), rows.iter().map(verdict).collect())
    });
    harness.letters.slow.store(true, std::sync::atomic::Ordering::Relaxed);
    let (mut lane, mut other) = (harness.lane(), harness.lane());
    lane.send("locked", "1").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    lane.send("poison", "1").await;
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        other.send("x", "1").await;
    }
    lane.draining.cancel();
    lane.task.await.unwrap().unwrap();
    let reasons: Vec<_> = harness.dead().into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(reasons, ["sobjectd.Poison", "sobjectd.RowTimeout"]);
    assert_eq!(lane.progress.next_offset(), 2, "neither letter is written again");
}

#[tokio::test(start_paused = true)]
async fn a_drain_at_an_open_breaker_with_nothing_under_way_is_whole() {
    let rejected = || {
        let cause = Cause { code: Some("RULE".into()), ..Cause::new("no") };
        Verdict::Rejected(Rejection { reason: Reason::Refused, stage: ConnectStage::Put, cause })
    };
    let harness = Harness::new(move |rows, _| (Duration::from_millis(5), verdicts(rows, |_| true, rejected)));
    let mut lane = harness.lane_of("t", 1);
    lane.send("a", "1").await;
    lane.settled().await;
    // The breaker is open, and no probe of these is due.
    for key in ["b", "c"] {
        lane.send(key, "1").await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    lane.draining.cancel();
    assert_eq!(lane.task.await.unwrap().unwrap(), Drained::Whole);
    assert_eq!(lane.progress.next_offset(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_cannot_go_on_drains_first() {
    let harness = Harness::new(|rows, _| (Duration::from_secs(5), written(rows)));
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    lane.send("b", "1").await; // lingers
    harness.org.is_hidden.store(true, std::sync::atomic::Ordering::Relaxed);
    lane.send_value("c", r#"{"New__c":1}"#).await;
    let failed = lane.task.await.unwrap().unwrap_err();
    assert!(matches!(failed, LaneError::Describe { .. }), "{failed}");
    assert_eq!((lane.progress.next_offset(), harness.rows()), (1, vec![vec!["a:1".to_owned()]]));
    assert_eq!(harness.identities(), 0);
}
