//! The failure model: what every answer of the org means, for a call and for a row of it.
//!
//! Two columns, since the same code means another thing where the call as a whole has it. What a call's status decides
//! is in [`of_status`], what a row's operation decides in [`of_row`]; nothing else in the daemon reads a code.
//!
//! Message texts follow the user's language. A text is only asked whether to wait ([`wraps_a_wait`],
//! [`is_a_transactions`], [`lacks_a_parent`], the two kinds of `REQUEST_LIMIT_EXCEEDED`): it may move a verdict toward
//! waiting, never away.
//! A code that is not listed is the row's own fault, or the call's, unless the status says otherwise (REST guide,
//! "Status Codes and Error Responses").

use reqwest::StatusCode;

use super::{
    answer::{Errors, RowError},
    http::request::Purpose,
    org::usage::Usage,
};
use crate::record::{Action, Cause, Doubt};

/// What the headers of an answer say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    pub(crate) usage: Option<Usage>,
    /// They are those of the org, or of Salesforce's edge before it.
    pub(crate) salesforces: bool,
}

/// What a code means of one row of a call that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowVerdict {
    Rejected,
    /// The record that the row names is not there, or not any more.
    Vanished,
    /// It was there and has been deleted.
    Deleted,
    /// Another row of the call, or of the org, has the same key, or the same value of a unique field.
    Apart,
    /// The record that an upsert found was deleted before the row was written.
    GoneMeanwhile,
    /// More rows of the call failed with it: no outcome.
    Transaction,
    /// A parent that the row names by its external id is not there, or not yet.
    MissingParent,
    Again,
    Parked,
    Unknown,
}

/// What a code, or a status without one, means of a whole call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallVerdict {
    /// The answer has a verdict for each row.
    Taken,
    /// Something in the call.
    Refused,
    /// Nothing was applied; its rows may be sent again after a backoff.
    Again,
    Parked,
    /// The org takes no calls.
    Later,
    Quota,
    Expired,
    /// Nobody knows whether it was applied.
    Unknown,
    /// No answer to this request: nobody knows, and somebody should look.
    Unfitting,
}

/// What the verdicts of a call's rows depend on besides their errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) action: Action,
    pub(crate) key_field: Option<&'a str>,
}

mod in_row {
    pub(crate) use super::RowVerdict::*;
}
mod of_call {
    pub(crate) use super::CallVerdict::*;
}

/// Code → in a row → of a call (`None`: as the status says).
#[rustfmt::skip]
const CODES: &[(&str, RowVerdict, Option<CallVerdict>)] = &[
    // Held by somebody else for now.
    ("UNABLE_TO_LOCK_ROW",                    in_row::Again,       Some(of_call::Again)),
    ("RECORD_IN_USE_BY_WORKFLOW",             in_row::Again,       Some(of_call::Again)),
    ("TERRITORY_REALIGN_IN_PROGRESS",         in_row::Again,       Some(of_call::Again)),
    // Bystanders of a failure elsewhere.
    ("ALL_OR_NONE_OPERATION_ROLLED_BACK",     in_row::Again,       Some(of_call::Again)),
    ("PROCESSING_HALTED",                     in_row::Again,       Some(of_call::Again)),
    ("BATCH_PROCESSING_HALTED",               in_row::Again,       Some(of_call::Again)),
    // The org is busy, shut or being moved: in a row, too, that is no fault of the row, however long it lasts.
    ("PLATFORM_EVENT_PUBLISH_FAILED",         in_row::Again,       Some(of_call::Again)),
    ("PLATFORM_EVENT_PUBLISHING_UNAVAILABLE", in_row::Parked,      Some(of_call::Parked)),
    ("TOO_MANY_APEX_REQUESTS",                in_row::Again,       Some(of_call::Later)),
    ("LIMIT_EXCEEDED",                        in_row::Again,       Some(of_call::Later)),
    ("REQUEST_LIMIT_EXCEEDED",                in_row::Parked,      Some(of_call::Later)),
    ("SERVER_UNAVAILABLE",                    in_row::Parked,      Some(of_call::Later)),
    ("FUNCTIONALITY_TEMPORARILY_UNAVAILABLE", in_row::Parked,      Some(of_call::Later)),
    ("API_CURRENTLY_DISABLED",                in_row::Parked,      Some(of_call::Later)),
    ("API_DISABLED_FOR_ORG",                  in_row::Parked,      Some(of_call::Later)),
    ("ORG_IN_MAINTENANCE",                    in_row::Parked,      Some(of_call::Later)),
    ("ORG_LOCKED",                            in_row::Parked,      Some(of_call::Later)),
    ("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", in_row::Parked, Some(of_call::Later)),
    ("UNSUPPORTED_API_VERSION",               in_row::Parked,      Some(of_call::Later)),
    ("INVALID_SESSION_ID",                    in_row::Parked,      Some(of_call::Expired)),
    ("INVALID_AUTH_HEADER",                   in_row::Parked,      Some(of_call::Expired)),
    ("STORAGE_LIMIT_EXCEEDED",                in_row::Parked,      Some(of_call::Parked)),
    // Of a call: this user may not make it at all, as an upsert by a field that is not unique without View All Data. It
    // is neither the org's trouble nor a row's fault: the rows wait, with the org's words in the log, and others go on.
    ("INSUFFICIENT_ACCESS",                   in_row::Rejected,    Some(of_call::Parked)),
    // Code of the org's own ran for the whole call.
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",  in_row::Transaction, None),
    ("CANNOT_EXECUTE_FLOW_TRIGGER",           in_row::Transaction, None),
    ("FLOW_EXCEPTION",                        in_row::Transaction, None),
    ("MAX_DEPTH_IN_FLOW_EXECUTION",           in_row::Transaction, None),
    ("TXN_SECURITY_METERING_ERROR",           in_row::Transaction, None),
    // The target.
    ("DUPLICATE_VALUE",                       in_row::Apart,       None),
    ("ENTITY_IS_DELETED",                     in_row::Deleted,     None),
    ("INVALID_CROSS_REFERENCE_KEY",           in_row::Vanished,    None),
    ("NOT_FOUND",                             in_row::Vanished,    None),
    // The org gave up without saying how far it came.
    ("UNKNOWN_EXCEPTION",                     in_row::Unknown,     Some(of_call::Unknown)),
    ("QUERY_TIMEOUT",                         in_row::Unknown,     Some(of_call::Unknown)),
    ("REQUEST_RUNNING_TOO_LONG",              in_row::Unknown,     Some(of_call::Unknown)),
];

