//! What counts as sent.

use std::time::Instant;

use serde_json::json;
use tokio::net::TcpListener;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn sent(verdict: &Verdict) -> Instant {
    match verdict {
        Verdict::Unknown { sent, .. } => *sent,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_took_nothing() {
    let fixture = Fixture::start().await;
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
    let deleted = fixture.command(Action::Delete, Some(Identity::RecordId("a00B000000FSjVU".parse().unwrap())), "");
    let Fixture { org, salesforce, object } = fixture;
    let url = org.url().to_owned();
    org.shutdown().await;
    let gone = Fixture { org: sandbox().await, salesforce, object };
    assert!(short(&gone.write(&commands).await[0]).starts_with("later"), "{url}");
    assert!(short(&gone.write(&[deleted]).await[0]).starts_with("later"));
}

#[tokio::test]
async fn a_cut_after_sending_is_unknown_and_says_when_it_was_sent() {
    for when in ["before", "after", "mid_answer"] {
        let fixture = Fixture::start().await;
        let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
        let delay = json!({"on": "write", "do": {"kind": "latency", "ms": 100}});
        fixture.script(json!([delay, {"on": "write", "do": {"kind": "cut", "when": when}}]));
        let before = Instant::now();
        let verdict = &fixture.write(&commands).await[0];
        let after = Instant::now();
        assert!(before <= sent(verdict), "{when}");
        assert!(sent(verdict) + Duration::from_millis(90) <= after, "{when}: not when the cut was seen");
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
    assert!(sent(&verdicts[0]) < before + SECOND / 10, "{verdicts:?}");
}

#[tokio::test]
async fn a_delete_has_no_body_and_is_sent_all_the_same() {
    let fixture = Fixture::start().await;
    let id = fixture.upsert(KEY, &["a"]).await[0];
    fixture.script(json!({"on": "delete", "do": {"kind": "cut", "when": "before"}}));
    let command = fixture.command(Action::Delete, Some(Identity::RecordId(id)), "");
    let before = Instant::now();
    assert!(sent(&fixture.write(&[command]).await[0]) >= before);
}

/// The host is up and takes nothing: most of the body never leaves.
#[tokio::test]
async fn a_body_that_is_partly_sent_is_unknown_from_now_on() {
    let fixture = Fixture::with(|config| config.request_timeout = SECOND / 4).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config::Salesforce {
        request_timeout: SECOND / 4,
        ..testing::config(&format!("http://{}", listener.local_addr().unwrap()), credentials())
    };
    let http = crate::salesforce::http::Http::new(&config, Metrics::default()).unwrap();
    let deaf = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        tokio::time::sleep(SECOND * 10).await;
        drop(socket);
    });
    let request = crate::salesforce::http::Request {
        kind: "create",
        rows: 1,
        method: reqwest::Method::POST,
        url: config.login_url.clone(),
        content: crate::salesforce::http::Content::Json(vec![b' '; 64 << 20].into()),
        max_answer: 0,
    };
    let before = Instant::now();
    let outcome = http.send(&request, None).await;
    let crate::salesforce::http::Sent::Unanswered { sent, .. } = outcome else { panic!("{outcome:?}") };
    assert!(sent >= before + SECOND / 5, "not when its first bytes were");
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
