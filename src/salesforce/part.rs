//! What one part of an answer says: a status and a body, judged for the rows of that part. No I/O, and no state.
//!
//! A call has one part today, which is the answer itself. What the HTTP answer as a whole shows of the org is reported
//! once, in `call`, however many parts it has.

use tokio::time::Instant;

use super::{
    answer::Errors,
    classify::{self, Answered, Meaning},
    http::{
        client::{Answer, redirected},
        request::Purpose,
    },
};
use crate::record::{Cause, Doubt, OrgTrouble, RetryKind, Suspicion, Verdict};

const TOO_LONG: &str = "the org's answer is longer than is read: in smaller calls it is shorter";

/// The reason why a part of an answer has no results for its rows.
#[derive(Debug)]
pub(crate) enum PartFailure {
    /// The part was not taken, or that is unknown. `is_orgs_word`: the org itself says so, in its own JSON, and not
    /// something before it.
    Failed { meaning: Meaning, cause: Cause, is_orgs_word: bool },
    /// The part was taken, and its results are cut.
    TooLong(Cause),
    /// The results do not fit the request.
    Mismatch(Cause),
}

/// Reads one part of an answer. `fit` reads the body of a part that was taken; its error says how it does not fit.
pub(crate) fn read<T>(
    purpose: Purpose,
    part: &Answer,
    fit: impl FnOnce(&[u8]) -> Result<T, Cause>,
) -> Result<T, PartFailure> {
    let errors = (part.status != reqwest::StatusCode::OK).then(|| Errors::of_call(&part.body)).flatten();
    let cause = || match &part.location {
        Some(location) => redirected(part.status, location),
        None => classify::cause(part.status, errors.as_ref()),
    };
    match classify::of_call(purpose, part.status, errors.as_ref(), part.facts()) {
        Answered::Taken if part.cut => Err(PartFailure::TooLong(Cause { message: TOO_LONG.to_owned(), ..cause() })),
        Answered::Taken => part
            .unfit
            .clone()
            .map_or_else(|| fit(&part.body), Err)
            .map_err(|unfit| PartFailure::Mismatch(Cause { http_status: Some(part.status.as_u16()), ..unfit })),
        Answered::ResponseMismatch => Err(PartFailure::Mismatch(cause())),
        Answered::Failed(meaning) => {
            let waits = matches!(meaning, Meaning::Retry(RetryKind::Backoff | RetryKind::Parked | RetryKind::Storage));
            // A describe has no row to back off: its SObject waits.
            let is_describes_wait = waits && purpose == Purpose::Describe;
            let meaning = if is_describes_wait { Meaning::Retry(RetryKind::Place) } else { meaning };
            // A redirect says nothing of the org, whatever its body: the org may be elsewhere.
            let is_orgs_word = errors.is_some() && !part.status.is_redirection();
            Err(PartFailure::Failed { meaning, cause: cause(), is_orgs_word })
        }
    }
}

impl PartFailure {
    /// The verdict of the part, which is that of each of its rows.
    pub(crate) fn into_verdict(self, purpose: Purpose) -> Verdict {
        match self {
            Self::Mismatch(cause) => in_doubt(purpose, cause, Doubt::Lost),
            // Fewer rows have a shorter answer; a description of one SObject has not.
            Self::TooLong(cause) if purpose == Purpose::Write => in_doubt(purpose, cause, Doubt::TooLong),
            Self::Failed { meaning: Meaning::Unknown, cause, .. } => {
                let doubt = classify::doubt(&cause);
                in_doubt(purpose, cause, doubt)
            }
            Self::Failed { meaning: Meaning::Retry(kind), cause, .. } => Verdict::retry(kind, cause),
            // The others are said of rows only.
            Self::Failed { meaning: Meaning::Rejected | Meaning::Gone(_), cause, .. } | Self::TooLong(cause) => {
                call_rejected(cause)
            }
        }
    }
}

/// The verdict of a call, or of a part of it, whose result is unknown. What only reads cannot have been applied.
pub(crate) fn in_doubt(purpose: Purpose, cause: Cause, doubt: Doubt) -> Verdict {
    if purpose == Purpose::Write {
        Verdict::Unknown { cause, ended: Instant::now().into_std(), doubt }
    } else {
        Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), cause)
    }
}

/// The verdict of a call, or of a part of it, that is rejected for something in it.
pub(crate) fn call_rejected(cause: Cause) -> Verdict {
    Verdict::retry(RetryKind::Smaller { suspicion: Some(Suspicion::NotNamed) }, cause)
}

#[cfg(test)]
#[path = "tests/part.rs"]
mod tests;
