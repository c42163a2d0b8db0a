//! PLAIN and SCRAM, over TLS.

use super::{bed, ends_the_start, lets_all_clients_in, quoted};
use crate::harness::{TestBed, secured};

async fn alice(name: &str, mechanism: &str, password: &str) -> TestBed {
    let ca = quoted(&secured().await.tls("ca.pem"));
    let properties = [
        ("security.protocol", "'SASL_SSL'"),
        ("ssl.ca.location", &ca),
        ("sasl.mechanisms", &quoted(mechanism)),
        ("sasl.username", "'alice'"),
        ("sasl.password", &quoted(password)),
    ];
    bed(name, "SASL_SSL", &properties).await
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_by_plain() {
    lets_all_clients_in(&alice("plain", "PLAIN", "alice-secret").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_by_scram() {
    lets_all_clients_in(&alice("scram-256", "SCRAM-SHA-256", "alice-secret").await).await;
    lets_all_clients_in(&alice("scram-512", "SCRAM-SHA-512", "alice-secret").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_ends_the_start_at_the_third_refusal() {
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let mut bed = alice("refused", mechanism, "xyzzy-wrong").await;
        bed.config.set("log.level", "'trace'");
        let daemon = ends_the_start(&bed, &["kafka.properties", "uthentication"]).await;
        let denied = daemon.event("kafka_start_denied").lines();
        assert_eq!(denied.len(), 2, "{mechanism}: {denied:?}");
        assert!(!daemon.log().iter().any(|line| line.contains("xyzzy-wrong")), "the password is in the log");
    }
}