/// A whole answer: by its code if that one says it, else by its status.
pub(crate) fn of_call(purpose: Purpose, status: StatusCode, errors: Option<&Errors>, facts: Facts) -> CallVerdict {
    match status.as_u16() {
        200 => return CallVerdict::Taken,
        401 => return CallVerdict::Expired,
        _ => {}
    }
    let codes = errors.into_iter().flat_map(|errors| &errors.0);
    for error in codes {
        if error.code == "REQUEST_LIMIT_EXCEEDED" {
            let daily = error.message.contains("TotalRequests");
            let concurrent = error.message.contains("Concurrent");
            let spent = facts.usage.is_some_and(|usage| usage.percent() >= 100);
            return if daily || spent && !concurrent { CallVerdict::Quota } else { CallVerdict::Later };
        }
        // The version's end is told, and not waited for.
        if purpose == Purpose::Describe && error.code == "UNSUPPORTED_API_VERSION" {
            return CallVerdict::Refused;
        }
        let listed = CODES.iter().find(|(code, ..)| *code == error.code);
        match listed {
            // No row could wait: its status says whether the user may see the SObject.
            Some((_, _, Some(CallVerdict::Parked))) if purpose == Purpose::Describe => {}
            Some((_, _, Some(verdict))) => return *verdict,
            _ => {}
        }
    }
    of_status(purpose, status, errors.is_some(), facts.salesforces)
}

/// `salesforces`: the answer is in Salesforce's own JSON, so that the org itself has spoken and not something before
/// it. `edge`: it is not, and has passed Salesforce's edge all the same, which says that the org took nothing.
fn of_status(purpose: Purpose, status: StatusCode, salesforces: bool, edge: bool) -> CallVerdict {
    match status.as_u16() {
        403 | 404 | 410 if purpose == Purpose::Describe && salesforces => CallVerdict::Refused,
        // A redirect: nothing is taken where it was sent to.
        300..400 | 403 | 404 | 405 | 410 | 415 | 420 | 429 => CallVerdict::Later,
        503 if salesforces || edge => CallVerdict::Later,
        502 if edge && !salesforces => CallVerdict::Later,
        // Something before the org said that, and would say it of every call: a good row is not to be rejected for it.
        400 if !salesforces => CallVerdict::Later,
        400 | 413 | 414 | 431 => CallVerdict::Refused,
        402..=407 | 409..500 if salesforces => CallVerdict::Refused,
        402..=407 | 409..500 => CallVerdict::Later,
        // 408: a proxy that waited for the body, and may have passed some of it on.
        408 | 500.. => CallVerdict::Unknown,
        _ => CallVerdict::Unfitting,
    }
}

