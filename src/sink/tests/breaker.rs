//! A route with a breaker, and an org, or a converter, that rejects record after record.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::harness::{Harness, RunningLane, verdicts, written};
use crate::{
    ops::health::Dependency,
    record::{Cause, ConnectStage, OrgTrouble, Reason, Rejection, RetryKind, Verdict},
};

const QUICK: Duration = Duration::from_millis(5);
const LIMIT: u32 = 3;

fn rejected(code: &'static str) -> Verdict {
    let cause = Cause { code: Some(code.into()), ..Cause::new("no") };
    Verdict::Rejected(Rejection { reason: Reason::Refused, stage: ConnectStage::Put, cause })
}

/// An org that rejects rows for something that no row is to blame for, until it is repaired.
fn faulty() -> (Harness, Arc<AtomicBool>) {
    let repaired = Arc::new(AtomicBool::default());
    let is_repaired = repaired.clone();
    let harness = Harness::tuned(
        1000,
        |_| {},
        move |rows, _| {
            let faulty = !is_repaired.load(Ordering::Relaxed);
            (QUICK, verdicts(rows, |row| faulty && !row.starts_with('u'), || rejected("RULE")))
        },
    );
    (harness, repaired)
}

async fn send(lane: &mut RunningLane, name: &str, count: usize) {
    for number in 0..count {
        lane.send(&format!("{name}{number}"), "1").await;
    }
}

async fn minutes(count: u32) {
    tokio::time::sleep(Duration::from_secs(60) * count).await;
}

