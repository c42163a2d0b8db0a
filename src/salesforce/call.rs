//! One call to the data API, under the permit of its attempt: a session, at most one resend with a new session, and
//! what its answer means.
//!
//! A call that fails has one [`Verdict`] for all of its rows. One that waits for the org ([`RetryKind::Org`]) has been
//! reported to the [`Limiter`] before, which is where the wait is made.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::time::Instant;

use super::{
    answer::Errors,
    classify::{self, Answered, Meaning},
    http::{
        client::{Answer, Http, Sent, redirected},
        request::{ApiRequest, Purpose},
    },
    org::{limiter::Limiter, org_state::Report},
    session::auth::{Auth, NoSession, Session},
};
use crate::{
    config,
    record::{Cause, Doubt, OrgTrouble, RetryKind, Suspicion, Verdict},
};

/// The number of answers in a row that do not fit their requests after which the daemon stops: this is not the org.
const MAX_MISMATCHES: u32 = 3;

#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) auth: Auth,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) http: Http,
    /// The version in addresses: `v66.0`.
    version: Arc<str>,
    mismatches: AtomicU32,
}

impl Calls {
    pub(crate) fn new(auth: Auth, limiter: Arc<Limiter>, http: Http, config: &config::Salesforce) -> Self {
        Self {
            auth,
            limiter,
            http,
            version: format!("v{}", config.api_version.trim_start_matches('v')).into(),
            mismatches: AtomicU32::new(0),
        }
    }

    /// The longest query, encoded, that the org takes beside the session's token.
    pub(crate) fn longest_query(&self) -> usize {
        beside_token(self.auth.token_len())
    }

    /// Makes a call. `fit` reads the body of an answer that was taken; its error says how the answer does not fit.
    pub(crate) async fn make<T>(
        &self,
        request: &ApiRequest,
        fit: impl FnOnce(&[u8]) -> Result<T, Cause>,
    ) -> Result<T, Verdict> {
        let (mut answer, mut session) = self.send(request).await?;
        if answer.status == reqwest::StatusCode::UNAUTHORIZED {
            self.auth.invalidate(&session);
            (answer, session) = self.send(request).await?;
        }
        // A redirect says that the org is elsewhere: the next login is told where.
        if answer.status == reqwest::StatusCode::UNAUTHORIZED || answer.status.is_redirection() {
            self.auth.invalidate(&session);
        }
        self.judge(request, &answer, fit)
    }

    async fn send(&self, request: &ApiRequest) -> Result<(Answer, Arc<Session>), Verdict> {
        let session = match self.auth.session().await {
            Ok(session) => session,
            Err(NoSession::Refused(cause)) => {
                return Err(self.down(OrgTrouble::Session, cause));
            }
            Err(NoSession::Later(cause)) => return Err(self.down(OrgTrouble::Unavailable, cause)),
        };
        let url = request.endpoint.on(&session.instance, &self.version);
        let url = url.map_err(|cause| self.response_mismatch(request.purpose, cause))?;
        match self.http.send(request, url, Some(&session.token)).await {
            Sent::Answered(answer) => {
                if let Some(usage) = answer.usage {
                    self.limiter.set_usage(usage);
                }
                if answer.status != reqwest::StatusCode::UNAUTHORIZED {
                    session.works();
                }
                Ok((answer, session))
            }
            Sent::Not { cause, lapsed: false } => Err(self.down(OrgTrouble::Unavailable, cause)),
            Sent::Not { cause, lapsed: true } => {
                // It was the org's probe, perhaps, and has said nothing of it.
                self.limiter.report(&Report::Inconclusive);
                Err(Verdict::retry(RetryKind::NoLease, cause))
            }
            Sent::Unanswered { cause, timed_out } => {
                Err(self.unknown(request.purpose, cause, if timed_out { Doubt::TimedOut } else { Doubt::Lost }))
            }
        }
    }

