//! Every way into a cluster, through the real broker's listeners, and what is said of those that are closed.

mod acl;
mod oauth;
mod passwords;
mod tls;

use crate::harness::{Daemon, TestBed, record, secured, upsert};

/// A topic on the broker with security, and a daemon that comes in by `listener` with these properties: TOML values.
async fn bed(name: &str, listener: &str, properties: &[(&str, &str)]) -> TestBed {
    let broker = secured().await;
    let mut bed = TestBed::on(broker, name, 1).await;
    bed.config.set("kafka.bootstrap_servers", &format!("'{}'", broker.listener(listener)));
    for (property, value) in properties {
        bed.config.set(&format!("kafka.properties.{property:?}"), value);
    }
    bed
}

fn quoted(text: &str) -> String {
    format!("'{text}'")
}

/// The consumer, the producer of dead letters and the client that creates their topic all get in.
async fn lets_all_clients_in(bed: &TestBed) {
    let metrics = bed.run(&[upsert("a", "1"), record("b", "bad"), upsert("c", "3")]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 1));
    assert_eq!(bed.dead_letters(1).await[0].key.as_deref(), Some(&b"b"[..]));
    assert_eq!(bed.committed().await, 3);
}

/// The start ends, long before `startup_timeout`, and its last ERROR mentions these words.
async fn ends_the_start(bed: &TestBed, words: &[&str]) -> Daemon {
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    assert_exit_mentions(&daemon, words).await;
    daemon
}

async fn assert_exit_mentions(daemon: &Daemon, words: &[&str]) {
    let ended = daemon.event("exited_with_error").await;
    assert!(words.iter().all(|word| ended.contains(word)), "{words:?} in {ended}");
}
