use std::{borrow::Cow, fmt, time::Instant};

use strum::IntoStaticStr;

use super::{RecordId, RetryKind, redaction};

/// The result of one attempt for one row, or for a whole call. The failure model that decides it is in
/// `salesforce/classify.rs`; what follows from each verdict is in
/// `sink/order/outcomes.rs`.
///
/// A call as a whole is never `Written` or `Rejected`: it has no outcome for its rows. A row of a call that was taken
/// is never `Fatal`, and the org's trouble is never said of a row.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The org has the record. `id` is absent only where a delete found nothing to delete.
    Written { id: Option<RecordId>, created: bool },
    /// The org will never take this row.
    Rejected(Rejection),
    /// The attempt was not applied: the row is sent again.
    Retry { cause: Cause, kind: RetryKind },
    /// The org may have applied it, or still will: the result is unknown. `ended` is when the attempt ended, and not
    /// when it was sent: the org may work on a call for long after that.
    Unknown { cause: Cause, ended: Instant, doubt: Doubt },
    /// The daemon cannot go on. What was sent is of unknown result.
    Fatal(Cause),
}

/// The reason why the result of an attempt is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// The answer is lost, or does not fit this request.
    Lost,
    /// The call took longer than the daemon waits, or than the org itself does.
    TimedOut,
    /// The answer is longer than is read.
    TooLong,
    /// The org says so of this row, in an answer that has a result for every row.
    Row,
}

/// The cause for which something is not written: the org's words, or the daemon's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The code of Salesforce (`UNABLE_TO_LOCK_ROW`), where there is one.
    pub code: Option<Cow<'static, str>>,
    pub message: String,
    pub fields: Vec<String>,
    pub http_status: Option<u16>,
}

/// A record that is not going to be written, and why: the content of its dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub reason: Reason,
    pub stage: ConnectStage,
    pub cause: Cause,
}

/// The closed list of reasons; a dead letter's exception class is `sobjectd.<Reason>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
pub enum Reason {
    InvalidKey,
    InvalidValue,
    InvalidOperation,
    InvalidField,
    InvalidOption,
    TargetMismatch,
    TooLarge,
    NotFound,
    Ambiguous,
    /// Salesforce rejected the row.
    Refused,
    /// The org asked to repeat the row for longer than `retry.row_timeout`.
    RowTimeout,
    /// A parent that the row names was not there for as long as `retry.missing_parent_wait`.
    MissingParent,
    /// The record's call kept failing while others succeeded, also when it was alone.
    Poison,
    /// The org may have made the record: that is unknown (`pipeline.insert_unknown`).
    UnknownResult,
    /// The org's calls of the day are spent (`salesforce.quota.on_quota`).
    QuotaSpent,
}

/// The step that failed, by Kafka Connect's name. A converter comes with the class that Connect would name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ConnectStage {
    KeyConverter(&'static str),
    ValueConverter(&'static str),
    HeaderConverter,
    #[strum(serialize = "TASK_PUT")]
    Put,
}

impl Verdict {
    /// Makes the verdict of a row that is sent again.
    pub fn retry(kind: RetryKind, cause: Cause) -> Self {
        Self::Retry { cause, kind }
    }

    /// The cause for which the row is not written; `None` where it is.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Written { .. } => None,
            Self::Rejected(rejection) => Some(&rejection.cause),
            Self::Retry { cause, .. } | Self::Unknown { cause, .. } | Self::Fatal(cause) => Some(cause),
        }
    }
}

impl Cause {
    /// The longest text of a cause in bytes: it may quote what the record holds, and each row in flight may have one.
    const LONGEST: usize = 4 * 1024;
    /// The most that its names take, in bytes.
    const NAMES: usize = 1024;
    /// The longest code in bytes; Salesforce's have up to 60.
    const CODE: usize = 256;
    /// The most that a cause takes, in bytes.
    pub const MOST: usize = size_of::<Self>() + Self::LONGEST + Self::NAMES + Self::CODE;

    /// Makes a cause of what the org said of a row or a call.
    pub fn of_org(code: &str, message: &str, fields: &[String]) -> Self {
        let code = if code.len() > Self::CODE { "UNREADABLE_CODE".into() } else { code.to_owned().into() };
        let message = Self::cut(message.to_owned());
        Self { code: Some(code), message, fields: Self::cut_names(fields), http_status: None }
    }

