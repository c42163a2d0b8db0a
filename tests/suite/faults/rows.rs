//! What befalls single rows, or a call because of its rows.

use sandbox::{Action, Fault, On};

use super::{all_written, numbered, started};
use crate::harness::{Rig, until, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn rejected_one_row_and_its_neighbours_written() {
    let rig = Rig::new("rejected").await;
    let refusal = Action::row_error("FIELD_CUSTOM_VALIDATION_EXCEPTION", "not on a Monday");
    rig.fault(Fault::on(On::Upsert, refusal).key("key7"));
    let metrics = rig.run(&numbered(20)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (19, 1));
    assert_eq!(rig.org.calls().upsert, 1, "one call is enough");
    let letter = &rig.dead_letters(1).await[0];
    assert_eq!(letter.header("sobjectd.status_code").unwrap(), "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(letter.header("sobjectd.message").unwrap(), "not on a Monday");
}

#[tokio::test(flavor = "multi_thread")]
async fn again_only_the_locked_row() {
    let rig = Rig::new("locked").await;
    rig.fault(Fault::on(On::Upsert, Action::lock()).key("key3").times(2));
    all_written(&rig, 20).await;
    let calls = rig.org.calls();
    assert_eq!((calls.upsert, calls.rows_upsert), (3, 22), "the locked row goes three times, the others once");
}

#[tokio::test(flavor = "multi_thread")]
async fn again_a_trigger_that_wraps_a_lock() {
    let rig = Rig::new("wrapped").await;
    let texts = [
        "T: execution of BeforeInsert caused by: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access",
        "T: execution of BeforeUpdate caused by: System.QueryException: Record Currently Unavailable: The record you are \
         attempting to edit, or one of its related records, is currently being modified by another user.",
    ];
    for (key, message) in ["key3", "key7"].into_iter().zip(texts) {
        let wrapped = Action::row_error("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message);
        rig.fault(Fault::on(On::Upsert, wrapped).key(key));
    }
    all_written(&rig, 20).await;
    assert_eq!(rig.org.calls().rows_upsert, 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn again_ends_at_the_row_timeout() {
    let mut rig = Rig::new("row-timeout").await;
    rig.config.set("retry.row_timeout", "'700ms'");
    rig.fault(Fault::on(On::Upsert, Action::lock()).key("key3").always());
    let metrics = rig.run(&numbered(20)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (19, 1));
    let letter = &rig.dead_letters(1).await[0];
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.RowTimeout");
    assert_eq!(letter.header("sobjectd.status_code").unwrap(), "UNABLE_TO_LOCK_ROW");
    assert!(letter.header("sobjectd.attempts").unwrap().parse::<u32>().unwrap() > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_holds_back_its_identity_and_nothing_else() {
    let rig = Rig::new("held").await;
    rig.fault(Fault::on(On::Upsert, Action::lock()).key("key0").always());
    let daemon = started(&rig, 10).await;
    until("the others", async || rig.find("key9")).await;
    rig.produce(&[upsert("key0", "second"), upsert("key10", "x")]).await;
    until("a later one", async || rig.find("key10")).await;
    assert!(rig.find("key0").is_none());
    rig.org.clear_faults();
    daemon.settled(12).await;
    daemon.stop().await;
    let texts: Vec<_> = rig.history("key0").into_iter().map(|(_, text)| text.unwrap()).collect();
    assert_eq!(texts, ["0", "second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn apart_a_row_that_meets_another_one_each_time_is_rejected_at_last() {
    let mut rig = Rig::new("apart").await;
    rig.config.set("retry.row_timeout", "'700ms'");
    let twice = Action::row_error("DUPLICATE_VALUE", "any").naming(&["ExternalId__c"]);
    rig.fault(Fault::on(On::Upsert, twice).key("key3").always());
    let metrics = rig.run(&numbered(10)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (9, 1));
    let letter = &rig.dead_letters(1).await[0];
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.Refused");
    assert_eq!(letter.header("sobjectd.status_code").unwrap(), "DUPLICATE_VALUE");
    assert_eq!(letter.header("sobjectd.attempts").unwrap(), "4");
    assert_eq!(rig.org.calls().upsert, 1 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_transaction_is_halved_until_it_passes() {
    for (code, message) in [
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.LimitException: Apex CPU time limit exceeded"),
        ("UNKNOWN_EXCEPTION", "Too many SOQL queries: 101"),
    ] {
        let rig = Rig::new("transaction").await;
        rig.fault(Fault::on(On::Upsert, Action::trigger(code, message)).times(3));
        all_written(&rig, 64).await;
        assert!(rig.org.calls().upsert >= 4, "{code}");
        assert_eq!(rig.org.journal().len(), 64);
    }
}

/// Halved anew each time, 64 rows would take 15 calls, and all of them 240.
#[tokio::test(flavor = "multi_thread")]
async fn whole_transaction_the_size_that_passed_is_kept() {
    const ROWS: usize = 1_024;
    let mut rig = Rig::new("transaction-size").await;
    rig.config.set("pipeline.batch_rows", "64").set("salesforce.max_concurrent_requests", "1");
    let message = "T: System.LimitException: Apex CPU time limit exceeded";
    let fails = Action::trigger("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message);
    rig.fault(Fault::on(On::Upsert, fails).min_rows(9).always());
    let metrics = rig.run(&numbered(ROWS)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (ROWS as u64, 0));
    let calls = rig.org.calls().upsert;
    assert!(calls < 180, "{calls} calls, and 128 of 8 rows would do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_a_trigger_refuses_alone_is_the_only_one_rejected() {
    let rig = Rig::new("trigger").await;
    let fails = Action::trigger("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.NullPointerException");
    rig.fault(Fault::on(On::Upsert, fails).key("key21").always());
    let metrics = rig.run(&numbered(64)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (63, 1));
    let letter = &rig.dead_letters(1).await[0];
    assert_eq!(letter.key.as_deref(), Some(&b"key21"[..]));
    assert!(rig.org.calls().upsert <= 20, "halving: {:?}", rig.org.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_is_halved_until_the_culprit_is_alone() {
    for (status, code) in [(400, "JSON_PARSER_ERROR"), (413, "REQUEST_TOO_LARGE")] {
        let rig = Rig::new("refused-call").await;
        let refused = Action::error(status, code, "no");
        rig.fault(Fault::on(On::Upsert, refused).key("key21").always());
        let metrics = rig.run(&numbered(64)).await;
        assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (63, 1), "{status}");
        let letter = &rig.dead_letters(1).await[0];
        assert_eq!(letter.key.as_deref(), Some(&b"key21"[..]));
        assert_eq!(letter.header("sobjectd.http_status").unwrap(), status.to_string());
        assert!(rig.org.calls().upsert <= 20, "halving: {:?}", rig.org.calls());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_storage_parks_only_the_rows_that_met_it() {
    let mut rig = Rig::new("storage").await;
    rig.config.set("salesforce.quota.probe_interval", "'200ms'");
    let full = Action::row_error("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded");
    rig.fault(Fault::on(On::Upsert, full).key("key3").always());
    let daemon = started(&rig, 10).await;
    until("the others", async || rig.find("key9")).await;
    rig.produce(&[upsert("key10", "x")]).await;
    until("a later one", async || rig.find("key10")).await;
    assert_eq!(daemon.metrics().await.settled("dead_lettered"), 0);
    rig.org.clear_faults();
    let metrics = daemon.settled(11).await;
    assert_eq!(metrics.settled("written"), 11);
    daemon.stop().await;
}