fn is_open(harness: &Harness) -> bool {
    let shown = harness.metrics.render().contains("sobjectd_breaker_open{route=\"t\"} 1");
    assert_eq!(!harness.health.snapshot().closed.is_empty(), shown);
    shown
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_all_records_costs_no_more_dead_letters_than_the_limit() {
    let (harness, repaired) = faulty();
    let mut lane = harness.lane_of("t", LIMIT);
    send(&mut lane, "r", 500).await;
    minutes(60).await;
    assert_eq!(harness.dead().len(), 3);
    assert!(is_open(&harness));
    let wait = &harness.health.snapshot().waiting[0];
    assert!(
        wait.dependency == Dependency::Operator && wait.why.contains("t are rejected one after the other: RULE"),
        "{wait:?}"
    );
    let probes = harness.rows().split_off(4);
    assert!(probes.iter().all(|rows| rows.len() == 1), "one row at a time: {probes:?}");
    assert!((400..1000).contains(&probes.len()), "with a backoff to 8 s: {} in an hour", probes.len());
    repaired.store(true, Ordering::Relaxed);
    lane.settled().await;
    assert_eq!((harness.dead().len(), is_open(&harness)), (3, false));
    assert!(harness.rows().last().is_some_and(|rows| rows.len() > 1), "together again");
    let of_key = |key: &str| harness.rows().concat().iter().filter(|row| row.starts_with(key)).count();
    assert!(of_key("r499:") == 1 && of_key("r3:") > 1);
}

#[tokio::test(start_paused = true)]
async fn a_written_row_or_another_code_begins_the_count_anew() {
    for other in [true, false] {
        let harness = Harness::tuned(
            1000,
            |settings| (settings.rows, settings.calls) = (1, 1),
            move |rows, number| {
                let verdict = match number % 3 {
                    0 if other => rejected("OTHER"),
                    0 => return (QUICK, written(rows)),
                    _ => rejected("RULE"),
                };
                (QUICK, vec![verdict])
            },
        );
        let mut lane = harness.lane_of("t", LIMIT);
        send(&mut lane, "r", 30).await;
        lane.settled().await;
        assert_eq!(harness.dead().len(), if other { 30 } else { 20 });
    }
}

#[tokio::test(start_paused = true)]
async fn one_bad_row_does_not_keep_its_route_waiting() {
    let harness = Harness::new(|rows, number| {
        (QUICK, verdicts(rows, |row| number == 1 || row.starts_with("bad"), || rejected("RULE")))
    });
    let mut lane = harness.lane_of("t", LIMIT);
    send(&mut lane, "r", 3).await;
    send(&mut lane, "bad", 1).await;
    send(&mut lane, "s", 20).await;
    lane.settled().await;
    let dead: Vec<_> = harness.dead().into_iter().map(|(offset, _)| offset).collect();
    assert_eq!(dead, [0, 1, 2, 3], "those that opened it, and the bad one as its own fault");
    let probes: Vec<_> = harness.rows().into_iter().skip(1).take(2).collect();
    assert_eq!(probes, [["bad0:1"], ["s0:1"]], "the oldest, then another one");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_rejected_for_something_else_closes_the_breaker() {
    let harness = Harness::new(|rows, number| match number {
        1 => (QUICK, rows.iter().map(|_| rejected("RULE")).collect()),
        2 => (QUICK, rows.iter().map(|_| rejected("OTHER")).collect()),
        _ => (QUICK, written(rows)),
    });
    let mut lane = harness.lane_of("t", LIMIT);
    send(&mut lane, "r", 10).await;
    lane.settled().await;
    let codes: Vec<_> = harness.letters("sobjectd.status_code").into_iter().map(|(_, code)| code).collect();
    assert_eq!(codes, ["RULE", "RULE", "RULE", "OTHER"]);
}

#[tokio::test(start_paused = true)]
async fn calls_at_once_count_as_one_after_the_other() {
    let harness = Harness::tuned(
        1000,
        |settings| settings.rows = 2,
        |rows, number| {
            let slow = Duration::from_millis(50 * (5 - number as u64 % 4));
            (slow, rows.iter().map(|_| rejected("RULE")).collect())
        },
    );
    let mut lanes = [harness.lane_of("t", LIMIT), harness.lane_of("t", LIMIT)];
    for (lane, name) in lanes.iter_mut().zip(["a", "b"]) {
        send(lane, name, 20).await;
    }
    minutes(60).await;
    assert_eq!(harness.dead().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn another_route_goes_on_also_where_rows_share_calls() {
    let (harness, _) = faulty();
    let (mut lane, mut other) = (harness.lane_of("t", LIMIT), harness.lane_of("u", LIMIT));
    let all = async {
        send(&mut lane, "r", 3000).await;
    };
    let mut all = std::pin::pin!(all);
    assert!(tokio::time::timeout(Duration::from_secs(60), &mut all).await.is_err(), "the lane reads no further");
    send(&mut other, "u", 2000).await;
    other.settled().await;
    assert!(is_open(&harness));
    assert_eq!(harness.dead().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_at_once_at_an_open_breaker() {
    let harness = Harness::new(|rows, number| {
        // The last row is done behind rows that wait.
        let good = move |row: &str| row.starts_with('z') && number == 1;
        (QUICK, verdicts(rows, |row| !good(row), || rejected("RULE")))
    });
    let mut lane = harness.lane_of("t", LIMIT);
    send(&mut lane, "r", 50).await;
    send(&mut lane, "z", 1).await;
    minutes(5).await;
    let begun = tokio::time::Instant::now();
    lane.draining.cancel();
    lane.task.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    assert_eq!((lane.progress.next_offset(), harness.dead().len()), (3, 3));
    assert_eq!(harness.identities(), 0);
    minutes(1).await;
    assert!(!is_open(&harness), "no lane reads the route any more");
}

#[tokio::test(start_paused = true)]
async fn records_that_cannot_be_read_count_and_stop_their_lane() {
    let harness = Harness::new(|rows, _| (QUICK, written(rows)));
    let mut lane = harness.lane_of("t", LIMIT);
    for _ in 0..20 {
        lane.send_value("k", "no JSON").await;
    }
    minutes(60).await;
    assert_eq!(harness.dead(), [0, 1, 2].map(|offset| (offset, "sobjectd.InvalidValue".to_owned())));
    assert!(is_open(&harness) && harness.calls().is_empty());
    lane.draining.cancel();
    lane.task.await.unwrap().unwrap();
    assert_eq!(lane.progress.next_offset(), 3);
}

#[tokio::test(start_paused = true)]
async fn bad_records_among_good_ones_that_are_not_answered_yet_do_not_open_the_breaker() {
    let harness = Harness::new(|rows, _| (Duration::from_secs(5), written(rows)));
    let mut lane = harness.lane_of("t", LIMIT);
    for number in 0..20 {
        send(&mut lane, &format!("good{number}."), 10).await;
        lane.send_value("k", "no JSON").await;
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!is_open(&harness) && harness.dead().len() < 3, "nothing is answered yet");
    lane.settled().await;
    assert_eq!((harness.dead().len(), is_open(&harness)), (20, false));
}

#[tokio::test(start_paused = true)]
async fn rows_that_the_org_wants_later_do_not_keep_the_breaker_closed() {
    for kind in [RetryKind::Parked, RetryKind::Parent, RetryKind::Backoff] {
        let later = move || Verdict::retry(kind.clone(), Cause::new("later"));
        let harness = Harness::new(move |rows, _| (QUICK, verdicts(rows, |_| true, &later)));
        let mut lane = harness.lane_of("t", LIMIT);
        send(&mut lane, "r", 3).await;
        for _ in 0..20 {
            lane.send_value("k", "no JSON").await;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!((harness.dead().len(), is_open(&harness)), (3, true));
    }
}

#[tokio::test(start_paused = true)]
async fn records_go_on_when_the_org_has_their_field() {
    let harness = Harness::new(|rows, _| (QUICK, written(rows)));
    let mut lane = harness.lane_of("t", LIMIT);
    for number in 0..20 {
        lane.send_value(&format!("k{number}"), "{\"New__c\":1}").await;
    }
    minutes(60).await;
    assert_eq!((harness.dead().len(), is_open(&harness)), (3, true));
    harness.org.has_new.store(true, Ordering::Relaxed);
    lane.settled().await;
    assert_eq!((harness.dead().len(), is_open(&harness)), (3, false));
    assert_eq!(harness.rows()[0], ["k3:1"], "the first that is read again is the probe");
}

#[tokio::test(start_paused = true)]
async fn a_record_with_another_fault_closes_the_breaker_too() {
    let harness = Harness::new(|rows, number| (QUICK, verdicts(rows, |_| number < 20, || rejected("RULE"))));
    let mut lane = harness.lane_of("t", LIMIT);
    send(&mut lane, "r", 4).await;
    lane.send_value("k", "no JSON").await;
    minutes(1).await;
    assert!(is_open(&harness), "a record that is no probe does not");
    assert_eq!(harness.dead().len(), 4);
    lane.settled().await;
    assert_eq!(harness.dead().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_every_rejection_is_a_dead_letter() {
    let (harness, _) = faulty();
    let mut lane = harness.lane();
    send(&mut lane, "r", 50).await;
    lane.settled().await;
    assert_eq!((harness.dead().len(), is_open(&harness)), (50, false));
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_only_held_back_leaves_no_question_open_whether_the_org_is_well() {
    let (harness, _) = faulty();
    let (mut lane, mut other) = (harness.lane_of("t", LIMIT), harness.lane_of("u", 0));
    send(&mut lane, "r", 3).await;
    minutes(1).await;
    assert!(is_open(&harness));
    harness.org.probing.store(true, Ordering::Relaxed);
    for number in 0..10 {
        send(&mut lane, &format!("s{number}."), 1).await;
        minutes(1).await;
        assert_eq!(harness.org.unused.load(Ordering::Relaxed), 0, "{number}");
    }
    // What is held back does not cost another route its turn.
    send(&mut lane, "last", 1).await;
    send(&mut other, "u", 1).await;
    other.settled().await;
    assert_eq!(harness.org.unused.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_only_waits_is_rejected_in_time_and_closes_the_breaker() {
    for (kind, reason) in [(RetryKind::Backoff, "sobjectd.RowTimeout"), (RetryKind::Parent, "sobjectd.MissingParent")] {
        let wait = move || Verdict::retry(kind.clone(), Cause::new("wait"));
        let harness = Harness::new(move |rows, number| {
            let verdict = || if number == 1 { rejected("RULE") } else { wait() };
            (QUICK, verdicts(rows, |_| true, verdict))
        });
        let mut lane = harness.lane_of("t", LIMIT);
        send(&mut lane, "r", 4).await;
        lane.settled().await;
        assert_eq!((harness.dead().len(), is_open(&harness)), (4, false));
        assert_eq!(harness.dead()[3].1, reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_call_keeps_failing_closes_the_breaker_for_the_others() {
    let harness = Harness::tuned(
        1000,
        |settings| settings.retry.max_attempts = 1,
        |rows, number| {
            let verdict = |row: &String| match row.as_str() {
                _ if number == 1 => rejected("RULE"),
                "poison:1" => Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), Cause::new("503")),
                _ => Verdict::Written { id: None, created: true },
            };
            (QUICK, rows.iter().map(verdict).collect())
        },
    );
    let (mut lane, mut other) = (harness.lane_of("t", LIMIT), harness.lane_of("u", 0));
    send(&mut lane, "r", 3).await;
    lane.settled().await;
    lane.send("poison", "1").await;
    lane.send("s", "1").await;
    while harness.calls().len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    other.send("u", "1").await;
    lane.settled().await;
    assert_eq!(harness.dead().into_iter().skip(3).collect::<Vec<_>>(), [(3, "sobjectd.Poison".to_owned())]);
    assert_eq!(harness.rows()[1..], [["poison:1"], ["u:1"], ["s:1"]]);
}
