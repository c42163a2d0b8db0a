//! The failure model: what every answer of the org means, for a call and for a row of it.
//!
//! Two columns, since the same code means another thing where the call as a whole has it. What a call's status decides
//! is in [`of_status`], what a row's operation decides in [`of_row`]. Both give a [`Meaning`]; with its cause that is a
//! verdict ([`Verdict`](crate::record::Verdict)). No other file reads a code of the data API; a login has codes of its own.
//!
//! Message texts follow the user's language. A text is only asked whether to wait ([`wraps_a_wait`],
//! [`is_a_transactions`], [`lacks_a_parent`], [`lacks_its_place`], the two kinds of `REQUEST_LIMIT_EXCEEDED`): it may
//! move a verdict toward waiting, never away.
//! A code that is not listed is the row's own fault, or the call's, unless the status says otherwise (REST guide,
//! "Status Codes and Error Responses").

use reqwest::StatusCode;

use super::{
    answer::{Errors, RowError},
    http::request::Purpose,
    org::usage::Usage,
};
use crate::record::{Action, AnyCase, Cause, Doubt, OrgTrouble, RetryKind, Suspicion};

/// The content of an answer's headers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    pub(crate) usage: Option<Usage>,
    /// Whether they are those of the org, or of Salesforce's edge before it.
    pub(crate) salesforces: bool,
}

/// The meaning of a code, or a status, for a row or a whole call: a verdict without its cause. The cells of [`CODES`]
/// are of this type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    Rejected,
    /// The record that the row names is not there. [`of_gone`] decides what that is for the row.
    Gone(Gone),
    Retry(RetryKind),
    /// The org may have applied it.
    Unknown,
}

/// The way in which a record is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// The record does not exist, or not any more; or that is true of another one, which the row refers to.
    Vanished,
    /// The record existed and has been deleted.
    Deleted,
}

/// The kind of answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The answer has a result for each row.
    Taken,
    /// The call as a whole came to this.
    Failed(Meaning),
    /// The answer does not fit the request: the result is unknown. Where that goes on, an operator must act.
    ResponseMismatch,
}

/// The properties of a call that the verdicts of its rows depend on, besides their errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) action: Action,
    pub(crate) key_field: Option<&'a str>,
}

/// The cells of [`CODES`], and what statuses and texts make of them.
pub(crate) mod cell {
    use super::{Gone, Meaning, OrgTrouble, RetryKind, Suspicion};

    pub(crate) const REJECTED: Meaning = Meaning::Rejected;
    pub(crate) const VANISHED: Meaning = Meaning::Gone(Gone::Vanished);
    pub(crate) const DELETED: Meaning = Meaning::Gone(Gone::Deleted);
    /// Rows of one call share the cause: not one of them is to blame, but their number.
    pub(crate) const SMALLER: Meaning = Meaning::Retry(RetryKind::Smaller { suspicion: None });
    /// The call as a whole is rejected for something in it.
    pub(crate) const CALL_REJECTED: Meaning =
        Meaning::Retry(RetryKind::Smaller { suspicion: Some(Suspicion::NotNamed) });
    pub(crate) const ALONE: Meaning = Meaning::Retry(RetryKind::Alone);
    pub(crate) const DELETED_MEANWHILE: Meaning = Meaning::Retry(RetryKind::DeletedMeanwhile);
    pub(crate) const PARENT: Meaning = Meaning::Retry(RetryKind::Parent);
    pub(crate) const BACKOFF: Meaning = Meaning::Retry(RetryKind::Backoff);
    pub(crate) const PARKED: Meaning = Meaning::Retry(RetryKind::Parked);
    pub(crate) const STORAGE: Meaning = Meaning::Retry(RetryKind::Storage);
    pub(crate) const PLACE: Meaning = Meaning::Retry(RetryKind::Place);
    pub(crate) const UNKNOWN: Meaning = Meaning::Unknown;
    pub(crate) const UNAVAILABLE: Meaning = Meaning::Retry(RetryKind::Org(OrgTrouble::Unavailable));
    pub(crate) const SESSION: Meaning = Meaning::Retry(RetryKind::Org(OrgTrouble::Session));
    pub(crate) const QUOTA: Meaning = Meaning::Retry(RetryKind::Org(OrgTrouble::Quota));
}

