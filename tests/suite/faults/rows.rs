//! What befalls single rows, or a call because of its rows.

use sandbox::{Action, Fault, On};

use super::{all_written, numbered, started};
use crate::harness::{TestBed, side_by_side, until, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_row_is_a_dead_letter_and_its_neighbours_are_written() {
    let bed = TestBed::new("rejected").await;
    let refusal = Action::row_error("FIELD_CUSTOM_VALIDATION_EXCEPTION", "not on a Monday");
    bed.fault(Fault::on(On::Upsert, refusal).key("key7"));
    let metrics = bed.run(&numbered(20)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (19, 1));
    assert_eq!(bed.org.calls().upsert, 1, "one call is enough");
    let letter = &bed.dead_letters(1).await[0];
    assert_eq!(letter.header("sobjectd.status_code").unwrap(), "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(letter.header("sobjectd.message").unwrap(), "not on a Monday");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_locked_row_is_retried() {
    let bed = TestBed::new("locked").await;
    bed.fault(Fault::on(On::Upsert, Action::lock()).key("key3").times(2));
    all_written(&bed, 20).await;
    let calls = bed.org.calls();
    assert_eq!((calls.upsert, calls.rows_upsert), (3, 22), "the locked row goes three times, the others once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_error_that_wraps_a_lock_is_retried() {
    let bed = TestBed::new("wrapped").await;
    let texts = [
        "T: execution of BeforeInsert caused by: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access",
        "T: execution of BeforeUpdate caused by: System.QueryException: Record Currently Unavailable: The record you are \
         attempting to edit, or one of its related records, is currently being modified by another user.",
    ];
    for (key, message) in ["key3", "key7"].into_iter().zip(texts) {
        let wrapped = Action::row_error("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message);
        bed.fault(Fault::on(On::Upsert, wrapped).key(key));
    }
    all_written(&bed, 20).await;
    assert_eq!(bed.org.calls().rows_upsert, 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_of_a_locked_row_end_at_the_row_timeout() {
    let mut bed = TestBed::new("row-timeout").await;
    bed.config.set("retry.row_timeout", "'700ms'");
    bed.fault(Fault::on(On::Upsert, Action::lock()).key("key3").always());
    let metrics = bed.run(&numbered(20)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (19, 1));
    let letter = &bed.dead_letters(1).await[0];
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.RowTimeout");
    assert_eq!(letter.header("sobjectd.status_code").unwrap(), "UNABLE_TO_LOCK_ROW");
    assert!(letter.header("sobjectd.attempts").unwrap().parse::<u32>().unwrap() > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_holds_back_its_identity_and_nothing_else() {
    let bed = TestBed::new("held").await;
    bed.fault(Fault::on(On::Upsert, Action::lock()).key("key0").always());
    let daemon = started(&bed, 10).await;
    until("the others", async || bed.find("key9")).await;
    bed.produce(&[upsert("key0", "second"), upsert("key10", "x")]).await;
    until("a later one", async || bed.find("key10")).await;
    assert!(bed.find("key0").is_none());
    bed.org.clear_faults();
    daemon.settled(12).await;
    daemon.stop().await;
    let texts: Vec<_> = bed.history("key0").into_iter().map(|(_, text)| text.unwrap()).collect();
    assert_eq!(texts, ["0", "second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_stays_a_duplicate_when_sent_alone_is_rejected() {
    let mut bed = TestBed::new("apart").await;
    bed.config.set("retry.row_timeout", "'700ms'");
    let twice = Action::row_error("DUPLICATE_VALUE", "any").naming(&["ExternalId__c"]);
    bed.fault(Fault::on(On::Upsert, twice).key("key3").always());
    let metrics = bed.run(&numbered(10)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (9, 1));
    let letter = &bed.dead_letters(1).await[0];
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.Refused");
    assert_eq!(letter.header("sobjectd.status_code").unwrap(), "DUPLICATE_VALUE");
    assert_eq!(letter.header("sobjectd.attempts").unwrap(), "4");
    assert_eq!(bed.org.calls().upsert, 1 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_is_halved_until_it_passes() {
    side_by_side(
        [
            ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.LimitException: Apex CPU time limit exceeded"),
            ("UNKNOWN_EXCEPTION", "Too many SOQL queries: 101"),
        ],
        async |(code, message)| {
            let bed = TestBed::new("transaction").await;
            bed.fault(Fault::on(On::Upsert, Action::trigger(code, message)).times(3));
            all_written(&bed, 64).await;
            assert!(bed.org.calls().upsert >= 4, "{code}");
            assert_eq!(bed.org.journal().len(), 64);
        },
    )
    .await;
}

/// Halved anew each time, 64 rows would take 15 calls, and all of them 240.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_keeps_the_size_that_passed() {
    const ROWS: usize = 1_024;
    let mut bed = TestBed::new("transaction-size").await;
    bed.config.set("pipeline.batch_rows", "64").set("salesforce.max_concurrent_requests", "1");
    let message = "T: System.LimitException: Apex CPU time limit exceeded";
    let fails = Action::trigger("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message);
    bed.fault(Fault::on(On::Upsert, fails).min_rows(9).always());
    let metrics = bed.run(&numbered(ROWS)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (ROWS as u64, 0));
    let calls = bed.org.calls().upsert;
    assert!(calls < 180, "{calls} calls, and 128 of 8 rows would do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_a_trigger_refuses_alone_is_the_only_one_rejected() {
    let bed = TestBed::new("trigger").await;
    let fails = Action::trigger("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.NullPointerException");
    bed.fault(Fault::on(On::Upsert, fails).key("key21").always());
    let metrics = bed.run(&numbered(64)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (63, 1));
    let letter = &bed.dead_letters(1).await[0];
    assert_eq!(letter.key.as_deref(), Some(&b"key21"[..]));
    assert!(bed.org.calls().upsert <= 20, "halving: {:?}", bed.org.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_is_halved_until_the_culprit_is_alone() {
    side_by_side([(400, "JSON_PARSER_ERROR"), (413, "REQUEST_TOO_LARGE")], async |(status, code)| {
        let bed = TestBed::new("refused-call").await;
        let refused = Action::error(status, code, "no");
        bed.fault(Fault::on(On::Upsert, refused).key("key21").always());
        let metrics = bed.run(&numbered(64)).await;
        assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (63, 1), "{status}");
        let letter = &bed.dead_letters(1).await[0];
        assert_eq!(letter.key.as_deref(), Some(&b"key21"[..]));
        assert_eq!(letter.header("sobjectd.http_status").unwrap(), status.to_string());
        assert!(bed.org.calls().upsert <= 20, "halving: {:?}", bed.org.calls());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_storage_parks_only_the_rows_that_met_it() {
    let mut bed = TestBed::new("storage").await;
    bed.config.set("salesforce.quota.probe_interval", "'200ms'");
    let full = Action::row_error("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded");
    bed.fault(Fault::on(On::Upsert, full).key("key3").always());
    let daemon = started(&bed, 10).await;
    until("the others", async || bed.find("key9")).await;
    bed.produce(&[upsert("key10", "x")]).await;
    until("a later one", async || bed.find("key10")).await;
    assert_eq!(daemon.metrics().await.settled("dead_lettered"), 0);
    bed.org.clear_faults();
    let metrics = daemon.settled(11).await;
    assert_eq!(metrics.settled("written"), 11);
    daemon.stop().await;
}
