//! Certificates: a private CA, and the daemon's own.

use super::{bed, ends_the_start, lets_all_clients_in, quoted};
use crate::harness::{secured, side_by_side};

const SSL: (&str, &str) = ("security.protocol", "'SSL'");

#[tokio::test(flavor = "multi_thread")]
async fn certificates_may_come_from_files() {
    let broker = secured().await;
    let [ca, certificate, key] = ["ca.pem", "client.pem", "client.key"].map(|file| quoted(&broker.tls(file)));
    let files = [SSL, ("ssl.ca.location", &ca), ("ssl.certificate.location", &certificate), ("ssl.key.location", &key)];
    lets_all_clients_in(&bed("mtls-files", "MTLS", &files).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_may_come_from_secrets() {
    let broker = secured().await;
    let [ca, certificate, key] =
        ["ca.pem", "client.pem", "client.key"].map(|file| format!("{{ file = '{}' }}", broker.tls(file)));
    let literals = [SSL, ("ssl.ca.pem", &ca), ("ssl.certificate.pem", &certificate), ("ssl.key.pem", &key)];
    lets_all_clients_in(&bed("mtls-secrets", "MTLS", &literals).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_the_broker_refuses() {
    let ca = quoted(&secured().await.tls("ca.pem"));
    let bed = bed("mtls-none", "MTLS", &[SSL, ("ssl.ca.location", &ca)]).await;
    ends_the_start(&bed, &["kafka.properties", "certificate"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_of_an_unknown_authority_is_refused() {
    let stranger = quoted(&secured().await.tls("stranger.pem"));
    // The system's authorities, which are looked for where none is named, do not know it either.
    side_by_side([Some(("ssl.ca.location", stranger.as_str())), None], async |authority| {
        let properties: Vec<_> = [SSL].into_iter().chain(authority).collect();
        let bed = bed("unknown-ca", "MTLS", &properties).await;
        ends_the_start(&bed, &["kafka.properties", "certificate verify failed"]).await;
    })
    .await;
}