/// The table: code → in a row → of a call (`None`: as the status says).
#[rustfmt::skip]
static CODES: &[(&str, Meaning, Option<Meaning>)] = &[
    // Held by another transaction for now.
    ("UNABLE_TO_LOCK_ROW",                     cell::BACKOFF,    Some(cell::BACKOFF)),
    ("RECORD_IN_USE_BY_WORKFLOW",              cell::BACKOFF,    Some(cell::BACKOFF)),
    // Bystanders of a failure elsewhere.
    ("ALL_OR_NONE_OPERATION_ROLLED_BACK",      cell::BACKOFF,    Some(cell::BACKOFF)),
    ("PROCESSING_HALTED",                      cell::BACKOFF,    Some(cell::BACKOFF)),
    ("BATCH_PROCESSING_HALTED",                cell::BACKOFF,    Some(cell::BACKOFF)),
    // Held for hours.
    ("TERRITORY_REALIGN_IN_PROGRESS",          cell::PARKED,     Some(cell::PARKED)),
    // The org is busy, shut or being moved: in a row, too, that is not the row's fault, however long it lasts.
    ("PLATFORM_EVENT_PUBLISH_FAILED",          cell::BACKOFF,    Some(cell::BACKOFF)),
    ("PLATFORM_EVENT_PUBLISHING_UNAVAILABLE",  cell::PARKED,     Some(cell::PARKED)),
    ("TOO_MANY_APEX_REQUESTS",                 cell::BACKOFF,    Some(cell::UNAVAILABLE)),
    ("LIMIT_EXCEEDED",                         cell::BACKOFF,    Some(cell::UNAVAILABLE)),
    ("REQUEST_LIMIT_EXCEEDED",                 cell::PARKED,     Some(cell::UNAVAILABLE)),
    ("SERVER_UNAVAILABLE",                     cell::PARKED,     Some(cell::UNAVAILABLE)),
    ("FUNCTIONALITY_TEMPORARILY_UNAVAILABLE",  cell::PARKED,     Some(cell::UNAVAILABLE)),
    ("ORG_IN_MAINTENANCE",                     cell::PARKED,     Some(cell::UNAVAILABLE)),
    ("ORG_LOCKED",                             cell::PARKED,     Some(cell::UNAVAILABLE)),
    ("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", cell::PARKED,     Some(cell::UNAVAILABLE)),
    ("UNSUPPORTED_API_VERSION",                cell::PARKED,     Some(cell::UNAVAILABLE)),
    ("INVALID_SESSION_ID",                     cell::PARKED,     Some(cell::SESSION)),
    ("INVALID_AUTH_HEADER",                    cell::PARKED,     Some(cell::SESSION)),
    // The user may not use the API, or the org has none: no call of any session is taken.
    ("API_CURRENTLY_DISABLED",                 cell::PARKED,     Some(cell::SESSION)),
    ("API_DISABLED_FOR_ORG",                   cell::PARKED,     Some(cell::SESSION)),
    ("STORAGE_LIMIT_EXCEEDED",                 cell::STORAGE,    Some(cell::STORAGE)),
    // Of a call: this user may not make it at all, as an upsert by a field that is not unique without View All Data. It
    // is neither the org's trouble nor a row's fault: the place waits, and others go on.
    ("INSUFFICIENT_ACCESS",                    cell::REJECTED,   Some(cell::PLACE)),
    // Code of the org's own ran for the whole call.
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",   cell::SMALLER,    None),
    ("CANNOT_EXECUTE_FLOW_TRIGGER",            cell::SMALLER,    None),
    ("FLOW_EXCEPTION",                         cell::SMALLER,    None),
    ("MAX_DEPTH_IN_FLOW_EXECUTION",            cell::SMALLER,    None),
    ("TXN_SECURITY_METERING_ERROR",            cell::SMALLER,    None),
    // The target.
    ("DUPLICATE_VALUE",                        cell::ALONE,      None),
    ("ENTITY_IS_DELETED",                      cell::DELETED,    None),
    ("INVALID_CROSS_REFERENCE_KEY",            cell::VANISHED,   None),
    ("NOT_FOUND",                              cell::VANISHED,   None),
    // The org gave up without saying how far it came.
    ("UNKNOWN_EXCEPTION",                      cell::UNKNOWN,    Some(cell::UNKNOWN)),
    ("QUERY_TIMEOUT",                          cell::UNKNOWN,    Some(cell::UNKNOWN)),
    ("REQUEST_RUNNING_TOO_LONG",               cell::UNKNOWN,    Some(cell::UNKNOWN)),
];

