//! The line between requests that were sent and requests that were not.

use serde_json::json;
use tokio::{net::TcpListener, time::Instant};

use super::*;
use crate::record::Doubt;
use crate::salesforce::http::{
    client::{Http, Sent},
    request::{ApiRequest, Content, Endpoint, Purpose},
};

const SECOND: Duration = Duration::from_secs(1);

/// The time at which an attempt of unknown result ended, and the reason why its result is not known.
fn ended(verdict: &Verdict) -> (Instant, Doubt) {
    match verdict {
        Verdict::Unknown { ended, doubt, .. } => (Instant::from_std(*ended), *doubt),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_took_nothing() {
    let fixture = Fixture::start().await;
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
    let deleted = fixture.command(Action::Delete, Some(Identity::RecordId("a00B000000FSjVU".parse().unwrap())), "");
    let Fixture { org, salesforce, object, lease } = fixture;
    let url = org.url().to_owned();
    org.shutdown().await;
    let gone = Fixture { org: sandbox().await, salesforce, object, lease };
    assert!(short(&gone.write(&commands).await[0]).starts_with("org_unavailable"), "{url}");
    assert!(short(&gone.write(&[deleted]).await[0]).starts_with("org_unavailable"));
}

#[tokio::test]
async fn a_cut_after_sending_is_unknown_from_the_moment_of_the_cut() {
    for when in ["before", "after", "mid_answer"] {
        let fixture = Fixture::start().await;
        let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
        let delay = json!({"on": "write", "do": {"kind": "latency", "ms": 100}});
        fixture.script(json!([delay, {"on": "write", "do": {"kind": "cut", "when": when}}]));
        let before = Instant::now();
        let verdict = &fixture.write(&commands).await[0];
        let (ended, doubt) = ended(verdict);
        assert!(ended >= before + Duration::from_millis(90), "{when}: not when it was sent");
        assert_eq!(doubt, Doubt::Lost, "{when}");
        assert_eq!(fixture.org.records(OBJECT).len(), usize::from(when != "before"), "{when}");
        // Not a state of the org: other calls go on.
        assert_eq!(short(&fixture.write(&commands).await[0]), format!("written true {}", when == "before"));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_unknown() {
    let fixture = Fixture::with(|config| config.request_timeout = SECOND / 5).await;
    fixture.script(json!({"on": "write", "do": {"kind": "hang", "apply": true}}));
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
    let before = Instant::now();
    let verdicts = fixture.write(&commands).await;
    let (ended, doubt) = ended(&verdicts[0]);
    assert!(ended >= before + SECOND / 5 && doubt == Doubt::TimedOut, "{verdicts:?}");
}

#[tokio::test]
async fn a_delete_has_no_body_and_is_sent_all_the_same() {
    let fixture = Fixture::start().await;
    let id = fixture.upsert(KEY, &["a"]).await[0];
    fixture.script(json!({"on": "delete", "do": {"kind": "cut", "when": "before"}}));
    let command = fixture.command(Action::Delete, Some(Identity::RecordId(id)), "");
    let before = Instant::now();
    assert!(ended(&fixture.write(&[command]).await[0]).0 >= before);
}

/// The host is up and takes nothing: most of the body never leaves.
#[tokio::test]
async fn a_body_that_is_partly_sent_is_unknown() {
    let fixture = Fixture::with(|config| config.request_timeout = SECOND / 4).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config::Salesforce {
        request_timeout: SECOND / 4,
        ..testing::config(&format!("http://{}", listener.local_addr().unwrap()), credentials())
    };
    let http = Http::new(&config, Arc::new(())).unwrap();
    let deaf = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        tokio::time::sleep(SECOND * 10).await;
        drop(socket);
    });
    let request = ApiRequest {
        method: reqwest::Method::POST,
        content: Content::Json(vec![b' '; 64 << 20].into()),
        ..ApiRequest::get("create", Purpose::Write, Endpoint::Url(config.login_url.clone()))
    };
    let outcome = http.send(&request, config.login_url, None).await;
    let Sent::Unanswered { timed_out: true, .. } = outcome else { panic!("{outcome:?}") };
    deaf.abort();
    drop(fixture);
}

#[tokio::test]
async fn an_answer_is_read_to_its_cap_and_no_further() {
    let fixture = Fixture::start().await;
    fixture.script(json!({"on": "write", "do": {"kind": "garbage", "body": format!("[{}]", " ".repeat(5 << 20))}}));
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
    assert_eq!(short(&fixture.write(&commands).await[0]), "unknown");
}

/// A few kilobytes on the wire.
#[tokio::test]
async fn the_cap_is_of_the_inflated_answer() {
    let fixture = Fixture::with(|config| config.compression = config::Compression::Gzip).await;
    fixture.script(json!({"on": "write", "do": {"kind": "garbage", "body": format!("[{}]", " ".repeat(5 << 20))}}));
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
    let verdict = &fixture.write(&commands).await[0];
    let Verdict::Unknown { cause, .. } = verdict else { panic!("{verdict:?}") };
    assert!(cause.message.contains("longer than"), "{cause}");
    assert!(fixture.org.calls().gzip_answers >= 2, "{:?}", fixture.org.calls());
}

#[tokio::test]
async fn a_compressed_body_tells_as_well_whether_it_was_sent() {
    let fixture = Fixture::with(|config| config.compression = config::Compression::Gzip).await;
    let text = json!({"Text__c": "a".repeat(200)}).to_string();
    let values: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let commands = fixture.by_key(Action::Upsert, KEY, &values, &text);
    fixture.script(json!({"on": "write", "do": {"kind": "cut", "when": "after"}}));
    let before = Instant::now();
    assert!(ended(&fixture.write(&commands).await[0]).0 >= before);
    assert_eq!((fixture.org.calls().gzip_requests, fixture.org.records(OBJECT).len()), (1, 20));
    assert_eq!(short(&fixture.write(&commands).await[19]), "written true false");
}

/// A host whose queue of new connections is full, and which takes none out of it.
#[tokio::test]
async fn a_connection_that_is_not_taken_is_given_up_in_time() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) = tokio::time::timeout(SECOND / 5, tokio::net::TcpStream::connect(address)).await {
        waiting.push(connected.unwrap());
    }
    let config = config::Salesforce {
        connect_timeout: SECOND / 4,
        login_timeout: SECOND * 20,
        ..testing::config(&format!("http://{address}"), credentials())
    };
    let start = Instant::now();
    let later = salesforce(&config).login_once().await.unwrap_err();
    let crate::salesforce::NoLogin::Later(cause) = later else { panic!("{later:?}") };
    assert!(cause.message.contains("connect"), "{cause}");
    assert!((SECOND / 4..SECOND * 5).contains(&start.elapsed()), "{:?}", start.elapsed());
}

/// Partitions may be lost, and others be confirmed by a commit, between the choice of the rows and their call.
#[tokio::test]
async fn nothing_is_sent_by_a_permit_from_before_a_loss_of_partitions() {
    let mut fixture = Fixture::start().await;
    fixture.lease = Lease::new(60 * SECOND);
    fixture.lease.renew(Instant::now());
    let before = fixture.lease.permit();
    fixture.lease.lapse();
    fixture.lease.renew(Instant::now() + SECOND);
    assert!(fixture.lease.is_held());
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], r#"{"Text__c":"late"}"#);
    let key = BatchKey::of(&commands[0]);
    let rows = [BatchRow { command: &commands[0], maybe_applied: false }];
    assert_eq!(shorts(&fixture.salesforce.write(&key, &rows, &before).await), ["no lease"]);
    assert!(fixture.texts().is_empty());
    assert_eq!(shorts(&fixture.write(&commands).await), ["written true true"]);
}
