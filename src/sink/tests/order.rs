use std::time::Duration;

use super::harness::{Harness, verdicts, written};
use crate::record::{Cause, RetryKind, Verdict};

#[tokio::test(start_paused = true)]
async fn rows_share_a_call_and_one_identity_never_stands_in_it_twice() {
    let harness = Harness::new(|rows, _| (Duration::from_millis(5), written(rows)));
    let mut lane = harness.lane();
    for (key, value) in [("a", "1"), ("b", "1"), ("A", "2"), ("c", "1"), ("a ", "3")] {
        lane.send(key, value).await;
    }
    lane.settled().await;
    assert_eq!(harness.rows(), [vec!["a:1", "b:1", "c:1"], vec!["A:2"], vec!["a :3"]]);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_repeated_holds_back_its_own_identity_only() {
    let locked = |row: &str, number| row == "a:1" && number < 3;
    let harness = Harness::new(move |rows, number| {
        let again = || Verdict::retry(RetryKind::Backoff, Cause::new("locked"));
        (Duration::from_millis(5), verdicts(rows, |row| locked(row, number), again))
    });
    let mut lane = harness.lane();
    for (key, value) in [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")] {
        lane.send(key, value).await;
    }
    lane.settled().await;
    let rows: Vec<_> = harness.rows().concat();
    let of = |key: &str| rows.iter().filter(|row| row.starts_with(key)).map(String::as_str).collect::<Vec<_>>();
    assert_eq!(of("b"), ["b:1", "b:2"]);
    assert_eq!(of("a"), ["a:1", "a:1", "a:2"]);
    assert_eq!(rows.last().map(String::as_str), Some("a:2"));
}

#[tokio::test(start_paused = true)]
async fn the_offset_waits_for_the_oldest_record_only() {
    let harness = Harness::new(|rows, number| {
        let latency = if number == 1 { Duration::from_secs(20) } else { Duration::from_millis(5) };
        (latency, written(rows))
    });
    let mut lane = harness.lane();
    lane.send("a", "1").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    for key in ["b", "c", "d"] {
        lane.send(key, "1").await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!((harness.calls().len(), lane.progress.next_offset()), (2, 0));
    lane.reaches(4).await;
}

#[tokio::test(start_paused = true)]
async fn one_identity_from_two_lanes_is_never_on_the_wire_twice() {
    let harness = Harness::new(|rows, _| (Duration::from_secs(1), written(rows)));
    let (mut one, mut other) = (harness.lane(), harness.lane());
    for value in ["1", "2", "3"] {
        one.send("k", value).await;
        other.send("K", value).await;
    }
    one.settled().await;
    other.settled().await;
    let calls = harness.calls();
    assert_eq!(calls.len(), 6);
    assert!(calls.windows(2).all(|pair| pair[1].at >= pair[0].at + Duration::from_secs(1)), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_a_change_that_will_be_read_again() {
    let harness = Harness::new(|rows, _| {
        let fatal = || Verdict::Fatal(Cause::new("three answers in a row do not fit"));
        (Duration::from_millis(5), verdicts(rows, |row| row == "a:1", fatal))
    });
    let mut lane = harness.lane();
    for (key, value) in [("a", "1"), ("a", "2"), ("b", "1")] {
        lane.send(key, value).await;
    }
    lane.task.await.unwrap().unwrap();
    // b:1 is done behind a:2, which is therefore no tail to be given up.
    assert_eq!(harness.rows(), [["a:1", "b:1"]]);
    assert_eq!(lane.progress.next_offset(), 0);
    assert_eq!(harness.identities(), 0);
}
