//! Which call a request is, by its address and method alone: session and body are not read yet.

use axum::http::{Method, Uri};
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use super::ApiError;
use crate::value::Object;

/// The API versions of an org: retired below, unknown above (REST guide, "End-of-Life Policy").
pub(crate) type Versions = std::ops::RangeInclusive<u32>;

/// A write, in one row or as a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Update,
    Upsert,
    Delete,
}

/// The families that counters and faults tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Login,
    Versions,
    Resources,
    Describe,
    Query,
    Limits,
    Read,
    Composite,
    Write(Verb),
    Other,
}

#[derive(Debug, Clone)]
pub(crate) enum Call {
    Login,
    Revoke,
    Identity,
    UserInfo,
    Versions,
    Resources {
        version: u32,
    },
    Global {
        version: u32,
    },
    Basic {
        version: u32,
        sobject: String,
    },
    Describe {
        version: u32,
        sobject: String,
    },
    Limits,
    Query {
        version: u32,
        soql: String,
    },
    QueryMore {
        version: u32,
        cursor: String,
    },
    /// Several calls in one.
    Composite {
        version: u32,
    },
    Collection {
        version: u32,
        verb: Verb,
        sobject: Option<String>,
        field: Option<String>,
        query: Vec<(String, String)>,
    },
    /// Up to 2,000 records of one object, their ids in the address (`GET`) or in a body (`POST`).
    Retrieve {
        version: u32,
        sobject: String,
        /// `None` for a body.
        query: Option<Vec<(String, String)>>,
    },
    /// `/sobjects/{T}`, `/sobjects/{T}/{id}` or `/sobjects/{T}/{field}/{value}`; a create has no key.
    Row {
        version: u32,
        verb: Option<Verb>,
        sobject: String,
        key: Option<(String, String)>,
        query: Vec<(String, String)>,
    },
}

/// A request that is not a call.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Answered without a session, not counted: no such version.
    Unversioned(ApiError),
    /// Answered after the session was checked, and counted.
    Versioned(ApiError),
}

impl Call {
    pub(crate) fn parse(method: &Method, uri: &Uri, versions: &Versions) -> Result<Self, Refusal> {
        let path: Vec<&str> = uri.path().trim_end_matches('/').split('/').skip(1).collect();
        match path.as_slice() {
            ["services", "oauth2", "token"] => only(method, "POST", Self::Login).map_err(Refusal::Unversioned),
            ["services", "oauth2", "revoke"] => Ok(Self::Revoke),
            ["services", "oauth2", "userinfo"] => Ok(Self::UserInfo),
            ["id", _, _] => only(method, "GET", Self::Identity).map_err(Refusal::Unversioned),
            ["services", "data"] => Ok(Self::Versions),
            ["services", "data", version, rest @ ..] => {
                let version = parse_version(version, versions).map_err(Refusal::Unversioned)?;
                let query = uri.query().unwrap_or_default().as_bytes();
                let query = form_urlencoded::parse(query).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
                resource(version, method, rest, query).map_err(Refusal::Versioned)
            }
            _ => Err(Refusal::Unversioned(ApiError::not_found())),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Login => Kind::Login,
            Self::Versions => Kind::Versions,
            Self::Resources { .. } => Kind::Resources,
            Self::Describe { .. } => Kind::Describe,
            Self::Query { .. } | Self::QueryMore { .. } => Kind::Query,
            Self::Limits => Kind::Limits,
            Self::Composite { .. } => Kind::Composite,
            Self::Collection { verb, .. } | Self::Row { verb: Some(verb), .. } => Kind::Write(*verb),
            Self::Row { verb: None, .. } | Self::Retrieve { .. } => Kind::Read,
            Self::Revoke | Self::Identity | Self::UserInfo | Self::Global { .. } | Self::Basic { .. } => Kind::Other,
        }
    }

    /// The number of rows that a write has. Read leniently: a call that will be refused has some, too.
    pub(crate) fn rows(&self, body: &[u8]) -> usize {
        match self {
            Self::Row { verb: Some(_), .. } => 1,
            Self::Collection { verb: Verb::Delete, query, .. } => {
                query.iter().filter(|(name, _)| name == "ids").map(|(_, ids)| ids.split(',').count()).sum()
            }
            Self::Collection { .. } => {
                let top = std::str::from_utf8(body).ok().and_then(|body| Object::parse(body).ok());
                let records =
                    top.and_then(|top| serde_json::from_str::<Vec<&RawValue>>(top.get("records")?.get()).ok());
                records.map_or(0, |records| records.len())
            }
            _ => 0,
        }
    }

    /// Whether it may be part of a composite; collections may from v43 on (REST guide).
    pub(crate) fn is_part(&self) -> bool {
        match self {
            Self::Collection { version, .. } => *version >= 43,
            Self::Retrieve { .. }
            | Self::Row { .. }
            | Self::Query { .. }
            | Self::QueryMore { .. }
            | Self::Describe { .. }
            | Self::Basic { .. }
            | Self::Global { .. } => true,
            Self::Login
            | Self::Revoke
            | Self::Identity
            | Self::UserInfo
            | Self::Versions
            | Self::Resources { .. }
            | Self::Limits
            | Self::Composite { .. } => false,
        }
    }

