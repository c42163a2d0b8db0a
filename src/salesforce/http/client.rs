//! The one place that sends. It knows what left and what came back, and nothing of what it means.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use reqwest::{
    Client, StatusCode,
    header::{self, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    super::{EndedCall, Observer, classify::Facts, org::usage::Usage},
    distil::Body,
    gzip::gzip,
    request::{ApiRequest, Content, Timeouts},
    tracked_body::{SendTracker, TrackedBody},
};
use crate::{
    config::{self, Compression},
    record::Cause,
    runtime::http_client::{self, ClientError, ClientOptions},
};

#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    compression: Compression,
    timeouts: Timeouts,
    observer: Arc<dyn Observer>,
}

/// The result of a request.
#[derive(Debug)]
pub(crate) enum Sent {
    /// No byte was sent. `lapsed`: because the lease had ended, which says nothing about the org.
    Not {
        cause: Cause,
        lapsed: bool,
    },
    Answered(Answer),
    /// The request was sent, at least in part, and no whole answer came.
    Unanswered {
        cause: Cause,
        timed_out: bool,
    },
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// The cause for which an answer that was to be distilled does not fit its request.
    pub(crate) unfit: Option<Cause>,
    /// Whether there was more of it than [`ApiRequest::max_answer`].
    pub(crate) cut: bool,
    pub(crate) usage: Option<Usage>,
    /// The answer carries what the org, or Salesforce's edge before it, adds to its answers.
    pub(crate) salesforces: bool,
    /// The target of a redirect, without its query.
    pub(crate) location: Option<String>,
    /// The sender's clock.
    pub(crate) date: Option<SystemTime>,
}

impl Answer {
    /// An answer whose headers say nothing, for tests.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn plain(status: StatusCode, body: Bytes) -> Self {
        Self { status, body, unfit: None, cut: false, usage: None, salesforces: false, location: None, date: None }
    }
}

impl Http {
    pub(crate) fn new(config: &config::Salesforce, observer: Arc<dyn Observer>) -> Result<Self, ClientError> {
        let options = ClientOptions { section: "salesforce", tls: &config.tls, proxy: Some(&config.proxy) };
        let client = http_client::client(&config.login_url, options)?
            .default_headers([(header::ACCEPT, HeaderValue::from_static("application/json"))].into_iter().collect())
            .gzip(config.compression == Compression::Gzip)
            .pool_idle_timeout(config.pool_idle_timeout)
            .connect_timeout(config.connect_timeout)
            .build()
            .map_err(|source| options.failed(source))?;
        Ok(Self { client, compression: config.compression, timeouts: Timeouts::new(config), observer })
    }

    pub(crate) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// Sends a request to the address that its endpoint has in this session.
    pub(crate) async fn send(&self, request: &ApiRequest, url: Url, bearer: Option<&SecretString>) -> Sent {
        let start = tokio::time::Instant::now();
        let in_flight = self.observer.call_started();
        let sent = self.exchange(request, url, bearer).await;
        drop(in_flight);
        let status = match &sent {
            Sent::Not { .. } => "not_sent",
            Sent::Unanswered { .. } => "unanswered",
            Sent::Answered(answer) => answer.status.as_str(),
        };
        let (kind, rows, took) = (request.kind, request.rows, start.elapsed());
        self.observer.call_ended(EndedCall { kind, status, rows, took });
        sent
    }

