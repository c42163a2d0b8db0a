//! Compressed requests and answers.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use crate::Client;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Creates an account with this body; the status, the encoding of the answer, and the answer as it came.
async fn create(client: &Client, body: Vec<u8>, headers: &[(&str, &str)]) -> (u16, Option<String>, Vec<u8>) {
    let http = reqwest::Client::builder().no_gzip().build().unwrap();
    let mut request = http.post(format!("{}/services/data/v66.0/sobjects/Account", client.org.url()));
    request = request.bearer_auth(&client.token).header("content-type", "application/json").body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let encoding = answer.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), encoding, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_body_that_claims_to_be_compressed_must_be() {
    let client = Client::start().await;
    let (json, encoded) = (r#"{"Name":"Ada"}"#, ("content-encoding", "gzip"));
    assert_eq!(create(&client, gzip(json), &[encoded]).await.0, 201);
    let whole = gzip(json);
    let twice = [gzip(r#"{"Name":"#), gzip(r#""Ada"}"#)].concat();
    for (body, header, status) in [
        (json.as_bytes().to_vec(), encoded, 400),
        (whole[..whole.len() - 4].to_vec(), encoded, 400),
        (twice, encoded, 400),
        (gzip(json), ("content-encoding", "br"), 415),
        (gzip(json), ("x-none", "x"), 400),
    ] {
        assert_eq!(create(&client, body.clone(), &[header]).await.0, status, "{header:?} {body:?}");
    }
    assert_eq!((client.org.records("Account").len(), client.org.calls().gzip_requests), (1, 1));
}

#[tokio::test]
async fn an_answer_is_compressed_if_the_client_accepts_it() {
    let client = Client::start().await;
    let json = || br#"{"Name":"Ada"}"#.to_vec();
    // The login's own, perhaps.
    let before = client.org.calls().gzip_answers;
    let (status, encoding, body) = create(&client, json(), &[("accept-encoding", "br, gzip")]).await;
    assert_eq!((status, encoding.as_deref()), (201, Some("gzip")));
    let mut text = String::new();
    GzDecoder::new(&*body).read_to_string(&mut text).unwrap();
    assert!(text.contains(r#""success":true"#), "{text}");
    // Said, since a client that can inflate asks for it by itself.
    let (status, encoding, body) = create(&client, json(), &[("accept-encoding", "identity")]).await;
    assert_eq!((status, encoding), (201, None));
    assert!(body.starts_with(b"{"));
    assert_eq!(client.org.calls().gzip_answers, before + 1);
}