    fn judge<T>(
        &self,
        request: &ApiRequest,
        answer: &Answer,
        fit: impl FnOnce(&[u8]) -> Result<T, Cause>,
    ) -> Result<T, Verdict> {
        let errors = (answer.status != reqwest::StatusCode::OK).then(|| Errors::of_call(&answer.body)).flatten();
        let cause = match &answer.location {
            Some(location) => redirected(answer.status, location),
            None => classify::cause(answer.status, errors.as_ref()),
        };
        let meaning = match classify::of_call(request.purpose, answer.status, errors.as_ref(), answer.facts()) {
            Answered::Taken if answer.cut => {
                self.well();
                return Err(too_long(request, Cause { message: TOO_LONG.to_owned(), ..cause }));
            }
            Answered::Taken => match answer.unfit.clone().map_or_else(|| fit(&answer.body), Err) {
                Ok(fitted) => {
                    self.well();
                    return Ok(fitted);
                }
                Err(unfit) => {
                    let unfit = Cause { http_status: cause.http_status, ..unfit };
                    return Err(self.response_mismatch(request.purpose, unfit));
                }
            },
            Answered::ResponseMismatch => return Err(self.response_mismatch(request.purpose, cause)),
            Answered::Failed(meaning) => meaning,
        };
        let doubt = classify::doubt(&cause);
        let kind = match meaning {
            // The org's own word that it does not know.
            Meaning::Unknown if errors.is_some() => {
                self.limiter.report(&Report::ResultUnknown);
                return Err(self.in_doubt(request.purpose, cause, doubt));
            }
            Meaning::Unknown => return Err(self.unknown(request.purpose, cause, doubt)),
            Meaning::Retry(RetryKind::Org(trouble)) => return Err(self.down(trouble, cause)),
            // A describe has no row to back off: it waits as for the org.
            Meaning::Retry(RetryKind::Backoff | RetryKind::Parked) if request.purpose == Purpose::Describe => {
                return Err(self.down(OrgTrouble::Unavailable, cause));
            }
            Meaning::Retry(kind) => kind,
            // Said of rows only.
            Meaning::Rejected | Meaning::Gone(_) => RetryKind::Smaller { suspicion: Some(Suspicion::NotNamed) },
        };
        // The org's own word, whatever it says.
        self.well();
        Err(Verdict::retry(kind, cause))
    }

    fn well(&self) {
        self.mismatches.store(0, Ordering::Relaxed);
        self.limiter.report(&Report::Answered);
    }

    /// Reports that the org takes no calls, which is the verdict of the call.
    fn down(&self, trouble: OrgTrouble, cause: Cause) -> Verdict {
        self.limiter.report(&Report::Down(trouble, &cause));
        Verdict::retry(RetryKind::Org(trouble), cause)
    }

    /// The verdict of a call without an answer. A call that only reads cannot have been applied.
    fn unknown(&self, purpose: Purpose, cause: Cause, doubt: Doubt) -> Verdict {
        self.limiter.report(&Report::Unanswered(&cause));
        self.in_doubt(purpose, cause, doubt)
    }

    fn in_doubt(&self, purpose: Purpose, cause: Cause, doubt: Doubt) -> Verdict {
        if purpose == Purpose::Write { in_doubt(cause, doubt) } else { self.down(OrgTrouble::Unavailable, cause) }
    }

    fn response_mismatch(&self, purpose: Purpose, cause: Cause) -> Verdict {
        if self.mismatches.fetch_add(1, Ordering::Relaxed) + 1 < MAX_MISMATCHES {
            tracing::warn!(event = "answer_mismatch", %cause, "the org's answer does not fit its request");
            self.limiter.report(&Report::Inconclusive);
            return self.in_doubt(purpose, cause, Doubt::Lost);
        }
        tracing::error!(event = "answer_mismatch_repeated", %cause, "the org's answers do not fit their requests");
        self.limiter.report(&Report::Inconclusive);
        Verdict::Fatal(cause)
    }
}

/// The longest query beside a token of this length: address and headers may have 16,384 bytes together.
fn beside_token(length: usize) -> usize {
    const BOTH: usize = 15_000;
    const LONGEST: usize = 12_000;
    const SHORTEST: usize = 2_000;
    BOTH.saturating_sub(length).clamp(SHORTEST, LONGEST)
}

const TOO_LONG: &str = "the org's answer is longer than is read: in smaller calls it is shorter";

fn in_doubt(cause: Cause, doubt: Doubt) -> Verdict {
    Verdict::Unknown { cause, ended: Instant::now().into_std(), doubt }
}

/// A call that was taken, and whose answer is cut. Fewer rows have a shorter one; a description of one SObject has not.
fn too_long(request: &ApiRequest, cause: Cause) -> Verdict {
    if request.purpose == Purpose::Write { in_doubt(cause, Doubt::TooLong) } else { call_rejected(cause) }
}

/// The verdict of a call that is rejected for something in it.
pub(crate) fn call_rejected(cause: Cause) -> Verdict {
    Verdict::retry(RetryKind::Smaller { suspicion: Some(Suspicion::NotNamed) }, cause)
}

/// The verdict of a call as that of one of its rows, which its answer names like this.
pub(crate) fn with_suspicion(verdict: Verdict, named: Suspicion) -> Verdict {
    match verdict {
        Verdict::Retry { cause, kind: RetryKind::Smaller { suspicion: Some(_) } } => {
            Verdict::retry(RetryKind::Smaller { suspicion: Some(named) }, cause)
        }
        verdict => verdict,
    }
}

/// Whether any other call would have come to the same.
pub(crate) fn is_of_every_call(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Retry { kind: RetryKind::Org(_) | RetryKind::NoLease, .. } | Verdict::Fatal(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_leaves_room_for_a_long_token() {
        for (token, query) in [(0, 12_000), (112, 12_000), (3_000, 12_000), (5_000, 10_000), (20_000, 2_000)] {
            assert_eq!(beside_token(token), query, "beside a token of {token} bytes");
        }
    }
}
