//! Events in the daemon's log, which is JSON, by name and fields: what an alert would match.

use std::{
    fmt,
    future::IntoFuture,
    ops::Index,
    pin::Pin,
    time::{Duration, UNIX_EPOCH},
};

use humantime_serde::re::humantime::parse_rfc3339;
use serde_json::Value;

use super::{Daemon, until};

/// The lines of a daemon's log with one event. Awaiting it waits for the first such line.
///
/// ```ignore
/// daemon.event("revoked").with("lost", true).await;
/// daemon.event("salesforce_login_refused").mentions("invalid_grant").await;
/// assert_eq!(daemon.event("delete_found_nothing").lines().len(), 1);
/// ```
#[must_use = "awaiting it waits for the event, `lines` returns what was logged so far"]
pub(crate) struct Event<'a> {
    daemon: &'a Daemon,
    /// The event, and what else the line's fields must be.
    fields: Vec<(String, Value)>,
    texts: Vec<String>,
}

/// One line of the log.
#[derive(Debug)]
pub(crate) struct LogLine {
    text: String,
    fields: Value,
}

impl<'a> Event<'a> {
    pub(super) fn new(daemon: &'a Daemon, name: &str) -> Self {
        Self { daemon, fields: vec![("event".to_owned(), name.into())], texts: Vec::new() }
    }

    /// Takes only lines with this field, `level` included, and this value of it.
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.push((field.to_owned(), value.into()));
        self
    }

    /// Takes only lines that hold this text, in any of their fields or in their message.
    pub(crate) fn mentions(mut self, text: &str) -> Self {
        self.texts.push(text.to_owned());
        self
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.daemon.log().iter().filter_map(|line| self.matching(line)).collect()
    }

    fn matching(&self, text: &str) -> Option<LogLine> {
        // A line that is not JSON is not of the log: a failed start is told before the log begins.
        let fields: Value = serde_json::from_str(text).ok()?;
        let is_met = self.fields.iter().all(|(name, value)| fields[name] == *value)
            && self.texts.iter().all(|part| text.contains(part));
        is_met.then(|| LogLine { text: text.to_owned(), fields })
    }
}

impl<'a> IntoFuture for Event<'a> {
    type Output = LogLine;
    type IntoFuture = Pin<Box<dyn Future<Output = LogLine> + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let what = format!("a line of the log with {:?} that mentions {:?}", self.fields, self.texts);
            until(&what, async || self.daemon.log().iter().find_map(|line| self.matching(line))).await
        })
    }
}

impl LogLine {
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// When it was written, in ms since the epoch.
    pub(crate) fn time_ms(&self) -> u64 {
        let time = parse_rfc3339(self["timestamp"].as_str().unwrap()).unwrap();
        time.duration_since(UNIX_EPOCH).as_ref().map_or(0, Duration::as_millis) as u64
    }
}

/// A field; null, if the line does not have it.
impl Index<&str> for LogLine {
    type Output = Value;

    fn index(&self, field: &str) -> &Value {
        &self.fields[field]
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
