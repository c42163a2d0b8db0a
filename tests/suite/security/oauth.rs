//! Tokens of an OIDC endpoint: a small real one, whose tokens the broker takes and which live for seconds.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header::AUTHORIZATION},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, prelude::*};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{bed, ends_the_start, lets_all_clients_in};
use crate::harness::{Daemon, TestBed, record, secured, until, upsert};

/// How long a token lives, in seconds.
const LIFE: f64 = 6.0;
const SECRET: &str = "xyzzy:secret&more";
/// With what the tokens begin: `{"alg":"none"}`.
const TOKEN: &str = "eyJhbGciOiJub25lIn0";

#[derive(Clone, Default)]
struct Issuer(Arc<Mutex<Issued>>);

#[derive(Default)]
struct Issued {
    /// Statuses before the first token.
    refusals: VecDeque<u16>,
    tokens: usize,
    /// How much longer than [`LIFE`] the tokens live, in seconds.
    longer: f64,
    /// How many of the next tokens lack a subject, so that the broker refuses them.
    nameless: usize,
    bodies: Vec<String>,
}

impl Issuer {
    /// Refuses with these statuses first. Returns its URL as well.
    async fn start(refusals: &[u16]) -> (Self, String) {
        let this = Self::default();
        this.0.lock().unwrap().refusals.extend(refusals);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let router = Router::new().route("/token", post(answer)).with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (this, url)
    }

    fn tokens(&self) -> usize {
        self.0.lock().unwrap().tokens
    }
}

async fn answer(State(issuer): State<Issuer>, request: Request) -> Response {
    let basic = format!("Basic {}", BASE64_STANDARD.encode("sobjectd:xyzzy%3Asecret%26more"));
    let known = request.headers().get(AUTHORIZATION).is_some_and(|value| value.as_bytes() == basic.as_bytes());
    let body = axum::body::to_bytes(request.into_body(), 4096).await.unwrap();
    let mut state = issuer.0.lock().unwrap();
    state.bodies.push(String::from_utf8(body.to_vec()).unwrap());
    if !known {
        state.refusals.push_front(401);
    }
    if let Some(status) = state.refusals.pop_front() {
        let body = json!({"error": "invalid_client", "error_description": "who is it?"}).to_string();
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    state.tokens += 1;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let life = LIFE + state.longer;
    let mut claims = json!({"sub": "alice", "iat": now, "exp": now + life, "n": state.tokens});
    if state.nameless > 0 {
        state.nameless -= 1;
        claims.as_object_mut().unwrap().remove("sub");
    }
    let token = format!("{TOKEN}.{}.", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()));
    json!({"access_token": token, "token_type": "Bearer", "expires_in": life}).to_string().into_response()
}