/// Why the result of a call is not known that was answered with this: a gateway, or the org itself, has waited too long
/// for it, or not.
pub(crate) fn doubt(cause: &Cause) -> Doubt {
    let says = matches!(cause.code.as_deref(), Some("QUERY_TIMEOUT" | "REQUEST_RUNNING_TOO_LONG"));
    if says || cause.http_status == Some(504) { Doubt::TimedOut } else { Doubt::Lost }
}

/// The rows of a call that failed, in order; `None` for one that did not.
///
/// A cause that the whole transaction shares shows in two rows or more. A single row with it is the row's own.
pub(crate) fn of_rows(asked: Asked<'_>, rows: &[Option<&Errors>]) -> Vec<Option<(RowVerdict, Cause)>> {
    let verdicts: Vec<_> = rows.iter().map(|errors| errors.map(|errors| of_row(asked, errors))).collect();
    let shared = |code: &str| {
        let same = |row: &&Option<(RowVerdict, Option<&RowError>)>| matches!(row, Some((RowVerdict::Transaction, Some(error))) if error.code == code);
        verdicts.iter().filter(same).count() > 1
    };
    verdicts
        .iter()
        .map(|row| {
            let (verdict, error) = (*row)?;
            let verdict = match (verdict, error) {
                (RowVerdict::Transaction, Some(error)) if !shared(&error.code) => RowVerdict::Rejected,
                _ => verdict,
            };
            let silent = || Cause::new("the org refused the row without saying why");
            Some((verdict, Cause { http_status: Some(200), ..error.map_or_else(silent, RowError::to_cause) }))
        })
        .collect()
}

/// Of several errors the one that waits longest counts: the others will show up again.
fn of_row<'a>(asked: Asked<'_>, errors: &'a Errors) -> (RowVerdict, Option<&'a RowError>) {
    let verdicts = errors.0.iter().map(|error| (of_error(asked, error), Some(error)));
    let longest = verdicts.reduce(|best, next| if next.0.waits() > best.0.waits() { next } else { best });
    longest.unwrap_or((RowVerdict::Rejected, None))
}

fn of_error(asked: Asked<'_>, error: &RowError) -> RowVerdict {
    let listed = CODES.iter().find(|(code, ..)| *code == error.code).map(|(_, verdict, _)| *verdict);
    let names = |field: &str| error.fields.is_empty() || error.fields.iter().any(|f| f.eq_ignore_ascii_case(field));
    match (listed.unwrap_or(RowVerdict::Rejected), asked.action) {
        // Whatever its text: the same key twice in one call, or a record that somebody else made meanwhile. An org names
        // no field where it means another unique one, too: only a few attempts tell the two apart.
        (RowVerdict::Apart, Action::Upsert) if asked.key_field.is_some_and(names) => RowVerdict::Apart,
        // With another field it is a lookup that leads nowhere; NOT_FOUND is said of the key field.
        (RowVerdict::Deleted | RowVerdict::Vanished, Action::Upsert)
            if error.code != "NOT_FOUND" && (names("Id") || asked.key_field.is_some_and(names)) =>
        {
            RowVerdict::GoneMeanwhile
        }
        (RowVerdict::Deleted | RowVerdict::Vanished, Action::Create | Action::Upsert) | (RowVerdict::Apart, _) => {
            RowVerdict::Rejected
        }
        // With a field it is a lookup that leads nowhere.
        (RowVerdict::Deleted | RowVerdict::Vanished, _) if !names("Id") => RowVerdict::Rejected,
        (RowVerdict::Transaction, _) if wraps_a_wait(error) => RowVerdict::Again,
        (RowVerdict::Rejected, _) if is_a_transactions(error) => RowVerdict::Transaction,
        (RowVerdict::Rejected, _) if lacks_a_parent(&error.code, &error.message) => RowVerdict::MissingParent,
        (verdict, _) => verdict,
    }
}

/// A trigger or flow that failed because of a row lock says so in the text of its own failure: by a code, or, where it
/// has read `FOR UPDATE`, in a sentence.
fn wraps_a_wait(error: &RowError) -> bool {
    let texts = [
        "UNABLE_TO_LOCK_ROW",
        "RECORD_IN_USE_BY_WORKFLOW",
        "Record Currently Unavailable",
        "currently being modified by another user",
    ];
    texts.iter().any(|text| error.message.contains(text))
}

