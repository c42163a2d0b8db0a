//! Calls of unknown result: the org may have applied them. They go again, but not before the hold has passed.

use sandbox::{Action, Answered, Fault, On, When};

use super::{all_written, numbered, started};
use crate::harness::{Daemon, TestBed, now_ms, record, side_by_side, until, upsert};

/// A fault whose call was (`applied`) or was not applied; all rows are written in the end, and none earlier than about
/// a second after the call of unknown result.
async fn held_and_repeated(action: Action, applied: bool) {
    let bed = TestBed::new("unknown").await;
    bed.fault(Fault::on(On::Upsert, action.clone()));
    let from = now_ms();
    all_written(&bed, 20).await;
    let journal = bed.org.journal();
    assert_eq!(journal.len(), if applied { 40 } else { 20 }, "{action:?}");
    let first = if applied { journal[0].at_ms } else { from };
    let again = journal[journal.len() - 20].at_ms;
    // The hold counts from the end of the attempt, the journal from when the org had applied it.
    assert!(again - first >= 950, "{action:?}: again after {} ms, with a hold of 1 s", again - first);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_a_cut_connection_are_held_and_repeated() {
    side_by_side([(When::Before, false), (When::After, true), (When::MidAnswer, true)], async |(when, applied)| {
        held_and_repeated(Action::Cut { when }, applied).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_an_unanswered_call_are_held_and_repeated() {
    side_by_side([false, true], async |apply| held_and_repeated(Action::Hang { apply }, apply).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_a_server_error_are_held_and_repeated() {
    let unexpected = Action::error(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred.");
    let pages = [500, 502, 503, 504].map(|status| (Action::page(status, "<html>sorry</html>"), false));
    let cases = pages.into_iter().chain([(unexpected.applied(), true)]);
    side_by_side(cases, async |(action, applied)| held_and_repeated(action, applied).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_a_mismatched_answer_are_held_and_repeated() {
    side_by_side(
        [
            Action::Truncate { bytes: 100 },
            Action::garbage("<html>"),
            Action::garbage("{}"),
            Action::garbage("[]"),
            Action::FewerResults { by: 1 },
        ],
        async |action| {
            held_and_repeated(action, true).await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_applied_late_is_not_overtaken_within_the_hold() {
    let mut bed = TestBed::new("late").await;
    bed.config.set("salesforce.unknown_hold", "'3s'");
    bed.produce(&[upsert("a", "first")]).await;
    bed.fault(Fault::on(On::Upsert, Action::ApplyLater { ms: 1500, answer: Answered::Cut }));
    let daemon = Daemon::start(&bed.config).await;
    until("the call", async || (bed.org.calls().upsert == 1).then_some(())).await;
    bed.produce(&[upsert("a", "second"), upsert("b", "other")]).await;
    until("another identity", async || bed.find("b")).await;
    daemon.settled(3).await;
    daemon.stop().await;
    let texts: Vec<_> = bed.history("a").into_iter().map(|(_, text)| text.unwrap()).collect();
    assert_eq!(texts, ["first", "first", "second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_record_is_not_missed_by_the_repeated_delete() {
    let mut bed = TestBed::new("delete-unknown").await;
    bed.native();
    bed.config.in_route("operation", "'insert'");
    bed.run(&[upsert("", "1")]).await;
    let id = bed.org.records(crate::harness::OBJECT)[0].id.to_string();
    bed.fault(Fault::on(On::Delete, Action::Cut { when: When::After }));
    let metrics = bed.run(&[record(&*id, "").no_value()]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 0));
}

/// Plain inserts, of which a repetition makes new records.
fn inserts(bed: &mut TestBed) {
    bed.native();
    bed.config.in_route("operation", "'insert'").set("pipeline.insert_unknown", "'dead_letter'");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_inserts_are_dead_letters_and_never_double_if_told_so() {
    let mut bed = TestBed::new("insert-unknown").await;
    inserts(&mut bed);
    bed.fault(Fault::on(On::Create, Action::Cut { when: When::After }));
    let metrics = bed.run(&numbered(20)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (0, 20));
    assert_eq!((bed.org.journal().len(), bed.org.calls().create), (20, 1), "made, and not sent again");
    for letter in bed.dead_letters(20).await {
        assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.UnknownResult");
        assert!(letter.header("sobjectd.message").unwrap().contains("it is not known whether"));
        assert_eq!(letter.header("sobjectd.attempts").unwrap(), "1");
    }
    let metrics = bed.run(&numbered(5)).await;
    assert_eq!((metrics.read(), metrics.settled("written")), (5, 5), "the letters are committed");
}

/// The org applies each insert, and no answer arrives.
fn always_cut(bed: &mut TestBed) {
    inserts(bed);
    bed.config.set("pipeline.insert_unknown", "'retry'").set("salesforce.unknown_hold", "'100ms'");
    bed.fault(Fault::on(On::Create, Action::Cut { when: When::After }).always());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_insert_without_an_answer_is_sent_three_times_and_then_a_dead_letter() {
    let mut bed = TestBed::new("insert-thrice").await;
    always_cut(&mut bed);
    let metrics = bed.run(&numbered(5)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (0, 5));
    assert_eq!(bed.org.journal().len(), 15, "each of them three times");
    for letter in bed.dead_letters(5).await {
        assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.UnknownResult");
        assert_eq!(letter.header("sobjectd.attempts").unwrap(), "3");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_insert_of_unknown_result_is_not_skipped_without_a_dead_letter_topic() {
    let mut bed = TestBed::new("insert-no-letters").await;
    always_cut(&mut bed);
    bed.config.unset("dead_letter.topic").unset("pipeline.insert_unknown").set("dead_letter.on_rejection", "'skip'");
    bed.produce(&numbered(1)).await;
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("exited_with_error").mentions("UnknownResult").await;
    assert_eq!((bed.org.journal().len(), bed.committed().await), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_letter_of_an_insert_that_meets_its_own_first_attempt_says_that_it_may_be_there() {
    let mut bed = TestBed::new("insert-twin").await;
    inserts(&mut bed);
    bed.config.set("pipeline.insert_unknown", "'retry'");
    bed.fault(Fault::on(On::Create, Action::Cut { when: When::After }));
    let twin = record("", r#"{"ExternalId__c": "twin", "Text__c": "x"}"#).operation("INSERT");
    let metrics = bed.run(&[twin]).await;
    assert_eq!((metrics.settled("dead_lettered"), bed.org.journal().len()), (1, 1));
    let letter = &bed.dead_letters(1).await[0];
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.UnknownResult");
    assert_eq!(letter.header("sobjectd.status_code").unwrap(), "DUPLICATE_VALUE");
    assert!(letter.header("sobjectd.message").unwrap().contains("duplicate value found"));
}

/// The org's own word of a row, in an answer to the whole call, on a daemon with nothing else to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_result_the_org_says_it_does_not_know_ends_after_some_attempts() {
    let mut bed = TestBed::new("row-unknown").await;
    bed.config.set("retry.max_attempts", "3").set("salesforce.unknown_hold", "'100ms'");
    let unexpected = Action::row_error("UNKNOWN_EXCEPTION", "An unexpected error occurred.");
    bed.fault(Fault::on(On::Upsert, unexpected).key("key1").always());
    let metrics = bed.run(&numbered(3)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 1));
    let letter = &bed.dead_letters(1).await[0];
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.Refused");
    assert_eq!(letter.header("sobjectd.status_code").unwrap(), "UNKNOWN_EXCEPTION");
    assert!(bed.org.calls().upsert <= 4, "{:?}", bed.org.calls());
}

/// More than the 4 MiB that are read of an answer, three times and more.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_long_halves_its_call() {
    let mut bed = TestBed::new("long-answers").await;
    bed.config.set("salesforce.unknown_hold", "'100ms'");
    let long = format!("[{}]", " ".repeat(5 << 20));
    bed.fault(Fault::on(On::Upsert, Action::garbage(long)).min_rows(3).always());
    all_written(&bed, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_inserts_of_calls_that_stop_the_daemon_never_double() {
    let mut bed = TestBed::new("insert-unfitting").await;
    inserts(&mut bed);
    bed.config.set("pipeline.batch_rows", "1").set("salesforce.max_concurrent_requests", "1");
    bed.fault(Fault::on(On::Create, Action::garbage("[]")).always());
    bed.produce(&numbered(3)).await;
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    bed.dead_letters(3).await;
    assert_eq!((bed.org.journal().len(), bed.committed().await), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_answers_that_do_not_fit_are_fatal() {
    let bed = TestBed::new("unfitting").await;
    bed.fault(Fault::on(On::Upsert, Action::garbage("[]")).always());
    bed.produce(&numbered(5)).await;
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("answer_mismatch_repeated").await;
    assert_eq!(bed.org.calls().upsert, 3);
    assert_eq!(bed.committed().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_keeps_failing_while_others_succeed_is_poison() {
    let mut bed = TestBed::new("poison").await;
    bed.config.set("retry.max_attempts", "2").set("pipeline.batch_rows", "8");
    let fails = Action::error(503, "SERVER_UNAVAILABLE", "busy");
    bed.fault(Fault::on(On::Upsert, fails).key("key21").always());
    let daemon = started(&bed, 32).await;
    let mut produced = 32;
    // Others succeed all the while.
    until("the poison to be found", async || {
        bed.produce(&[upsert(&format!("key{produced}"), "x")]).await;
        produced += 1;
        (daemon.metrics().await.settled("dead_lettered") > 0).then_some(())
    })
    .await;
    let metrics = daemon.settled(produced).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (produced - 1, 1));
    daemon.stop().await;
    let letter = &bed.dead_letters(1).await[0];
    assert_eq!(letter.key.as_deref(), Some(&b"key21"[..]));
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.Poison");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_waits_for_a_hold_and_for_what_comes_of_it() {
    let bed = TestBed::new("hold-term").await;
    bed.fault(Fault::on(On::Upsert, Action::Cut { when: When::After }));
    let mut daemon = started(&bed, 20).await;
    until("the call", async || (bed.org.journal().len() == 20).then_some(())).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    assert_eq!(bed.committed().await, 20, "every row has been brought to its outcome");
    assert_eq!(bed.org.journal().len(), 40, "after the hold they were sent again");
}