    async fn exchange(&self, request: &ApiRequest, url: Url, bearer: Option<&SecretString>) -> Sent {
        let builder = self.client.request(request.method.clone(), url.clone());
        let mut builder = builder.timeout(self.timeouts.of(request.purpose));
        if let Some(token) = bearer {
            builder = builder.bearer_auth(token.expose_secret());
        }
        for (name, value) in request.options.headers() {
            builder = builder.header(name, value);
        }
        let (content_type, bytes) = match &request.content {
            Content::None => ("", Bytes::new()),
            Content::Json(bytes) => ("application/json", bytes.clone()),
            Content::Form(form) => {
                ("application/x-www-form-urlencoded", Bytes::copy_from_slice(form.expose_secret().as_bytes()))
            }
        };
        let packed = match &request.content {
            Content::Json(bytes) if self.compression == Compression::Gzip => gzip(bytes),
            _ => None,
        };
        if packed.is_some() {
            builder = builder.header(header::CONTENT_ENCODING, "gzip");
        }
        let bytes = packed.unwrap_or(bytes);
        let tracker = if bytes.is_empty() {
            None
        } else {
            let (body, tracker) = TrackedBody::new(bytes, request.write_permit.clone());
            builder = builder.header(header::CONTENT_TYPE, content_type).body(reqwest::Body::wrap(body));
            Some(tracker)
        };
        // Without a body it counts as sent unless there was no connection to send it on.
        let was_sent = |error: &reqwest::Error| tracker.as_ref().map_or_else(|| !error.is_connect(), SendTracker::seal);
        if request.write_permit.as_ref().is_some_and(|permit| !permit.is_valid()) {
            return Sent::Not { cause: Cause::new("our partitions may be another member's by now"), lapsed: true };
        }
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(error) if was_sent(&error) => return unanswered(error),
            Err(error) => {
                let lapsed = tracker.as_ref().is_some_and(SendTracker::is_withheld);
                return Sent::Not { cause: Cause::new(http_client::reason(error)), lapsed };
            }
        };
        let headers = response.headers();
        let texts = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let usage = texts("sforce-limit-info").find_map(Usage::parse);
        let date = texts("date").find_map(|text| httpdate::parse_http_date(text).ok());
        let edge = texts("server").any(|server| server.to_ascii_lowercase().starts_with("sfdcedge"));
        let salesforces = edge || headers.keys().any(is_salesforces);
        let status = response.status();
        let location = texts("location").next().filter(|_| status.is_redirection()).map(|to| redirect_target(&url, to));
        let distil = request.distil.filter(|_| status == StatusCode::OK);
        let most = distil.map_or(request.max_answer(), |distil| distil.most);
        let (mut body, mut length) = (Body::new(distil), 0);
        let mut cut = false;
        while !cut {
            match response.chunk().await {
                Ok(Some(chunk)) if length + chunk.len() > most => cut = true,
                Ok(Some(chunk)) => {
                    length += chunk.len();
                    body.push(chunk).await;
                }
                Ok(None) => break,
                Err(error) => return unanswered(error),
            }
        }
        let (body, unfit) = match body.end().await {
            Ok(body) => (body, None),
            Err(unfit) => (Bytes::new(), Some(unfit)),
        };
        Sent::Answered(Answer { status, body, unfit, cut, usage, salesforces, location, date })
    }
}

impl Answer {
    /// The content of its headers.
    pub(crate) fn facts(&self) -> Facts {
        Facts { usage: self.usage, salesforces: self.salesforces }
    }
}

/// Whether a header is Salesforce's: `X-SFDC-Request-Id`, `Sforce-Limit-Info` and the like.
fn is_salesforces(name: &header::HeaderName) -> bool {
    name.as_str().starts_with("x-sfdc-") || name.as_str().starts_with("sforce-")
}

/// The cause of a redirect. Nothing was taken, and an operator wants to know where the org is now.
pub(crate) fn redirected(status: StatusCode, location: &str) -> Cause {
    let message =
        format!("the org answered {status} and points to {location}: is salesforce.login_url the current My Domain?");
    Cause { http_status: Some(status.as_u16()), ..Cause::new(message) }
}

/// The target of a redirect for a log: its query may hold what only its reader should see.
fn redirect_target(from: &Url, location: &str) -> String {
    match from.join(location) {
        Ok(mut url) => {
            url.set_query(None);
            url.set_fragment(None);
            url.to_string()
        }
        Err(_) => "an address that cannot be read".to_owned(),
    }
}

fn unanswered(error: reqwest::Error) -> Sent {
    let timed_out = error.is_timeout();
    Sent::Unanswered { cause: Cause::new(http_client::reason(error)), timed_out }
}
