use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::Method;
use secrecy::SecretString;
use url::Url;

use super::distil::Distil;
use crate::{
    config,
    record::{CallOptions, Cause},
    runtime::lease::WritePermit,
};

/// The longest answer that is read, in bytes, inflated. Two hundred rows with their errors are far below it.
pub const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// The longest answer of the token endpoint. Tokens that are JWTs are a few kilobytes.
const MAX_TOKEN_ANSWER: usize = 256 * 1024;

/// One request, before there is a session to send it with.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    /// The word in metrics and logs.
    pub(crate) kind: &'static str,
    pub(crate) purpose: Purpose,
    /// The number of rows that it carries, for metrics.
    pub(crate) rows: usize,
    pub(crate) method: Method,
    pub(crate) endpoint: Endpoint,
    pub(crate) content: Content,
    pub(crate) options: Arc<CallOptions>,
    /// The lease's permit, without which no request that writes is sent.
    pub(crate) write_permit: Option<WritePermit>,
    /// The reader of an answer that was taken, if not all of it is kept.
    pub(crate) distil: Option<Distil>,
}

/// The purpose of a request: how long it may take, and what a rejection of it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Writes rows. A refusal is that of their place: their SObject, action and key field.
    Write,
    /// Looks up the records of rows that are to be written. A refusal is that of their place, too.
    Resolve,
    /// Reads what is no SObject's, so that a refusal is the org's.
    Read,
    /// Reads the description of an SObject. A refusal may say that there is no such SObject.
    Describe,
    Login,
}

/// The address of a request.
#[derive(Debug)]
pub(crate) enum Endpoint {
    /// A path below `/services/data/vNN.0` of the session's instance, encoded here; the query is encoded already.
    Data {
        segments: Vec<Segment>,
        query: Option<String>,
    },
    /// An absolute path on the session's instance, as the org gave it.
    Path(String),
    Url(Url),
}

pub(crate) type Segment = Arc<str>;

#[derive(Debug, Clone)]
pub(crate) enum Content {
    None,
    Json(Bytes),
    /// Holds secrets, so that it is kept out of `Debug`.
    Form(SecretString),
}

/// The longest times from connect to the last byte of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    write: Duration,
    read: Duration,
    login: Duration,
}

impl ApiRequest {
    /// A request that reads, and carries nothing.
    pub(crate) fn get(kind: &'static str, purpose: Purpose, endpoint: Endpoint) -> Self {
        Self {
            kind,
            purpose,
            rows: 0,
            method: Method::GET,
            endpoint,
            content: Content::None,
            options: Arc::default(),
            write_permit: None,
            distil: None,
        }
    }

    /// The largest answer that is read where all of it is kept, in bytes, inflated.
    pub(crate) fn max_answer(&self) -> usize {
        match self.purpose {
            Purpose::Login => MAX_TOKEN_ANSWER,
            Purpose::Write | Purpose::Resolve | Purpose::Read | Purpose::Describe => MAX_ANSWER,
        }
    }
}

impl Timeouts {
    pub(crate) fn new(config: &config::Salesforce) -> Self {
        Self { write: config.request_timeout, read: config.query_timeout, login: config.login_timeout }
    }

    pub(crate) fn of(self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::Write => self.write,
            Purpose::Resolve | Purpose::Read | Purpose::Describe => self.read,
            Purpose::Login => self.login,
        }
    }
}

impl Endpoint {
    /// The address, where the session's instance and the API version are these.
    pub(crate) fn on(&self, instance: &Url, version: &str) -> Result<Url, Cause> {
        match self {
            Self::Data { segments, query } => {
                let mut url = instance.clone();
                if let Ok(mut path) = url.path_segments_mut() {
                    path.clear().extend(["services", "data", version]).extend(segments.iter().map(|s| &**s));
                }
                url.set_query(query.as_deref());
                Ok(url)
            }
            // The token goes there, too: a path, and nothing that names a host.
            Self::Path(path) => {
                let url = path.starts_with('/').then(|| instance.join(path).ok()).flatten();
                url.filter(|url| url.origin() == instance.origin())
                    .ok_or_else(|| Cause::new(format!("the org's next page is not a path of its own: {path}")))
            }
            Self::Url(url) => Ok(url.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_nowhere_but_to_the_instance() {
        let instance: Url = "https://crm.my.salesforce.com".parse().unwrap();
        let on = |path: &str| Endpoint::Path(path.to_owned()).on(&instance, "v66.0").ok().map(String::from);
        let next = "/services/data/v66.0/query/01gxx-2000";
        assert_eq!(on(next), Some(format!("https://crm.my.salesforce.com{next}")));
        for path in ["//evil.com/x", "https://evil.com/x", "/\\evil.com/x", "query/01gxx", ""] {
            assert_eq!(on(path), None, "{path}");
        }
    }

    #[test]
    fn names_are_encoded_within_their_path_segment() {
        let instance: Url = "https://crm.my.salesforce.com/".parse().unwrap();
        let segments = vec!["sobjects".into(), "a/../b?c#d".into()];
        let url = Endpoint::Data { segments, query: Some("q=1".into()) }.on(&instance, "v66.0").unwrap();
        assert_eq!(url.as_str(), "https://crm.my.salesforce.com/services/data/v66.0/sobjects/a%2F..%2Fb%3Fc%23d?q=1");
    }
}
