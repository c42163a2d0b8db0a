//! Sends requests to a registry with Confluent's REST API, which other products serve as well: for a schema by its id
//! or GUID, and for a version of a subject for each reference.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::BytesMut;
use reqwest::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::{error::RegistryError, observer::Observer, redirect};
use crate::{
    config::{self, SchemaRegistry},
    format::{Reference, Registered, frame::SchemaId},
    runtime::http_client::{self, ClientOptions},
};

#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    config: SchemaRegistry,
    /// Index of the URL that answered last.
    current: AtomicUsize,
    observer: Observer,
}

/// Why a request for a schema has failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The registry does not have a schema of this id, and never will.
    Missing(String),
    /// The registry says that it does not have a schema of this id. A replica that lags may have it later.
    Absent(String),
    /// The registry did not answer, or had an error: the request is repeated.
    Later(String),
    /// The registry refuses the request until an operator acts: the request is repeated.
    Denied(String),
}

/// The limit of an answer, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// The limit of redirects that are followed for one request.
const MAX_REDIRECTS: usize = 5;
/// The most references of one schema, direct and indirect.
const MAX_REFERENCES: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    schema: String,
    /// Type of the schema; left out for Avro.
    #[serde(default)]
    schema_type: Option<String>,
    #[serde(default)]
    references: Option<Vec<Link>>,
}

#[derive(Deserialize)]
struct Link {
    name: String,
    subject: String,
    version: i64,
}

#[derive(Deserialize)]
struct Refusal {
    error_code: Option<i64>,
    message: Option<String>,
}

impl Client {
    pub(super) fn new(config: &SchemaRegistry, observer: Observer) -> Result<Self, RegistryError> {
        let secret =
            |key, secret: &config::Secret| secret.reveal().map_err(|source| RegistryError::Secret { key, source });
        let options = ClientOptions { section: "schema_registry", tls: &config.tls, proxy: None };
        let builder = match config.url.first() {
            Some(url) => http_client::client(url, options)?,
            None => reqwest::Client::builder(),
        };
        let builder = builder.timeout(config.request_timeout).connect_timeout(config.request_timeout);
        let http = builder.build().map_err(|source| options.failed(source))?;
        // An unreadable secret is reported now. Secrets are read again for each request, since files are rotated.
        for (key, value) in [("password", &config.password), ("token", &config.token)] {
            value.as_ref().map(|value| secret(key, value)).transpose()?;
        }
        Ok(Self { http, config: config.clone(), current: AtomicUsize::new(0), observer })
    }

    pub(super) async fn schema(&self, id: SchemaId) -> Result<Registered, Failure> {
        let kind = match id {
            SchemaId::Number(id) if i32::try_from(id).is_err() => {
                return Err(Failure::Missing(format!("no registry has a schema {id}: ids have 31 bits")));
            }
            SchemaId::Number(_) => "ids",
            SchemaId::Guid(_) => "guids",
        };
        let answer = self.ask(&["schemas", kind, &id.to_string()], &format!("the registry has no schema {id}")).await?;
        let mut references = Vec::new();
        let mut seen = HashSet::new();
        self.follow(answer.references.unwrap_or_default(), &mut references, &mut seen).await?;
        Ok(Registered {
            kind: answer.schema_type.unwrap_or_else(|| "AVRO".to_owned()),
            text: answer.schema,
            references,
        })
    }

    /// Fetches all schemas that are referred to. A schema comes after those that it refers to.
    async fn follow(
        &self,
        links: Vec<Link>,
        found: &mut Vec<Reference>,
        seen: &mut HashSet<String>,
    ) -> Result<(), Failure> {
        // A schema waits on the stack, with its text, until all schemas that it refers to have been fetched.
        let mut open: Vec<(Link, Option<String>)> = links.into_iter().rev().map(|link| (link, None)).collect();
        while let Some((link, text)) = open.pop() {
            if let Some(text) = text {
                found.push(Reference { name: link.name, text });
                continue;
            }
            if !seen.insert(link.name.clone()) {
                continue;
            }
            if seen.len() > MAX_REFERENCES {
                return Err(Failure::Missing(format!("the schema refers to more than {MAX_REFERENCES} others")));
            }
            let version = link.version.to_string();
            let missing =
                format!("the registry has no version {version} of {}, which the schema refers to", link.subject);
            let answer = self.ask(&["subjects", &link.subject, "versions", &version], &missing).await?;
            open.push((link, Some(answer.schema)));
            open.extend(answer.references.unwrap_or_default().into_iter().rev().map(|link| (link, None)));
        }
        Ok(())
    }

    /// Asks one URL after the other, beginning with the one that answered last, until one has the schema.
    async fn ask(&self, path: &[&str], missing: &str) -> Result<Answer, Failure> {
        let first = self.current.load(Ordering::Relaxed);
        let mut failure = Failure::Later("schema_registry.url is empty".to_owned());
        for offset in 0..self.config.url.len() {
            let index = (first + offset) % self.config.url.len();
            match (self.ask_at(&self.config.url[index], path, missing).await, &failure) {
                (Ok(answer), _) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                // A replica that lags may lack a schema that another has, so all are asked. An answer outweighs a
                // failure to answer.
                (Err(_), Failure::Missing(_) | Failure::Absent(_)) => {}
                (Err(failed), _) => failure = failed,
            }
        }
        Err(failure)
    }