/// Codes whose texts the org's administrators write.
const TOLD_BY_ADMINS: [&str; 3] =
    ["FIELD_CUSTOM_VALIDATION_EXCEPTION", "FIELD_FILTER_VALIDATION_EXCEPTION", "DUPLICATES_DETECTED"];

/// Limits belong to the transaction, which is the call: in smaller calls they are not reached.
///
/// An error that names a field may quote its value, and what an administrator has written may say anything.
fn is_a_transactions(error: &RowError) -> bool {
    let texts = ["Too many ", "CPU time limit", "heap size", "LimitException"];
    error.fields.is_empty()
        && !TOLD_BY_ADMINS.contains(&error.code.as_str())
        && texts.iter().any(|text| error.message.contains(text))
}

/// A row with a parent that the org does not have shares its code with one that names a field which is not there.
/// Quoted: `Foreign key external ID: 1580 not found for field Ext__c in entity User`.
fn lacks_a_parent(code: &str, message: &str) -> bool {
    code == "INVALID_FIELD" && message.contains("Foreign key external ID") && message.contains("not found")
}

/// As [`RowVerdict::MissingParent`], where a call of a single row is refused for it. No such answer to a collections
/// call is known: the org says it of a row.
pub(crate) fn is_missing_parent(cause: &Cause) -> bool {
    cause.code.as_deref().is_some_and(|code| lacks_a_parent(code, &cause.message))
}

/// Whether a refusal, of a row or of a call, says that the description which the row was made by is out of date.
pub(crate) fn doubts_description(cause: &Cause) -> bool {
    let codes = ["INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE"];
    cause.code.as_deref().is_some_and(|code| codes.contains(&code)) && !is_missing_parent(cause)
}

/// What to make of a row whose record is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// As it was to be.
    Written,
    NotFound,
    /// The record is there, since a query has just found it: what it refers to is not.
    Refused,
    /// The id was an old one: the external id may be another record's by now.
    ResolveAgain,
}

/// How a row's record id was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// The record key is the record id.
    Record,
    Query,
    Cache,
}

/// A delete wants what it found. Only one by record id may be about a record that never was, unless it was this very
/// delete, of unknown result, that removed it.
pub(crate) fn of_gone(verdict: RowVerdict, action: Action, named: NamedBy, maybe_applied: bool) -> Gone {
    match (action, named) {
        (_, NamedBy::Cache) => Gone::ResolveAgain,
        (Action::Delete, NamedBy::Query) => Gone::Written,
        (Action::Delete, NamedBy::Record) if verdict == RowVerdict::Deleted || maybe_applied => Gone::Written,
        (_, NamedBy::Query) if verdict == RowVerdict::Vanished => Gone::Refused,
        _ => Gone::NotFound,
    }
}

/// The cause of a row whose record is gone. A code that may mean a record that the row refers to, or an owner without
/// access, says so.
pub(crate) fn of_either(verdict: RowVerdict, cause: Cause) -> Cause {
    if verdict != RowVerdict::Vanished {
        return cause;
    }
    let message = format!("{} (the record, or one that it refers to)", cause.message);
    Cause { message, ..cause }
}

impl RowVerdict {
    /// How long it waits before a record is given up: a text may only move a verdict up.
    fn waits(self) -> u8 {
        match self {
            Self::Rejected => 0,
            Self::Vanished | Self::Deleted => 1,
            Self::Transaction => 2,
            Self::Apart | Self::GoneMeanwhile => 3,
            Self::MissingParent => 4,
            Self::Again => 5,
            Self::Parked => 6,
            Self::Unknown => 7,
        }
    }
}

impl CallVerdict {
    /// As [`RowVerdict::waits`]. Later and Quota both wait until the org is well, however long that is.
    #[cfg(test)]
    fn waits(self) -> u8 {
        match self {
            Self::Refused | Self::Taken => 0,
            Self::Again => 1,
            Self::Parked => 2,
            Self::Unknown | Self::Unfitting => 3,
            Self::Later | Self::Quota | Self::Expired => 4,
        }
    }
}

/// The cause of a call's verdict, for logs and dead letters.
pub(crate) fn cause(status: StatusCode, errors: Option<&Errors>) -> Cause {
    let first = errors.and_then(|errors| errors.0.first());
    let cause = first.map_or_else(|| Cause::new(format!("the org answered {status}")), RowError::to_cause);
    Cause { http_status: Some(status.as_u16()), ..cause }
}

#[cfg(test)]
#[path = "tests/classify.rs"]
mod tests;