async fn with_tokens(name: &str, refusals: &[u16]) -> (TestBed, Issuer) {
    let mut bed = bed(name, "OAUTH", &[("security.protocol", "'SASL_PLAINTEXT'")]).await;
    let (issuer, url) = Issuer::start(refusals).await;
    bed.config.set("kafka.oauth.token_url", &format!("'{url}'"));
    bed.config.set("kafka.oauth.client_id", "'sobjectd'").set("kafka.oauth.client_secret", &format!("'{SECRET}'"));
    (bed, issuer)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_clients_authenticate_with_a_token() {
    let (mut bed, issuer) = with_tokens("oauth", &[]).await;
    bed.config.set("kafka.oauth.scope", "'kafka other'");
    lets_all_clients_in(&bed).await;
    let bodies = issuer.0.lock().unwrap().bodies.clone();
    assert!(bodies.iter().all(|body| body == "grant_type=client_credentials&scope=kafka+other"), "{bodies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_renewed_and_no_session_ends_with_one() {
    let (mut bed, issuer) = with_tokens("renewed", &[]).await;
    bed.config.set("log.level", "'trace'");
    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&[upsert("a", "1"), record("b", "bad")]).await;
    daemon.settled(2).await;
    until("the fourth token", async || (issuer.tokens() >= 4).then_some(())).await;
    bed.produce(&[upsert("c", "3"), record("d", "bad")]).await;
    daemon.settled(4).await;
    bed.dead_letters(2).await;
    until("the commit", async || (bed.committed().await == 4).then_some(())).await;
    let denied = daemon.event("kafka_access_denied").lines();
    assert!(denied.is_empty(), "a session has ended with its token: {denied:?}");
    for line in &*daemon.log() {
        assert!(!line.contains(TOKEN) && !line.contains("xyzzy"), "a token or a secret is in the log");
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_not_well_is_waited_for() {
    let (bed, issuer) = with_tokens("unwell", &[500, 401, 503]).await;
    let daemon = Daemon::start(&bed.config).await;
    for (event, says) in [
        ("kafka_start_without_token", "500"),
        ("kafka_start_denied", "invalid_client: who is it?"),
        ("kafka_start_without_token", "503"),
    ] {
        daemon.event(event).mentions("kafka.oauth").mentions(says).await;
    }
    // The same while it runs; a token that is old is used until its end.
    let tokens = issuer.tokens();
    let warned = daemon.event("kafka_token_unavailable").lines().len();
    issuer.0.lock().unwrap().refusals.extend([500]);
    until("two more tokens", async || (issuer.tokens() >= tokens + 2).then_some(())).await;
    let warns_again = async || (daemon.event("kafka_token_unavailable").lines().len() > warned).then_some(());
    until("another warning", warns_again).await;
    bed.produce(&[upsert("a", "1")]).await;
    daemon.settled(1).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_fetches_another_token() {
    let (bed, issuer) = with_tokens("hangup", &[]).await;
    issuer.0.lock().unwrap().longer = 3600.0;
    let daemon = Daemon::start(&bed.config).await;
    let tokens = issuer.tokens();
    daemon.signal("HUP");
    until("another token", async || (issuer.tokens() > tokens).then_some(())).await;
    bed.produce(&[upsert("a", "1")]).await;
    daemon.settled(1).await;
    daemon.stop().await;
}

/// As after a rotation of keys: the token is young, and no broker takes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_broker_refuses_is_replaced() {
    let (bed, issuer) = with_tokens("refused", &[]).await;
    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&[upsert("a", "1")]).await;
    daemon.settled(1).await;
    // The one after the next would come in an hour.
    {
        let mut next = issuer.0.lock().unwrap();
        (next.nameless, next.longer) = (1, 3600.0);
    }
    daemon.event("kafka_token_denied").await;
    bed.produce(&[upsert("b", "2")]).await;
    daemon.settled(2).await;
    until("the commit", async || (bed.committed().await == 2).then_some(())).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_ends_the_start() {
    let (mut bed, issuer) = with_tokens("wrong-secret", &[]).await;
    bed.config.set("kafka.oauth.client_secret", "'xyzzy'");
    let daemon = ends_the_start(&bed, &["kafka.oauth", "invalid_client"]).await;
    assert_eq!((issuer.tokens(), issuer.0.lock().unwrap().bodies.len()), (0, 3));
    assert!(!daemon.log().iter().any(|line| line.contains("xyzzy")));
}

/// Between the daemon and the broker, in the clear.
#[tokio::test(flavor = "multi_thread")]
async fn extensions_go_to_the_broker_beside_the_token() {
    let (mut bed, _issuer) = with_tokens("extensions", &[]).await;
    bed.config.set("kafka.oauth.extensions", "{ logicalCluster = 'lkc-1', identityPoolId = 'pool-1' }");
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    bed.config.set("kafka.bootstrap_servers", &format!("'{}'", between.local_addr().unwrap()));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (heard, broker) = (seen.clone(), secured().await.listener("OAUTH"));
    tokio::spawn(async move {
        while let Ok((client, _)) = between.accept().await {
            let (mut from, mut to) = client.into_split();
            let (mut back, mut onward) = TcpStream::connect(broker).await.unwrap().into_split();
            tokio::spawn(async move { tokio::io::copy(&mut back, &mut to).await });
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = from.read(&mut buffer).await {
                    heard.lock().unwrap().extend_from_slice(&buffer[..count]);
                    onward.write_all(&buffer[..count]).await.unwrap();
                }
            });
        }
    });
    lets_all_clients_in(&bed).await;
    let seen = String::from_utf8_lossy(&seen.lock().unwrap()).into_owned();
    for extension in ["auth=Bearer eyJ", "\u{1}logicalCluster=lkc-1", "\u{1}identityPoolId=pool-1"] {
        assert!(seen.contains(extension), "{extension:?} is not in {seen:?}");
    }
}
