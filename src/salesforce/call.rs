//! One call to the data API: a session, a permit, at most one resend with a new session, and what its answer means.
//!
//! Whoever waits for the org waits in [`OrgState::turn`]: every [`Failure::Later`], [`Failure::Barred`] and
//! [`Failure::Spent`] has been reported there before, but for one that wants the lease: who makes calls waits for that,
//! too.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::{sync::Semaphore, time::Instant};

use super::{
    answer::Errors,
    classify::{self, CallVerdict},
    http::{
        client::{Answer, Http, Sent, redirected},
        request::{ApiRequest, Purpose},
    },
    org::org_state::{OrgState, Report},
    session::auth::{Auth, NoSession, Session},
};
use crate::{
    config,
    record::{Cause, Doubt, Named, Verdict},
};

/// This many answers in a row that fit nothing: that is not the org we think it is.
const MAX_UNFITTING: u32 = 3;

#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) auth: Auth,
    pub(crate) state: Arc<OrgState>,
    pub(crate) http: Http,
    /// `v66.0`.
    version: Arc<str>,
    /// Calls on the wire.
    permits: Semaphore,
    unfitting: AtomicU32,
}

/// Why a call has no answer for its rows.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Refused(Cause),
    Again(Cause),
    Parked(Cause),
    Later(Cause),
    /// As Later, and never the call's own fault.
    Barred(Cause),
    /// As Barred: the calls of the day are spent.
    Spent(Cause),
    Unknown {
        cause: Cause,
        ended: Instant,
        doubt: Doubt,
    },
    Fatal(Cause),
}

impl Calls {
    pub(crate) fn new(auth: Auth, state: Arc<OrgState>, http: Http, config: &config::Salesforce) -> Self {
        Self {
            auth,
            state,
            http,
            version: format!("v{}", config.api_version.trim_start_matches('v')).into(),
            permits: Semaphore::new(config.max_concurrent_requests.max(1)),
            unfitting: AtomicU32::new(0),
        }
    }

    /// How long a query may be, encoded, so that it and the session's token are no more than the org takes.
    pub(crate) fn longest_query(&self) -> usize {
        beside_token(self.auth.token_len())
    }

