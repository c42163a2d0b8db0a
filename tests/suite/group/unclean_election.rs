//! A partition that goes on from an older state than the group has read: the only replica that is left had missed the
//! last records, and leads all the same.

use rdkafka::admin::TopicReplication;
use sandbox::{Server, ServerOptions};

use crate::harness::{Broker, Config, Daemon, Record, exclusive, python, unique, until, upsert};

fn numbered(range: std::ops::Range<usize>) -> Vec<Record> {
    range.map(|n| upsert(&format!("key{n}"), &n.to_string()).partition(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_an_unclean_election_has_replaced_are_named_as_lost() {
    const FIRST: i32 = 1;
    const SECOND: i32 = 2;
    let _exclusive = exclusive().await;
    let broker = Broker::cluster().await;
    let (topic, group) = (unique("unclean"), unique("unclean.group"));
    let settings = [("unclean.leader.election.enable", "true"), ("min.insync.replicas", "1")];
    broker.topic_on(&topic, 1, TopicReplication::Variable(&[&[FIRST, SECOND]]), &settings).await;
    let org = Server::start(ServerOptions::default()).await.unwrap();
    let mut config = Config::new(&broker.bootstrap, org.url(), &group);
    config.route(&[
        ("topic", &format!("'{topic}'")),
        ("sobject", "'MyObject__c'"),
        ("operation", "'upsert'"),
        ("external_id_field", "'ExternalId__c'"),
    ]);

    python::produce(&broker, &topic, &numbered(0..10)).await;
    broker.node("stop", SECOND).await;
    let leads = async |node| (broker.leader(&topic, 0).await == Some(node)).then_some(());
    until("the first node to lead", async || leads(FIRST).await).await;
    python::produce(&broker, &topic, &numbered(10..20)).await;
    let daemon = Daemon::start(&config).await;
    daemon.settled(20).await;
    daemon.stop().await;
    assert_eq!(broker.committed(&group, &topic, 1).await, [Some(20)]);

    broker.node("kill", FIRST).await;
    broker.node("again", SECOND).await;
    until("the second node to lead", async || leads(SECOND).await).await;
    // Where records 10 to 19 were, others are now, and after them as well.
    python::produce(&broker, &topic, &numbered(20..35)).await;
    let mut daemon = Daemon::spawn(&config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    let failed = daemon.event("lane_failed").with("topic", &*topic).await;
    assert!(
        failed.contains("the offsets from 20 on are lost") && failed.contains("unclean leader election"),
        "{failed}"
    );
    assert_eq!(org.journal().len(), 20, "and nothing after them is written");
    // The same at each start, until a person decides.
    let mut daemon = Daemon::spawn(&config);
    assert_eq!(daemon.exit().await.code(), Some(1));
}
