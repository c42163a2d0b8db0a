//! A real schema registry, run by `script/registry`, and one that the tests hold in their own hands.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{
        StatusCode,
        header::{AUTHORIZATION, LOCATION},
    },
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{ManagedServer, python, record::from_hex};

pub(crate) struct Registry {
    pub(crate) url: String,
    _server: ManagedServer,
}

/// What a foreign serializer made of a value.
#[derive(Debug, Deserialize)]
pub(crate) struct Serialized {
    #[serde(deserialize_with = "from_hex")]
    pub(crate) bytes: Option<Vec<u8>>,
    /// Names, and values in hex.
    pub(crate) headers: Vec<(String, String)>,
}

/// The registry of all tests, started by the first that asks.
pub(crate) async fn registry() -> &'static Registry {
    static SHARED: OnceCell<Registry> = OnceCell::const_new();
    SHARED.get_or_init(Registry::start).await
}

impl Registry {
    async fn start() -> Self {
        let server = ManagedServer::start("registry", &[]).await;
        Self { url: server.address.clone(), _server: server }
    }

    /// Serializes the lines that `tests/python/serialize.py` describes.
    pub(crate) async fn serialize(&self, lines: &[Value]) -> Vec<Serialized> {
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let output = python::ask(&["serialize", &self.url], &input).await;
        let output: Vec<_> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(output.len(), lines.len());
        output
    }
}

/// A registry whose answers are scripted, by path. It notes what it was asked.
#[derive(Clone, Default)]
pub(crate) struct FakeRegistry(Arc<Mutex<Fake>>);

#[derive(Default)]
struct Fake {
    answers: HashMap<String, (u16, String)>,
    /// Where a path is redirected to, with 307.
    redirects: HashMap<String, String>,
    asked: Vec<String>,
    /// The header that is demanded.
    authorization: Option<String>,
    /// Everything fails so.
    failing: Option<u16>,
}

impl FakeRegistry {
    /// Serves on a free port, for as long as the test runs; the base URL.
    pub(crate) async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/base", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    pub(crate) fn schema(&self, path: &str, kind: &str, schema: &str) -> &Self {
        self.answer(path, 200, &json!({"schemaType": kind, "schema": schema}).to_string())
    }

    pub(crate) fn answer(&self, path: &str, status: u16, body: &str) -> &Self {
        self.0.lock().unwrap().answers.insert(format!("/base/{path}"), (status, body.to_owned()));
        self
    }

    /// What is asked for under `path` is at `location`.
    pub(crate) fn redirect(&self, path: &str, location: &str) -> &Self {
        self.0.lock().unwrap().redirects.insert(format!("/base/{path}"), location.to_owned());
        self
    }

    pub(crate) fn fail(&self, status: Option<u16>) {
        self.0.lock().unwrap().failing = status;
    }

    pub(crate) fn demand(&self, authorization: &str) {
        self.0.lock().unwrap().authorization = Some(authorization.to_owned());
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let path = format!("/base/{path}");
        self.0.lock().unwrap().asked.iter().filter(|asked| **asked == path).count()
    }
}

async fn answer(State(fake): State<FakeRegistry>, request: Request) -> Response {
    let mut fake = fake.0.lock().unwrap();
    let path = request.uri().path().to_owned();
    fake.asked.push(path.clone());
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if fake.authorization.is_some() && fake.authorization.as_deref() != authorization {
        return (StatusCode::UNAUTHORIZED, r#"{"error_code":401,"message":"who are you?"}"#).into_response();
    }
    if let Some(status) = fake.failing {
        return (StatusCode::from_u16(status).unwrap(), "<html>failing</html>").into_response();
    }
    if let Some(location) = fake.redirects.get(&path) {
        return (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location.clone())]).into_response();
    }
    match fake.answers.get(&path) {
        Some((status, body)) => (StatusCode::from_u16(*status).unwrap(), body.clone()).into_response(),
        None => (StatusCode::NOT_FOUND, r#"{"error_code":40403,"message":"Schema not found"}"#).into_response(),
    }
}
