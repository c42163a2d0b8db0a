//! The lag of each partition, as `/metrics` says.

use sandbox::{Action, Fault, On};

use crate::harness::{Daemon, Record, TestBed, until, upsert};

const LAG: &str = "sobjectd_consumer_lag";

fn spread(count: usize, partitions: usize) -> Vec<Record> {
    (0..count).map(|n| upsert(&format!("key{n}"), "x").partition((n % partitions) as i32)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_grows_in_an_outage_and_goes_when_the_partition_goes() {
    let bed = TestBed::with_partitions("lag", 2).await;
    let of = |partition: &'static str| [("topic", bed.topic.clone()), ("partition", partition.to_owned())];
    let lag = async |daemon: &Daemon, partition: &'static str| {
        let labels = of(partition);
        let labels: Vec<_> = labels.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let metrics = daemon.metrics().await;
        (metrics.samples(LAG, &labels) == 1).then(|| metrics.sum(LAG, &labels))
    };
    bed.fault(Fault::on(On::Upsert, Action::body(503, "busy")).always());
    bed.fault(Fault::on(On::Resources, Action::body(503, "busy")).always());
    let first = Daemon::start(&bed.config).await;
    bed.produce(&spread(20, 2)).await;
    until("the lag of both", async || {
        (lag(&first, "0").await == Some(10) && lag(&first, "1").await == Some(10)).then_some(())
    })
    .await;
    bed.org.clear_faults();
    until("no lag", async || (lag(&first, "0").await == Some(0) && lag(&first, "1").await == Some(0)).then_some(()))
        .await;

    let second = Daemon::start(&bed.config).await;
    let one_each = async || {
        let (here, there) = (first.metrics().await.samples(LAG, &[]), second.metrics().await.samples(LAG, &[]));
        ((here, there) == (1, 1)).then_some(())
    };
    until("one partition each", one_each).await;
    first.stop().await;
    second.stop().await;
}
