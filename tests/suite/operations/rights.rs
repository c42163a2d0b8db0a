//! What an org's sharing, rights and assignment rules make of records: no describe tells.

use serde_json::json;

use crate::harness::{Daemon, OBJECT, TestBed, delete, kcat, record, side_by_side, unique, until, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_of_a_record_that_is_not_shared_is_counted_and_may_be_a_dead_letter() {
    side_by_side(["written", "dead_letter"], async |on_missing| {
        let mut bed = TestBed::new("not-shared").await;
        bed.config.in_route("on_missing", &format!("'{on_missing}'"));
        bed.org.put(OBJECT, &json!({"ExternalId__c": "theirs"})).unwrap();
        bed.org.change_settings(json!({"owner_only": true})).unwrap();
        let metrics = bed.run(&[delete("theirs"), upsert("own", "1"), delete("own")]).await;
        assert_eq!(metrics.sum("sobjectd_deletes_not_found_total", &[("route", &bed.topic)]), 1, "{on_missing}");
        let letters = u64::from(on_missing == "dead_letter");
        assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (3 - letters, letters));
        assert!(bed.find("theirs").is_some() && bed.find("own").is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_stay_unless_the_route_lets_rules_assign() {
    let mut bed = TestBed::new("owners").await;
    let assigned = unique("owners.assigned");
    bed.broker.topic(&assigned, 1).await;
    bed.config.in_route("sobject", "'Lead'").route(&[
        ("topic", &format!("'{assigned}'")),
        ("sobject", "'Lead'"),
        ("operation", "'upsert'"),
        ("external_id_field", "'ExternalId__c'"),
        ("options.auto_assign", "'true'"),
    ]);
    let agent = "005000000000007AAA";
    let lead = |key: &str| json!({"LastName": key, "Company": "x", "ExternalId__c": key, "OwnerId": agent});
    bed.org.put("Lead", &json!([lead("updated"), lead("upserted"), lead("assigned")])).unwrap();
    bed.org.change_settings(json!({"auto_assign": true})).unwrap();
    let change = r#"{"Title":"changed"}"#;
    bed.produce(&[record("updated", change).operation("UPDATE"), record("upserted", change)]).await;
    kcat::produce(bed.broker, &assigned, &[], &[("assigned", change)]).await;
    let daemon = Daemon::start(&bed.config).await;
    assert_eq!(daemon.settled(3).await.settled("written"), 3);
    daemon.stop().await;
    let leads = bed.org.records("Lead").into_iter();
    let owners: Vec<_> = leads
        .map(|lead| (lead.fields["LastName"].as_text() == Some("assigned"), lead.fields["OwnerId"].clone()))
        .collect();
    assert_eq!(owners.len(), 3);
    for (is_assigned, owner) in owners {
        assert_eq!(owner.as_text() != Some(agent), is_assigned, "{owner:?}");
    }
}

/// An upsert by a field that is not unique needs View All Data.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_the_user_may_not_make_waits_alone() {
    let mut bed = TestBed::new("view-all-data").await;
    let contacts = unique("view-all-data.contacts");
    bed.broker.topic(&contacts, 1).await;
    bed.config.in_route("external_id_field", "'ExternalLoose__c'");
    bed.config.route(&[("topic", &format!("'{contacts}'")), ("sobject", "'Contact'")]);
    bed.org.change_settings(json!({"view_all_data": false})).unwrap();
    bed.produce(&[upsert("a", "1"), upsert("b", "2")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.event("configuration_finding").mentions("external_id_field").mentions("needs View All Data").await;
    daemon.event("place_refused").with("sobject", OBJECT).mentions("INSUFFICIENT_ACCESS").await;
    kcat::produce(bed.broker, &contacts, &[], &[("c", r#"{"LastName":"C"}"#)]).await;
    until("the other route", async || (bed.org.records("Contact").len() == 1).then_some(())).await;
    assert_eq!(daemon.status("/ready").await, Some(200), "the org is well");
    bed.org.change_settings(json!({"view_all_data": true})).unwrap();
    let metrics = daemon.settled(3).await;
    assert_eq!(metrics.settled("written"), 3, "no row is to blame");
    assert_eq!(daemon.event("place_refused").lines().len(), 1, "one line until it is open again");
    daemon.stop().await;
}

/// A query finds more than an upsert matches.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_unique_is_the_same_only_in_its_own_case() {
    let mut bed = TestBed::new("loose-case").await;
    bed.config.in_route("external_id_field", "'ExternalLoose__c'");
    bed.org.change_settings(json!({"upsert_minds_case": true, "soql_ignores_case": true})).unwrap();
    bed.org.put(OBJECT, &json!([{"ExternalLoose__c": "Ab1", "Text__c": "theirs"}])).unwrap();
    let metrics = bed.run(&[delete("aB1"), upsert("aB1", "1").operation("UPDATE"), upsert("aB1", "2")]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 1));
    let texts: Vec<_> = bed.org.records(OBJECT).into_iter().map(|record| record.fields["Text__c"].clone()).collect();
    let texts: Vec<_> = texts.iter().filter_map(|text| text.as_text()).collect();
    assert_eq!(texts, ["theirs", "2"]);
}
