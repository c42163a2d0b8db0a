//! A request read to its end, handed to the REST API, and its answer delivered.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::{connection::Connection, control::control, gzip, paced::Paced};
use crate::{
    org::Org,
    protocol::{Answer, ApiError, Request},
    rest::{Delivery, handle},
};

/// URI cap of the official guide, and a body cap (50 MB is documented for SOAP).
const MAX_URI: usize = 16_384;
const MAX_BODY: usize = 50 * 1024 * 1024;

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Answers one request: of a client, or to a control page.
pub(super) async fn receive(
    State(org): State<Arc<Org>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
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
    let (body, was_gzip) = match gzip::inflate(&parts.headers, body, MAX_BODY) {
        Ok(inflated) => inflated,
        Err(error) => return send(error.into(), None),
    };
    let number = if is_control { 0 } else { org.counters.number() };
    let request = Request { number, method: parts.method, uri: parts.uri, headers: parts.headers, body };
    if is_control {
        return send(control(&org, &request), None);
    }
    org.counters.encoded(was_gzip, false);
    let accepts_gzip = gzip::accepts(&request.headers);
    // Taken before the script is read: clearing it must reach a call that is about to hang.
    let released = org.faults.released();
    let delivery = tokio::spawn(handle(Arc::clone(&org), Arc::new(request))).await;
    let response = match delivery {
        Ok(Delivery::Send(answer)) => send_encoded(&org, answer, accepts_gzip),
        // An empty body has no middle.
        Ok(Delivery::Half(answer)) if answer.body.is_empty() => cut(&connection).await,
        Ok(Delivery::Half(answer)) => {
            let half = Paced::half(answer.body.clone());
            send(answer, Some(half))
        }
        Ok(Delivery::Trickle(answer, pause)) => {
            let slow = Paced::trickle(answer.body.clone(), pause);
            send(answer, Some(slow))
        }
        Ok(Delivery::Cut) => cut(&connection).await,
        Ok(Delivery::Hang(answer)) => {
            released.cancelled().await;
            match answer {
                Some(answer) => send_encoded(&org, answer, accepts_gzip),
                None => cut(&connection).await,
            }
        }
        Err(error) => {
            tracing::error!(%error, "a call was not answered");
            let message = "An unexpected error occurred. Please include this ErrorId if you contact support: 0-0 (0)";
            send(ApiError::new(500, "UNKNOWN_EXCEPTION", message).into(), None)
        }
    };
    dated(&org, response)
}

/// Where the org's clock is not this machine's, its answers say so.
fn dated(org: &Org, mut response: Response) -> Response {
    let ahead = org.settings().login.clock_ahead_seconds;
    if ahead != 0 {
        let now = OffsetDateTime::now_utc() + time::Duration::seconds(ahead);
        let text = now.format(HTTP_DATE).unwrap_or_default();
        response.headers_mut().extend(HeaderValue::try_from(text).ok().map(|date| (header::DATE, date)));
    }
    response
}

/// Compressed where the client takes it and the answer varies by it.
fn send_encoded(org: &Org, mut answer: Answer, accepts_gzip: bool) -> Response {
    let is_gzip = accepts_gzip && answer.headers().contains_key(header::VARY);
    if is_gzip {
        answer.body = gzip::deflate(&answer.body);
        org.counters.encoded(false, true);
    }
    let mut response = send(answer, None);
    if is_gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The connection fails under hyper, which drops this future; no answer can leave.
async fn cut(connection: &Connection) -> Response {
    connection.cut();
    std::future::pending().await
}

fn send(answer: Answer, paced: Option<Paced>) -> Response {
    let headers = answer.headers();
    let mut response = Response::new(paced.map_or_else(|| Body::from(answer.body), Body::new));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}