/// A whole answer: by its code if that one says it, else by its status.
pub(crate) fn of_call(purpose: Purpose, status: StatusCode, errors: Option<&Errors>, facts: Facts) -> Answered {
    match status.as_u16() {
        200 => return Answered::Taken,
        401 => return Answered::Failed(cell::SESSION),
        _ => {}
    }
    let codes = errors.into_iter().flat_map(|errors| &errors.0);
    for error in codes {
        if error.code == "REQUEST_LIMIT_EXCEEDED" {
            let daily = error.message.contains("TotalRequests");
            let concurrent = error.message.contains("Concurrent");
            let spent = facts.usage.is_some_and(|usage| usage.percent() >= 100);
            return Answered::Failed(if daily || spent && !concurrent { cell::QUOTA } else { cell::UNAVAILABLE });
        }
        // The end of the version is reported, and not waited for.
        if purpose == Purpose::Describe && error.code == "UNSUPPORTED_API_VERSION" {
            return Answered::Failed(cell::CALL_REJECTED);
        }
        if purpose == Purpose::Resolve && lacks_its_place(error) {
            return Answered::Failed(cell::PLACE);
        }
        let listed = CODES.iter().find(|(code, ..)| *code == error.code);
        match listed {
            // Its status says whether the user may see the SObject, or may call the org at all.
            Some((_, _, Some(cell::PLACE))) if matches!(purpose, Purpose::Describe | Purpose::Read) => {}
            Some((_, _, Some(meaning))) => return Answered::Failed(meaning.clone()),
            _ => {}
        }
    }
    of_status(purpose, status, errors.is_some(), facts.salesforces).map_or(Answered::ResponseMismatch, Answered::Failed)
}

/// The meaning of a status; `None` where no such answer is known.
///
/// `salesforces`: the answer is in Salesforce's own JSON, so that the org itself has spoken and not something before
/// it. `edge`: it is not, and has passed Salesforce's edge all the same, which says that the org took nothing.
fn of_status(purpose: Purpose, status: StatusCode, salesforces: bool, edge: bool) -> Option<Meaning> {
    // What is asked of one SObject may be refused for it alone; the org's own trouble shows in what is asked of none.
    let refused = match purpose {
        Purpose::Write | Purpose::Resolve | Purpose::Describe => cell::PLACE,
        Purpose::Read | Purpose::Login => cell::UNAVAILABLE,
    };
    Some(match status.as_u16() {
        403 | 404 | 410 if purpose == Purpose::Describe && salesforces => cell::CALL_REJECTED,
        // A redirect: nothing is taken where it was sent to.
        300..400 | 403 | 404 | 405 | 410 | 415 => refused,
        420 | 429 => cell::UNAVAILABLE,
        503 if salesforces || edge => cell::UNAVAILABLE,
        502 if edge && !salesforces => cell::UNAVAILABLE,
        // Something before the org said that, and not of one row: a good row is not to be rejected for it.
        400 if !salesforces => refused,
        400 | 413 | 414 | 431 => cell::CALL_REJECTED,
        402..=407 | 409..500 if salesforces => cell::CALL_REJECTED,
        402..=407 | 409..500 => refused,
        // 408: a proxy that waited for the body, and may have passed some of it on.
        408 | 500.. => cell::UNKNOWN,
        _ => return None,
    })
}