    /// The object the address names.
    pub(crate) fn sobject(&self) -> Option<&str> {
        match self {
            Self::Basic { sobject, .. }
            | Self::Describe { sobject, .. }
            | Self::Retrieve { sobject, .. }
            | Self::Row { sobject, .. } => Some(sobject),
            Self::Collection { sobject, .. } => sobject.as_deref(),
            _ => None,
        }
    }
}

fn parse_version(text: &str, versions: &Versions) -> Result<u32, ApiError> {
    // A garbage version is the framework's 404 (recorded, `create-invalid-api-version`).
    let number = text.strip_prefix('v').and_then(|v| v.strip_suffix(".0")).ok_or_else(ApiError::not_found)?;
    let number: u32 = number.parse().map_err(|_| ApiError::not_found())?;
    if number < *versions.start() {
        let oldest = versions.start();
        let message = format!("API version {number}.0 is no longer supported. Use a version of {oldest}.0 or later.");
        return Err(ApiError::framework(410, "UNSUPPORTED_API_VERSION", message));
    }
    if versions.contains(&number) { Ok(number) } else { Err(ApiError::not_found()) }
}

fn resource(version: u32, method: &Method, path: &[&str], query: Vec<(String, String)>) -> Result<Call, ApiError> {
    match path {
        [] => only(method, "GET", Call::Resources { version }),
        ["limits"] => only(method, "GET", Call::Limits),
        ["query"] => {
            let soql = query.into_iter().find(|(name, _)| name == "q").map(|(_, value)| value);
            let soql =
                soql.ok_or_else(|| ApiError::parse("MALFORMED_QUERY", "SOQL statements cannot be empty or null"))?;
            only(method, "GET", Call::Query { version, soql })
        }
        ["query", cursor] => only(method, "GET", Call::QueryMore { version, cursor: (*cursor).to_owned() }),
        // From v38 on (REST guide).
        ["composite"] if version >= 38 => only(method, "POST", Call::Composite { version }),
        // Collections exist from v42 on, their upsert from v46 on (REST guide).
        ["composite", "sobjects"] if version >= 42 => {
            let verb = match method.as_str() {
                "POST" => Verb::Create,
                "PATCH" => Verb::Update,
                "DELETE" => Verb::Delete,
                other => return Err(ApiError::method(other, "DELETE,PATCH,POST")),
            };
            Ok(Call::Collection { version, verb, sobject: None, field: None, query })
        }
        ["composite", "sobjects", sobject] if version >= 42 => {
            let query = match method.as_str() {
                "GET" => Some(query),
                "POST" => None,
                other => return Err(ApiError::method(other, "GET,HEAD,POST")),
            };
            Ok(Call::Retrieve { version, sobject: decode(sobject)?, query })
        }
        ["composite", "sobjects", sobject, field] if version >= 46 => {
            let (sobject, field) = (Some(decode(sobject)?), Some(decode(field)?));
            only(method, "PATCH", Call::Collection { version, verb: Verb::Upsert, sobject, field, query })
        }
        ["sobjects"] => only(method, "GET", Call::Global { version }),
        ["sobjects", sobject] => match method.as_str() {
            "GET" => Ok(Call::Basic { version, sobject: decode(sobject)? }),
            "POST" => Ok(Call::Row { version, verb: Some(Verb::Create), sobject: decode(sobject)?, key: None, query }),
            other => Err(ApiError::method(other, "GET,HEAD,POST")),
        },
        ["sobjects", sobject, "describe"] => only(method, "GET", Call::Describe { version, sobject: decode(sobject)? }),
        ["sobjects", sobject, id] => row(version, method, sobject, "Id", id, query),
        ["sobjects", sobject, field, value] => row(version, method, sobject, field, value, query),
        _ => Err(ApiError::not_found()),
    }
}

fn row(
    version: u32,
    method: &Method,
    sobject: &str,
    field: &str,
    value: &str,
    query: Vec<(String, String)>,
) -> Result<Call, ApiError> {
    let (sobject, field, mut value) = (decode(sobject)?, decode(field)?, decode(value)?);
    let by_id = field.eq_ignore_ascii_case("Id");
    // A dot and letters at the end are taken as a response format; only json and xml exist (REST guide, known
    // limitation). `%2E` is a dot like any other.
    if let Some((stem, suffix)) = value.rsplit_once('.')
        && suffix.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
    {
        match suffix {
            "json" => value = stem.to_owned(),
            _ => return Err(ApiError::not_found()),
        }
    }
    let verb = match method.as_str() {
        "GET" => None,
        "PATCH" if by_id => Some(Verb::Update),
        "PATCH" => Some(Verb::Upsert),
        "DELETE" => Some(Verb::Delete),
        other => return Err(ApiError::method(other, "DELETE,GET,HEAD,PATCH")),
    };
    Ok(Call::Row { version, verb, sobject, key: Some((field, value)), query })
}

/// A path segment; a `+` stays a plus there.
fn decode(segment: &str) -> Result<String, ApiError> {
    percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| ApiError::not_found())
}

fn only(method: &Method, allowed: &str, call: Call) -> Result<Call, ApiError> {
    if method.as_str() == allowed { Ok(call) } else { Err(ApiError::method(method.as_str(), allowed)) }
}