    /// `fit` reads the body of an answer that was taken; its error says how the answer does not fit.
    pub(crate) async fn make<T>(
        &self,
        request: &ApiRequest,
        fit: impl FnOnce(&[u8]) -> Result<T, Cause>,
    ) -> Result<T, Failure> {
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

    async fn send(&self, request: &ApiRequest) -> Result<(Answer, Arc<Session>), Failure> {
        let session = match self.auth.session().await {
            Ok(session) => session,
            Err(NoSession::Refused(cause)) => {
                self.state.report(&Report::Expired(&cause));
                return Err(Failure::Barred(cause));
            }
            Err(NoSession::Later(cause)) => return Err(self.later(cause)),
        };
        let url = request.endpoint.on(&session.instance, &self.version);
        let url = url.map_err(|cause| self.unfitting(request.purpose, cause))?;
        let sent = {
            // The semaphore is never closed.
            let _permit = self.permits.acquire().await;
            self.http.send(request, url, Some(&session.token)).await
        };
        match sent {
            Sent::Answered(answer) => {
                if let Some(usage) = answer.usage {
                    self.state.used(usage);
                }
                if answer.status != reqwest::StatusCode::UNAUTHORIZED {
                    session.works();
                }
                Ok((answer, session))
            }
            Sent::Not { cause, lapsed: false } => Err(self.later(cause)),
            Sent::Not { cause, lapsed: true } => {
                // It was the org's probe, perhaps, and has said nothing of it.
                self.state.report(&Report::Silent);
                Err(Failure::Barred(cause))
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
    ) -> Result<T, Failure> {
        let errors = (answer.status != reqwest::StatusCode::OK).then(|| Errors::of_call(&answer.body)).flatten();
        let cause = match &answer.location {
            Some(location) => redirected(answer.status, location),
            None => classify::cause(answer.status, errors.as_ref()),
        };
        let doubt = classify::doubt(&cause);
        let failure = match classify::of_call(request.purpose, answer.status, errors.as_ref(), answer.facts()) {
            CallVerdict::Taken if answer.cut => {
                self.well();
                return Err(too_long(request, Cause { message: TOO_LONG.to_owned(), ..cause }));
            }
            CallVerdict::Taken => match answer.unfit.clone().map_or_else(|| fit(&answer.body), Err) {
                Ok(fitted) => {
                    self.well();
                    return Ok(fitted);
                }
                Err(unfit) => {
                    let unfit = Cause { http_status: cause.http_status, ..unfit };
                    return Err(self.unfitting(request.purpose, unfit));
                }
            },
            CallVerdict::Unfitting => return Err(self.unfitting(request.purpose, cause)),
            // The org's own word that it does not know.
            CallVerdict::Unknown if errors.is_some() => {
                self.state.report(&Report::Unsure);
                return Err(self.in_doubt(request.purpose, cause, doubt));
            }
            CallVerdict::Unknown => return Err(self.unknown(request.purpose, cause, doubt)),
            CallVerdict::Later => return Err(self.later(cause)),
            CallVerdict::Quota => {
                self.state.report(&Report::Quota(&cause));
                return Err(Failure::Spent(cause));
            }
            CallVerdict::Expired => {
                self.state.report(&Report::Expired(&cause));
                return Err(Failure::Barred(cause));
            }
            CallVerdict::Refused => Failure::Refused(cause),
            // Who asks for a description has no row to back off: it waits as for the org.
            CallVerdict::Again | CallVerdict::Parked if request.purpose == Purpose::Describe => {
                return Err(self.later(cause));
            }
            CallVerdict::Again => Failure::Again(cause),
            CallVerdict::Parked => Failure::Parked(cause),
        };
        // The org's own word, whatever it says.
        self.well();
        Err(failure)
    }

    fn well(&self) {
        self.unfitting.store(0, Ordering::Relaxed);
        self.state.report(&Report::Well);
    }

    fn later(&self, cause: Cause) -> Failure {
        self.state.report(&Report::Later(&cause));
        Failure::Later(cause)
    }

    /// What only reads cannot have been applied.
    fn unknown(&self, purpose: Purpose, cause: Cause, doubt: Doubt) -> Failure {
        self.state.report(&Report::Unanswered(&cause));
        self.in_doubt(purpose, cause, doubt)
    }

    fn in_doubt(&self, purpose: Purpose, cause: Cause, doubt: Doubt) -> Failure {
        if purpose == Purpose::Write { in_doubt(cause, doubt) } else { self.later(cause) }
    }

    fn unfitting(&self, purpose: Purpose, cause: Cause) -> Failure {
        if self.unfitting.fetch_add(1, Ordering::Relaxed) + 1 < MAX_UNFITTING {
            tracing::warn!(event = "answer_mismatch", %cause, "the org's answer does not fit its request");
            self.state.report(&Report::Silent);
            return self.in_doubt(purpose, cause, Doubt::Lost);
        }
        tracing::error!(event = "answer_mismatch_repeated", %cause, "the org's answers do not fit their requests");
        self.state.report(&Report::Silent);
        Failure::Fatal(cause)
    }
}

/// Of the 16,384 bytes that address and headers may have together, what a query may have beside a token of this length.
fn beside_token(length: usize) -> usize {
    const BOTH: usize = 15_000;
    const LONGEST: usize = 12_000;
    const SHORTEST: usize = 2_000;
    BOTH.saturating_sub(length).clamp(SHORTEST, LONGEST)
}

const TOO_LONG: &str = "the org's answer is longer than is read: in smaller calls it is shorter";

fn in_doubt(cause: Cause, doubt: Doubt) -> Failure {
    Failure::Unknown { cause, ended: Instant::now(), doubt }
}

/// A call that was taken, and whose answer is cut. Fewer rows have a shorter one; a description of one SObject has not.
fn too_long(request: &ApiRequest, cause: Cause) -> Failure {
    if request.purpose == Purpose::Write { in_doubt(cause, Doubt::TooLong) } else { Failure::Refused(cause) }
}

impl Failure {
    /// The verdict of every row of the call.
    pub(crate) fn verdict(self, named: Named) -> Verdict {
        match self {
            Self::Refused(cause) => Verdict::Refused { cause, named },
            Self::Again(cause) => Verdict::Again(cause),
            Self::Parked(cause) => Verdict::Parked(cause),
            Self::Later(cause) => Verdict::Later(cause),
            Self::Barred(cause) => Verdict::Barred(cause),
            Self::Spent(cause) => Verdict::Spent(cause),
            Self::Unknown { cause, ended, doubt } => Verdict::Unknown { cause, ended, doubt },
            Self::Fatal(cause) => Verdict::Fatal(cause),
        }
    }

    /// Any other call would have met it as well.
    pub(crate) fn is_everybodys(&self) -> bool {
        matches!(self, Self::Later(_) | Self::Barred(_) | Self::Spent(_) | Self::Fatal(_))
    }

    pub(crate) fn cause(&self) -> &Cause {
        match self {
            Self::Refused(cause)
            | Self::Again(cause)
            | Self::Parked(cause)
            | Self::Later(cause)
            | Self::Barred(cause)
            | Self::Spent(cause)
            | Self::Unknown { cause, .. }
            | Self::Fatal(cause) => cause,
        }
    }
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
