//! A request read to its end, handed to the org, and its outcome put on the wire.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};
use bytes::Bytes;

use super::{Answer, ApiError, Paced, Wire};
use crate::{
    control,
    org::{Inner, Outcome, answer},
};

/// URI cap of the official guide, and a body cap (50 MB is documented for SOAP).
const MAX_URI: usize = 16_384;
const MAX_BODY: usize = 50 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Request {
    /// Counts requests from 1.
    pub(crate) number: u64,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(crate) async fn receive(
    State(org): State<Arc<Inner>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if parts.uri.path_and_query().is_some_and(|uri| uri.as_str().len() > MAX_URI) {
        return send(ApiError::framework(414, "URI_TOO_LONG", "The URI is too long").into(), None);
    }
    let is_control = parts.uri.path().starts_with("/sandbox/");
    // A request is at work from its first byte to its answer; those to the sandbox itself are not counted.
    let _at_work = (!is_control).then(|| org.counters.enter());
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return send(ApiError::framework(413, "EXCEEDED_MAX_SIZE_REQUEST", "The request is too large").into(), None);
    };
    let number = if is_control { 0 } else { org.counters.number() };
    let request = Request { number, method: parts.method, uri: parts.uri, headers: parts.headers, body };
    if is_control {
        return send(control::control(&org, &request), None);
    }
    let outcome = tokio::spawn(answer(Arc::clone(&org), Arc::new(request))).await;
    match outcome {
        Ok(Outcome::Send(answer)) => send(answer, None),
        Ok(Outcome::Half(answer)) => {
            let half = Paced::half(answer.body.clone());
            send(answer, Some(half))
        }
        Ok(Outcome::Trickle(answer, pause)) => {
            let slow = Paced::trickle(answer.body.clone(), pause);
            send(answer, Some(slow))
        }
        Ok(Outcome::Cut) => cut(&wire).await,
        Ok(Outcome::Hang(answer)) => {
            org.faults.released().cancelled().await;
            match answer {
                Some(answer) => send(answer, None),
                None => cut(&wire).await,
            }
        }
        Err(error) => {
            tracing::error!(%error, "a call was not answered");
            let message = "An unexpected error occurred. Please include this ErrorId if you contact support: 0-0 (0)";
            send(ApiError::new(500, "UNKNOWN_EXCEPTION", message).into(), None)
        }
    }
}

/// The connection fails under hyper, which drops this future; no answer can leave.
async fn cut(wire: &Wire) -> Response {
    wire.cut();
    std::future::pending().await
}

fn send(answer: Answer, paced: Option<Paced>) -> Response {
    let headers = answer.headers();
    let mut response = Response::new(paced.map_or_else(|| Body::from(answer.body), Body::new));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}
