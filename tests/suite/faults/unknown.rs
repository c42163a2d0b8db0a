//! Nobody knows whether the org applied the call: it goes again, but not before the hold has passed.

use serde_json::{Value, json};

use super::{all_written, numbered, started};
use crate::harness::{Daemon, Rig, record, until, upsert};

/// A fault whose call was (`applied`) or was not applied; all rows are written in the end, and none earlier than about
/// a second after the call of unknown result.
async fn held_and_repeated(action: Value, applied: bool) {
    let rig = Rig::new("unknown").await;
    rig.fault("upsert", action.clone(), json!({}));
    let from = now();
    all_written(&rig, 20).await;
    let journal = rig.org.journal();
    assert_eq!(journal.len(), if applied { 40 } else { 20 }, "{action}");
    let first = if applied { journal[0].at_ms } else { from };
    let again = journal[journal.len() - 20].at_ms;
    // The hold counts from the last byte that left, the journal from when the org had read and applied it.
    assert!(again - first >= 950, "{action}: again after {} ms, with a hold of 1 s", again - first);
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut() {
    for (when, applied) in [("before", false), ("after", true), ("mid_answer", true)] {
        held_and_repeated(json!({"kind": "cut", "when": when}), applied).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_answered() {
    held_and_repeated(json!({"kind": "hang", "apply": false}), false).await;
    held_and_repeated(json!({"kind": "hang", "apply": true}), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_errors() {
    let unexpected = json!({"code": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred."});
    held_and_repeated(json!({"kind": "status", "status": 500, "error": unexpected, "apply": true}), true).await;
    for status in [500, 502, 503, 504] {
        let page =
            json!({"kind": "status", "status": status, "body": "<html>sorry</html>", "content_type": "text/html"});
        held_and_repeated(page, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_do_not_fit() {
    for action in [
        json!({"kind": "truncate", "bytes": 100}),
        json!({"kind": "garbage", "body": "<html>"}),
        json!({"kind": "garbage", "body": "{}"}),
        json!({"kind": "garbage", "body": "[]"}),
        json!({"kind": "fewer_results"}),
    ] {
        held_and_repeated(action, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_applied_late_is_not_overtaken_within_the_hold() {
    let mut rig = Rig::new("late").await;
    rig.config.set("salesforce.unknown_hold", "'3s'");
    rig.produce(&[upsert("a", "first")]).await;
    rig.fault("upsert", json!({"kind": "apply_later", "ms": 1500, "answer": "cut"}), json!({}));
    let daemon = Daemon::start(&rig.config).await;
    until("the call", async || (rig.org.calls().upsert == 1).then_some(())).await;
    rig.produce(&[upsert("a", "second"), upsert("b", "other")]).await;
    until("another identity", async || rig.find("b")).await;
    daemon.settled(3).await;
    daemon.stop().await;
    let texts: Vec<_> = rig.history("a").into_iter().map(|(_, text)| text.unwrap()).collect();
    assert_eq!(texts, ["first", "first", "second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_record_is_not_missed_by_the_repeated_delete() {
    let mut rig = Rig::new("delete-unknown").await;
    rig.native();
    rig.config.in_route("operation", "'insert'");
    rig.run(&[upsert("", "1")]).await;
    let id = rig.org.records(crate::harness::OBJECT)[0].id.to_string();
    rig.fault("delete", json!({"kind": "cut", "when": "after"}), json!({}));
    let metrics = rig.run(&[record(&*id, "").no_value()]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 0));
}

/// Plain inserts, of which a repetition makes new records.
fn inserts(rig: &mut Rig) {
    rig.native();
    rig.config.in_route("operation", "'insert'").set("pipeline.insert_unknown", "'dead_letter'");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_inserts_are_dead_letters_and_never_double_if_told_so() {
    let mut rig = Rig::new("insert-unknown").await;
    inserts(&mut rig);
    rig.fault("create", json!({"kind": "cut", "when": "after"}), json!({}));
    let metrics = rig.run(&numbered(20)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (0, 20));
    assert_eq!((rig.org.journal().len(), rig.org.calls().create), (20, 1), "made, and not sent again");
    for letter in rig.dead_letters(20).await {
        assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.UnknownResult");
        assert!(letter.header("sobjectd.message").unwrap().contains("nobody knows whether"));
        assert_eq!(letter.header("sobjectd.attempts").unwrap(), "1");
    }
    let metrics = rig.run(&numbered(5)).await;
    assert_eq!((metrics.read(), metrics.settled("written")), (5, 5), "the letters are committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_do_those_of_the_calls_that_stop_the_daemon() {
    let mut rig = Rig::new("insert-unfitting").await;
    inserts(&mut rig);
    rig.config.set("pipeline.batch_rows", "1").set("salesforce.max_concurrent_requests", "1");
    rig.fault("create", json!({"kind": "garbage", "body": "[]"}), json!({"times": null}));
    rig.produce(&numbered(3)).await;
    let mut daemon = Daemon::spawn(&rig.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    rig.dead_letters(3).await;
    assert_eq!((rig.org.journal().len(), rig.committed().await), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_answers_that_do_not_fit_are_fatal() {
    let rig = Rig::new("unfitting").await;
    rig.fault("upsert", json!({"kind": "garbage", "body": "[]"}), json!({"times": null}));
    rig.produce(&numbered(5)).await;
    let mut daemon = Daemon::spawn(&rig.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.says(&["ERROR", "answer"]).await;
    assert_eq!(rig.org.calls().upsert, 3);
    assert_eq!(rig.committed().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_keeps_failing_while_others_succeed_is_poison() {
    let mut rig = Rig::new("poison").await;
    rig.config.set("retry.max_attempts", "2").set("pipeline.batch_rows", "8");
    let fails = json!({"kind": "status", "status": 503, "error": {"code": "SERVER_UNAVAILABLE", "message": "busy"}});
    rig.fault("upsert", fails, json!({"key": "key21", "times": null}));
    let daemon = started(&rig, 32).await;
    let mut produced = 32;
    // Others succeed all the while.
    until("the poison to be found", async || {
        rig.produce(&[upsert(&format!("key{produced}"), "x")]).await;
        produced += 1;
        (daemon.metrics().await.settled("dead_lettered") > 0).then_some(())
    })
    .await;
    let metrics = daemon.settled(produced).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (produced - 1, 1));
    daemon.stop().await;
    let letter = &rig.dead_letters(1).await[0];
    assert_eq!(letter.key.as_deref(), Some(&b"key21"[..]));
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.Poison");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_waits_for_a_hold_and_for_what_comes_of_it() {
    let rig = Rig::new("hold-term").await;
    rig.fault("upsert", json!({"kind": "cut", "when": "after"}), json!({}));
    let mut daemon = started(&rig, 20).await;
    until("the call", async || (rig.org.journal().len() == 20).then_some(())).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    assert_eq!(rig.committed().await, 20, "every row has been brought to its outcome");
    assert_eq!(rig.org.journal().len(), 40, "after the hold they were sent again");
}
