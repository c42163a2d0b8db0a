//! The embedded cluster, used as any client uses a cluster.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Message,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseProducer, BaseRecord, Producer},
};

#[test]
fn a_group_joins_at_once_and_reads_what_was_produced() {
    let broker = sandbox::Broker::start(&[("crm.contacts", 2)]).unwrap();
    assert!(broker.bootstrap_servers().starts_with("127.0.0.1:"), "{}", broker.bootstrap_servers());
    let servers = broker.bootstrap_servers();
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", servers).create().unwrap();
    producer.send(BaseRecord::to("crm.contacts").key("k").payload("v").partition(1)).unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();

    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "g")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&["crm.contacts"]).unwrap();
    let started = Instant::now();
    let message = loop {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            break message.unwrap().detach();
        }
        assert!(started.elapsed() < Duration::from_secs(20));
    };
    assert_eq!((message.partition(), message.key(), message.payload()), (1, Some(&b"k"[..]), Some(&b"v"[..])));
    assert!(started.elapsed() < Duration::from_secs(3), "the first rebalance does not wait: {:?}", started.elapsed());
    assert_eq!(consumer.fetch_metadata(None, Duration::from_secs(5)).unwrap().brokers().len(), 1);
}
