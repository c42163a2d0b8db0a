//! Checks single values: whether a text, number or flag is of the kind of its key. A value of the environment is a
//! text, and is parsed as the key's kind. A value of the file must have the right type.

use std::net::SocketAddr;
use std::time::Duration;

use config::ValueKind;
use serde::Deserialize;
use toml::Value as Toml;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};
use url::Url;

use super::problem::Problem;
use super::route::IdentitySource;
use super::schema::Kind;
use super::schema_registry::parse_urls;
use super::{Secret, size};

/// The longest duration that is accepted: far below what overflows the clock's arithmetic.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Returns the value as the struct of its section takes it, `None` if it is the same as an absent key, or a problem
/// that does not name the key yet.
pub(super) fn check(kind: &Kind, found: ValueKind, from_env: bool) -> Result<Option<Toml>, Problem> {
    match (kind, found) {
        (Kind::OptionalText | Kind::ProxyUrl | Kind::TextOrTexts, ValueKind::String(text)) if text.is_empty() => {
            Ok(None)
        }
        (Kind::Flag | Kind::Constant, ValueKind::Boolean(flag)) => Ok(Some(Toml::Boolean(flag))),
        (Kind::Integer { min, max }, ValueKind::I64(number)) => integer(number, *min, *max),
        (Kind::Size, ValueKind::I64(number)) if number >= 0 => Ok(Some(Toml::Integer(number))),
        (Kind::Size, ValueKind::I64(number)) => Err(wrong(format!("must not be negative, is {number}"))),
        (Kind::Secret | Kind::Property, found) => secret(kind, found),
        (Kind::Constant, ValueKind::I64(number)) => Ok(Some(Toml::Integer(number))),
        (Kind::Flag, ValueKind::String(text)) if from_env => match text.parse() {
            Ok(flag) => Ok(Some(Toml::Boolean(flag))),
            Err(_) => Err(wrong("expected true or false")),
        },
        (Kind::Integer { min, max }, ValueKind::String(text)) if from_env => match text.parse() {
            Ok(number) => integer(number, *min, *max),
            Err(_) => Err(wrong("expected a whole number")),
        },
        (Kind::Flag | Kind::Integer { .. }, found) => Err(mismatch(kind, &found)),
        (_, ValueKind::String(text)) => checked_text(kind, text).map(|text| Some(Toml::String(text))),
        (_, found) => Err(mismatch(kind, &found)),
    }
}

fn checked_text(kind: &Kind, text: String) -> Result<String, Problem> {
    match kind {
        Kind::Text if text.is_empty() => Err(wrong("must not be empty")),
        Kind::Duration => match humantime_serde::re::humantime::parse_duration(&text) {
            Ok(duration) if duration > LONGEST => Err(wrong(format!("must be at most 365 days, is {text:?}"))),
            Ok(_) => Ok(text),
            Err(_) => Err(wrong(format!("{text:?} is not a duration")).hint("such as \"500ms\", \"30s\" or \"15m\"")),
        },
        Kind::Size => match size::parse(&text) {
            Some(_) => Ok(text),
            None => Err(wrong(format!("{text:?} is not a size")).hint("such as 4096, \"512KiB\" or \"16MiB\"")),
        },
        Kind::OneOf(words) if !words.contains(&text.as_str()) => Err(unknown_word(&text, words)),
        // A URL may hold a password: the text is not repeated.
        Kind::Url => match Url::parse(&text) {
            Ok(_) => Ok(text),
            Err(error) => Err(wrong(format!("not a URL: {error}")).hint("such as \"https://myorg.my.salesforce.com\"")),
        },
        Kind::ProxyUrl => match Url::parse(&text) {
            Ok(url) if url.has_host() => Ok(text),
            Ok(_) => Err(wrong("names no host").hint("such as \"http://proxy:3128\"")),
            Err(error) => Err(wrong(format!("not a URL: {error}")).hint("such as \"http://proxy:3128\"")),
        },
        Kind::Urls => match parse_urls(&text) {
            Ok(_) => Ok(text),
            Err(error) => Err(wrong(format!("not a URL: {error}")).hint("such as \"https://registry:8081\"")),
        },
        Kind::Address if !text.is_empty() && text.parse::<SocketAddr>().is_err() => {
            let problem = wrong(format!("{text:?} is not an address and port"));
            Err(problem.hint("such as \"127.0.0.1:8089\"; \"\" switches it off"))
        }
        Kind::Identity => match text.parse::<IdentitySource>() {
            Ok(_) => Ok(text),
            Err(error) => Err(wrong(format!("{error}, found {text:?}"))),
        },
        Kind::LogFilter => match EnvFilter::builder().parse(&text) {
            Ok(_) if is_filter(&text) => Ok(text),
            _ => Err(wrong(format!("{text:?} is not a level or filter"))
                .hint("such as \"info\" or \"info,sobjectd::salesforce=debug\"")),
        },
        Kind::Table(_) | Kind::Map(_) | Kind::List(_) | Kind::Tagged { .. } => {
            Err(mismatch(kind, &ValueKind::String(text)))
        }
        _ => Ok(text),
    }
}

/// Whether a text is a level or a filter. A directive without `=` must be a level: the library would take a misspelt
/// level for a target, and log nothing else.
fn is_filter(text: &str) -> bool {
    let has_spans = text.contains('[');
    !text.is_empty() && (has_spans || text.split(',').all(is_directive))
}