/// Why the result of a call is not known that was answered with this: a gateway, or the org itself, has waited too long
/// for it, or not.
pub(crate) fn doubt(cause: &Cause) -> Doubt {
    let says = matches!(cause.code.as_deref(), Some("QUERY_TIMEOUT" | "REQUEST_RUNNING_TOO_LONG"));
    if says || cause.http_status == Some(504) { Doubt::TimedOut } else { Doubt::Lost }
}

/// The codes that two or more rows of an answer have of a cause that the whole transaction shares. `failed`: the errors
/// of each row that failed.
pub(crate) fn shared_codes<'a>(asked: Asked<'_>, failed: impl Iterator<Item = &'a Errors>) -> Vec<&'a str> {
    let (mut single, mut shared) = (Vec::new(), Vec::new());
    for errors in failed {
        if let (cell::SMALLER, Some(error)) = of_row(asked, errors) {
            let code = error.code.as_str();
            if single.contains(&code) {
                shared.push(code);
            } else {
                single.push(code);
            }
        }
    }
    shared
}

/// The meaning of a row that failed, and its cause. `shared`: the [`shared_codes`] of its answer; a row that has such a
/// cause by itself is to blame.
pub(crate) fn of_failed_row(asked: Asked<'_>, errors: &Errors, shared: &[&str]) -> (Meaning, Cause) {
    let (meaning, error) = of_row(asked, errors);
    let is_its_own = error.is_some_and(|error| !shared.contains(&error.code.as_str()));
    let meaning = if meaning == cell::SMALLER && is_its_own { Meaning::Rejected } else { meaning };
    let silent = || Cause::new("the org rejected the row without saying why");
    (meaning, Cause { http_status: Some(200), ..error.map_or_else(silent, RowError::to_cause) })
}

/// The meaning of a row's errors. Of several the one that waits longest counts: the others will show up again.
fn of_row<'a>(asked: Asked<'_>, errors: &'a Errors) -> (Meaning, Option<&'a RowError>) {
    let meanings = errors.0.iter().map(|error| (of_error(asked, error), Some(error)));
    let longest = meanings.reduce(|best, next| if next.0.waits() > best.0.waits() { next } else { best });
    longest.unwrap_or((Meaning::Rejected, None))
}