    /// Makes a cause of the daemon's own, without a code of Salesforce's.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: None, message: Self::cut(message.into()), fields: Vec::new(), http_status: None }
    }

    /// A text of at most `LONGEST` bytes, and a sign where there was more of it.
    pub fn cut(mut text: String) -> String {
        if text.len() > Self::LONGEST {
            let end = (0..=Self::LONGEST).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
            text.push('…');
            text.shrink_to_fit();
        }
        text
    }

    /// Keeps as many names as [`Self::NAMES`] bytes have room for.
    fn cut_names(names: &[String]) -> Vec<String> {
        let mut left = Self::NAMES;
        let fits = |name: &&String| {
            let room = left.checked_sub(name.len() + size_of::<String>());
            left = room.unwrap_or(0);
            room.is_some()
        };
        names.iter().take_while(fits).cloned().collect()
    }

    /// The size of its texts in bytes.
    pub fn bytes(&self) -> usize {
        let code = self.code.as_ref().map_or(0, |code| code.len());
        code + self.message.len() + self.fields.iter().map(String::len).sum::<usize>()
    }

    /// The cause with all its texts, for a dead letter.
    pub fn whole(&self) -> impl fmt::Display {
        Shown { cause: self, message: true }
    }
}

/// A cause with its message, or only with what names it.
struct Shown<'a> {
    cause: &'a Cause,
    message: bool,
}

impl Rejection {
    /// Makes a rejection of the daemon's own, with Connect's stage `PUT`, which covers routing and writing.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, stage: ConnectStage::Put, cause: Cause::new(message) }
    }

    /// The label in metrics and logs: Salesforce's code, else the reason.
    pub fn code(&self) -> &str {
        self.cause.code.as_deref().unwrap_or_else(|| self.reason.name())
    }
}

impl Reason {
    /// The variant's own name.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl ConnectStage {
    /// The name in `org.apache.kafka.connect.runtime.errors.Stage`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The class that Connect would name: what dashboards and filters look for.
    pub fn class(self) -> &'static str {
        match self {
            Self::KeyConverter(class) | Self::ValueConverter(class) => class,
            Self::HeaderConverter => "org.apache.kafka.connect.storage.SimpleHeaderConverter",
            Self::Put => "org.apache.kafka.connect.sink.SinkTask",
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cause { code, message, fields, .. } = self.cause;
        f.write_str(code.as_deref().unwrap_or_default())?;
        if self.message {
            f.write_str(if code.is_some() { ": " } else { "" })?;
            f.write_str(message)?;
        }
        if !fields.is_empty() {
            write!(f, " ({})", fields.join(", "))?;
        }
        Ok(())
    }
}

/// A message of ours is about the org, not about a record: it is shown even where quotes are hidden.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.code.is_none() || !redaction::is_on();
        fmt::Display::fmt(&Shown { cause: self, message }, f)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = Shown { cause: &self.cause, message: !redaction::is_on() }.to_string();
        f.write_str(self.reason.name())?;
        if cause.is_empty() { Ok(()) } else { write!(f, ": {cause}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_cut_where_it_is_made() {
        let cause = Cause::new("é".repeat(3000));
        assert!(cause.bytes() <= Cause::LONGEST + 3 && cause.message.ends_with("é…"), "{}", cause.bytes());
        assert_eq!(Cause::cut("short".to_owned()), "short");
        let cause = Cause::of_org(&"C".repeat(1000), &"x".repeat(10_000), &vec!["F__c".to_owned(); 1000]);
        assert_eq!(cause.fields.len(), Cause::NAMES / (4 + size_of::<String>()));
        assert!(cause.bytes() + cause.fields.len() * size_of::<String>() <= Cause::MOST);
        assert_eq!(cause.code.as_deref(), Some("UNREADABLE_CODE"));
    }

    #[test]
    fn a_cause_is_named_with_its_message_or_without() {
        let ours = Cause::new("the header op holds no operation: \"MERGE\"");
        let code = Some("STRING_TOO_LONG".into());
        let orgs =
            Cause { code, message: "data value too large: Ada".into(), fields: vec!["Name".into()], ..ours.clone() };
        let shown = |cause, message| Shown { cause, message }.to_string();
        assert_eq!(shown(&orgs, true), "STRING_TOO_LONG: data value too large: Ada (Name)");
        assert_eq!((shown(&orgs, false), shown(&ours, false)), ("STRING_TOO_LONG (Name)".to_owned(), String::new()));
        assert_eq!((ours.to_string(), orgs.whole().to_string()), (ours.message.clone(), shown(&orgs, true)));
    }
}