fn is_directive(text: &str) -> bool {
    text.contains('=') || text.trim().parse::<LevelFilter>().is_ok()
}

fn integer(number: i64, min: i64, max: i64) -> Result<Option<Toml>, Problem> {
    if (min..=max).contains(&number) {
        Ok(Some(Toml::Integer(number)))
    } else if number < min {
        Err(wrong(format!("must be at least {min}, is {number}")))
    } else {
        Err(wrong(format!("must be at most {max}, is {number}")))
    }
}

/// Checks a secret. Its problems do not repeat what was written.
fn secret(kind: &Kind, found: ValueKind) -> Result<Option<Toml>, Problem> {
    let written = match found {
        ValueKind::String(text) => Toml::String(text),
        ValueKind::I64(number) if matches!(kind, Kind::Property) => Toml::String(number.to_string()),
        ValueKind::Boolean(flag) if matches!(kind, Kind::Property) => Toml::String(flag.to_string()),
        ValueKind::Table(table) => {
            let reference = table.into_iter().map(|(name, value)| match value.kind {
                ValueKind::String(text) if !text.is_empty() => Some((name, Toml::String(text))),
                _ => None,
            });
            match reference.collect::<Option<toml::Table>>() {
                Some(reference) => Toml::Table(reference),
                None => return Err(no_reference(kind)),
            }
        }
        found => return Err(mismatch(kind, &found)),
    };
    let Ok(secret) = Secret::deserialize(written.clone()) else { return Err(no_reference(kind)) };
    match secret.reveal() {
        // An empty property unsets it in librdkafka.
        Err(super::SecretError::Empty(_)) if matches!((kind, &secret), (Kind::Property, Secret::Literal(_))) => {}
        Err(error) => return Err(wrong(chain(&error))),
        Ok(_) => {}
    }
    Ok(Some(written))
}

fn no_reference(kind: &Kind) -> Problem {
    let problem = mismatch(kind, &ValueKind::Nil);
    match kind {
        Kind::Property => problem.hint("a name with dots stands in quotes, such as \"sasl.password\""),
        _ => problem,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

fn wrong(message: impl Into<String>) -> Problem {
    Problem::new("", message)
}

fn mismatch(kind: &Kind, found: &ValueKind) -> Problem {
    let expected = match kind {
        Kind::Text | Kind::OptionalText | Kind::LogFilter | Kind::Url | Kind::ProxyUrl | Kind::Urls | Kind::Address => {
            "a text".to_owned()
        }
        Kind::Constant => "a text, a whole number, true or false".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Integer { .. } => "a whole number".to_owned(),
        Kind::Duration => "a duration".to_owned(),
        Kind::Size => "a size".to_owned(),
        Kind::OneOf(words) => list(words),
        Kind::Identity => "\"key\", \"value.<field>\" or \"header.<name>\"".to_owned(),
        Kind::Secret | Kind::Property => "a text, { env = \"NAME\" } or { file = \"/run/secrets/name\" }".to_owned(),
        Kind::TextOrTexts => "a text, or a list of texts".to_owned(),
        Kind::List(Kind::Table(_)) => "a list of tables".to_owned(),
        Kind::List(_) => "a list of texts".to_owned(),
        Kind::Map(_) | Kind::Table(_) | Kind::Tagged { .. } => "a table".to_owned(),
    };
    let found = match found {
        ValueKind::Nil => None,
        ValueKind::Boolean(_) => Some("true or false"),
        ValueKind::String(_) => Some("a text"),
        ValueKind::Table(_) => Some("a table"),
        ValueKind::Array(_) => Some("a list"),
        ValueKind::Float(_) => Some("a number with a fraction"),
        ValueKind::I64(_) => Some("a number"),
        _ => Some("a number of more than 64 bits"),
    };
    let problem = match found {
        Some(found) => wrong(format!("expected {expected}, found {found}")),
        None => wrong(format!("expected {expected}")),
    };
    match (kind, found) {
        (Kind::Text | Kind::OptionalText, Some("a number" | "a number with a fraction" | "true or false"))
        | (Kind::Constant, Some("a number with a fraction")) => problem.hint("put it in quotes"),
        (Kind::List(Kind::Table(_)), Some("a table")) => problem.hint("in two pairs of brackets, such as [[routes]]"),
        (Kind::Duration, Some("a number")) => problem.hint("with its unit, such as \"30s\""),
        (Kind::Integer { .. } | Kind::Flag, Some("a text")) => problem.hint("without quotes"),
        _ => problem,
    }
}

pub(super) fn unknown_word(found: &str, words: &[&str]) -> Problem {
    let problem = wrong(format!("expected {}, found {found:?}", list(words)));
    match nearest(found, words.iter().copied()) {
        Some(near) => problem.hint(format!("did you mean {near:?}?")),
        None => problem,
    }
}

/// Joins words as in `"a", "b" or "c"`.
pub(super) fn list(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Returns the known name that is closest to a misspelt one, if any is close.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase().replace('-', "_");
    known
        .map(|known| (strsim::damerau_levenshtein(&folded, known), known))
        .filter(|(distance, known)| *distance <= known.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