fn of_error(asked: Asked<'_>, error: &RowError) -> Meaning {
    let listed = CODES.iter().find(|(code, ..)| *code == error.code).map(|(_, meaning, _)| meaning);
    let names =
        |field: &str| error.fields.is_empty() || error.fields.iter().any(|named| AnyCase(named) == AnyCase(field));
    match (listed.unwrap_or(&Meaning::Rejected), asked.action) {
        // Whatever its text: the same key twice in one call, or a record that another client made meanwhile. An org
        // names no field where it means another unique one, too: only a few attempts tell the two apart.
        (Meaning::Retry(RetryKind::Alone), Action::Upsert) if asked.key_field.is_some_and(names) => cell::ALONE,
        // With another field it is a lookup that leads nowhere; NOT_FOUND is said of the key field.
        (Meaning::Gone(_), Action::Upsert)
            if error.code != "NOT_FOUND" && (names("Id") || asked.key_field.is_some_and(names)) =>
        {
            cell::DELETED_MEANWHILE
        }
        (Meaning::Gone(_), Action::Create | Action::Upsert) | (Meaning::Retry(RetryKind::Alone), _) => cell::REJECTED,
        // With a field it is a lookup that leads nowhere.
        (Meaning::Gone(_), _) if !names("Id") => cell::REJECTED,
        (Meaning::Retry(RetryKind::Smaller { .. }), _) if wraps_a_wait(error) => cell::BACKOFF,
        (Meaning::Rejected, _) if is_a_transactions(error) => cell::SMALLER,
        (Meaning::Rejected, _) if lacks_a_parent(&error.code, &error.message) => cell::PARENT,
        (meaning, _) => meaning.clone(),
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

/// Whether an error is a limit of the transaction, which is the call: in smaller calls it is not reached.
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

/// Whether a query for record ids is rejected for its SObject, or for its key field, which is the only one that it
/// names: this user does not see it, or it is not there any more.
fn lacks_its_place(error: &RowError) -> bool {
    error.code == "INVALID_TYPE" || error.code == "INVALID_FIELD" && error.message.contains("No such column")
}

/// Whether a call of a single row is rejected for a missing parent ([`RetryKind::Parent`]). No such answer to a
/// collections call is known: the org says it of a row.
pub(crate) fn is_missing_parent(cause: &Cause) -> bool {
    cause.code.as_deref().is_some_and(|code| lacks_a_parent(code, &cause.message))
}

/// Whether a rejection, of a row or of a call, says that the description which the row was made by is out of date.
pub(crate) fn doubts_description(cause: &Cause) -> bool {
    let codes = ["INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE"];
    cause.code.as_deref().is_some_and(|code| codes.contains(&code)) && !is_missing_parent(cause)
}

/// The fields that an upsert is rejected for, if they may be ones that can only be created: its record is there
/// already. Whether they are, the description says.
pub(crate) fn fields_not_for_update(action: Action, cause: &Cause) -> Option<&[String]> {
    let is_said = cause.code.as_deref() == Some("INVALID_FIELD_FOR_INSERT_UPDATE") && !cause.fields.is_empty();
    (action == Action::Upsert && is_said).then_some(&*cause.fields)
}

/// The outcome of a row whose record is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterGone {
    /// The record is gone, as it was to be.
    Written,
    NotFound,
    /// The record is there, since a query has just found it: what it refers to is not.
    Rejected,
    /// The id was an old one: the external id may be another record's by now.
    ResolveAgain,
}

/// The origin of a row's record id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdOrigin {
    /// The record key is the record id.
    Record,
    Query,
    Cache,
}

/// A delete wants what it found. Only one by record id may be about a record that never was, unless it was this very
/// delete, of unknown result, that removed it.
pub(crate) fn of_gone(gone: Gone, action: Action, origin: IdOrigin, maybe_applied: bool) -> AfterGone {
    match (action, origin) {
        (_, IdOrigin::Cache) => AfterGone::ResolveAgain,
        (Action::Delete, IdOrigin::Query) => AfterGone::Written,
        (Action::Delete, IdOrigin::Record) if gone == Gone::Deleted || maybe_applied => AfterGone::Written,
        (_, IdOrigin::Query) if gone == Gone::Vanished => AfterGone::Rejected,
        _ => AfterGone::NotFound,
    }
}

/// The cause of a row whose record is gone. A code that may mean a record that the row refers to, or an owner without
/// access, says so.
pub(crate) fn of_either(gone: Gone, cause: Cause) -> Cause {
    if gone != Gone::Vanished {
        return cause;
    }
    let message = format!("{} (the record, or one that it refers to)", cause.message);
    Cause { message, ..cause }
}

impl Meaning {
    /// The place in the order from giving a record up to waiting for it: a text may only move a meaning up, and of
    /// several errors of a row the one counts that waits longest. Rejected < Gone < Smaller < Alone < Parent < Backoff
    /// < Parked < Storage < Place < Unknown < Org.
    fn waits(&self) -> u8 {
        match self {
            Self::Rejected => 0,
            Self::Gone(_) => 1,
            Self::Retry(RetryKind::Smaller { .. } | RetryKind::WithoutFields(_) | RetryKind::NextCall) => 2,
            Self::Retry(RetryKind::Alone | RetryKind::DeletedMeanwhile) => 3,
            Self::Retry(RetryKind::Parent) => 4,
            Self::Retry(RetryKind::Backoff) => 5,
            Self::Retry(RetryKind::Parked) => 6,
            Self::Retry(RetryKind::Storage) => 7,
            Self::Retry(RetryKind::Place) => 8,
            Self::Unknown => 9,
            Self::Retry(RetryKind::Org(_) | RetryKind::NoLease) => 10,
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