    async fn ask_at(&self, base: &Url, path: &[&str], missing: &str) -> Result<Answer, Failure> {
        let outcome = self.get(base, path).await;
        let status = outcome.as_ref().map_or("unanswered", |(status, _)| status.as_str());
        self.observer.requested(status);
        let (status, body) = outcome?;
        match (status, refusal(&body)) {
            (StatusCode::OK, _) => serde_json::from_slice(&body)
                .map_err(|error| Failure::Later(format!("{base}: the answer cannot be read: {error}"))),
            (StatusCode::NOT_FOUND, (Some(40_401..=40_403), message)) => {
                Err(Failure::Absent(format!("{missing}: {message}")))
            }
            // The error is not one of a registry: another service, or a proxy, may answer at this address.
            (StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY, (_, message)) => {
                if self.is_registry(base).await {
                    Err(Failure::Missing(format!("{missing}: {status}: {message}")))
                } else {
                    Err(Failure::Denied(format!("{base} is not a schema registry: {status} for everything")))
                }
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, (_, message)) => {
                Err(Failure::Denied(format!("{base}: {status}: {message}")))
            }
            (_, (_, message)) => Err(Failure::Later(format!("{base}: {status}: {message}"))),
        }
    }

    /// Whether the registry answers: see [`super::Registry::answers`].
    pub(super) async fn answers(&self) -> Result<String, (String, bool)> {
        let mut failed = (String::new(), false);
        for base in &self.config.url {
            // Some registries have only one of these paths.
            for path in [["schemas", "types"].as_slice(), &["subjects"]] {
                failed = match self.get(base, path).await {
                    Ok((StatusCode::OK, body)) if is_list(&body) => return Ok(base.to_string()),
                    Ok((StatusCode::OK, _)) => (format!("{base} answers, and is not a schema registry"), true),
                    Ok((status, _)) => (format!("{base}: {status}"), status.is_client_error()),
                    Err(Failure::Denied(why)) => (why, true),
                    Err(Failure::Missing(why) | Failure::Absent(why) | Failure::Later(why)) => (why, false),
                };
            }
        }
        Err(failed)
    }

    /// Whether a URL answers other requests as a registry does.
    async fn is_registry(&self, base: &Url) -> bool {
        for path in [["schemas", "types"].as_slice(), &["subjects"]] {
            if matches!(self.get(base, path).await, Ok((StatusCode::OK, body)) if is_list(&body)) {
                return true;
            }
        }
        false
    }

    async fn get(&self, base: &Url, path: &[&str]) -> Result<(StatusCode, BytesMut), Failure> {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if path.contains(&"versions") {
            // Older schemas may refer to a version that was deleted since.
            url.set_query(Some("deleted=true"));
        }
        let later = |error: reqwest::Error| Failure::Later(format!("{base}: {}", http_client::reason(error)));
        let headers = self.headers()?;
        let mut redirects = 0;
        let mut answer = loop {
            let answer = self.http.get(url.clone()).headers(headers.clone()).send().await.map_err(later)?;
            // Other 3xx statuses, such as 304, are not redirects.
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                break answer;
            }
            if redirects == MAX_REDIRECTS {
                return Err(Failure::Denied(format!("{base}: it redirects more than {MAX_REDIRECTS} times")));
            }
            redirects += 1;
            let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            url = redirect::target(&self.config.url, &url, location)
                .map_err(|why| Failure::Denied(format!("{base}: {}: {why}", answer.status())))?;
        };
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(later)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err(Failure::Missing(format!("the registry's answer has more than {MAX_ANSWER} bytes")));
            }
        }
        Ok((answer.status(), body))
    }

    fn headers(&self) -> Result<HeaderMap, Failure> {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        let accepted = HeaderValue::from_static("application/vnd.schemaregistry.v1+json, application/json");
        let mut headers: HeaderMap = [(ACCEPT, accepted)].into_iter().collect();
        let authorization = match (&self.config.username, &self.config.password, &self.config.token) {
            (Some(username), Some(password), _) => {
                let password = reveal(password)?;
                Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret()))))
            }
            (_, _, Some(token)) => Some(format!("Bearer {}", reveal(token)?.expose_secret())),
            _ => None,
        };
        if let Some(text) = authorization {
            let mut value = HeaderValue::try_from(text)
                .map_err(|_| Failure::Denied("schema_registry: the credentials do not fit into a header".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

fn reveal(secret: &config::Secret) -> Result<SecretString, Failure> {
    secret.reveal().map_err(|error| Failure::Denied(format!("schema_registry: {error}")))
}

/// Returns the error code and the message of a registry's error.
fn refusal(body: &[u8]) -> (Option<i64>, String) {
    match serde_json::from_slice::<Refusal>(body) {
        Ok(Refusal { error_code, message }) => (error_code, message.unwrap_or_default()),
        Err(_) => (None, String::new()),
    }
}

/// Whether a body is a list of types or subjects, as a registry answers. A login page is not.
fn is_list(body: &[u8]) -> bool {
    serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(body).is_ok()
}
