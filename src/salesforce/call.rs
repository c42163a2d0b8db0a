//! One call to the data API, under the permit of its attempt: a session, at most one resend with a new session, and
//! what its HTTP answer, or that there is none, shows of the org. That is reported to the [`Limiter`] once a call. What
//! an answer means for the rows is in `part`.
//!
//! A call that fails has one [`Verdict`] for all of its rows. One that waits for the org ([`RetryKind::Org`]) has been
//! reported before, and the limiter is where the wait is made.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::{
    answer,
    classify::Meaning,
    http::{
        client::{Answer, Http, Sent},
        request::{ApiRequest, Endpoint, Purpose},
    },
    org::{limiter::Limiter, org_state::Report},
    part::{self, PartFailure},
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
        let answer = self.exchange(request).await?;
        let part = part::read(request.purpose, &answer, fit);
        self.report(request.purpose, part.as_ref().err())?;
        part.map_err(|failure| failure.into_verdict(request.purpose))
    }

    /// Sends a request, once more with a new session if the org does not take the first one. An error is the verdict of
    /// a call without an answer, which is reported.
    async fn exchange(&self, request: &ApiRequest) -> Result<Answer, Verdict> {
        let (mut answer, mut session) = self.send(request).await?;
        if answer.status == reqwest::StatusCode::UNAUTHORIZED {
            self.auth.invalidate(&session);
            (answer, session) = self.send(request).await?;
        }
        // A redirect says that the org is elsewhere: the next login is told where.
        if answer.status == reqwest::StatusCode::UNAUTHORIZED || answer.status.is_redirection() {
            self.auth.invalidate(&session);
        }
        Ok(answer)
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
        let url = match url {
            Ok(url) => url,
            Err(cause) => {
                let unfit = PartFailure::Mismatch(cause);
                self.report(request.purpose, Some(&unfit))?;
                return Err(unfit.into_verdict(request.purpose));
            }
        };
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
                self.report_doubt(request.purpose, &Report::Unanswered(&cause), &cause);
                Err(part::in_doubt(request.purpose, cause, if timed_out { Doubt::TimedOut } else { Doubt::Lost }))
            }
        }
    }

    /// Reports what an HTTP answer shows of the org, once for each, whatever the number of its parts. `failure`: that of
    /// a part, if one has failed. An error is the verdict of the whole call: the daemon cannot go on.
    fn report(&self, purpose: Purpose, failure: Option<&PartFailure>) -> Result<(), Verdict> {
        match failure {
            Some(PartFailure::Mismatch(cause)) => return self.report_mismatch(purpose, cause),
            // The org's own word that it does not know.
            Some(PartFailure::Failed { meaning: Meaning::Unknown, cause, is_orgs_word: true }) => {
                self.report_doubt(purpose, &Report::ResultUnknown, cause);
            }
            Some(PartFailure::Failed { meaning: Meaning::Unknown, cause, is_orgs_word: false }) => {
                self.report_doubt(purpose, &Report::Unanswered(cause), cause);
            }
            Some(PartFailure::Failed { meaning: Meaning::Retry(RetryKind::Org(trouble)), cause, .. }) => {
                self.limiter.report(&Report::Down(*trouble, cause));
            }
            // Something before the org has refused the call.
            Some(PartFailure::Failed { meaning: Meaning::Retry(RetryKind::Place), is_orgs_word: false, .. }) => {
                self.limiter.report(&Report::Inconclusive);
            }
            // The org's own word, whatever it says.
            Some(PartFailure::Failed { .. } | PartFailure::TooLong(_)) | None => {
                self.mismatches.store(0, Ordering::Relaxed);
                self.limiter.report(&Report::Answered);
            }
        }
        Ok(())
    }

    /// Reports a call whose result is unknown. One that only reads is repeated once the org takes calls.
    fn report_doubt(&self, purpose: Purpose, shown: &Report<'_>, cause: &Cause) {
        self.limiter.report(shown);
        if purpose != Purpose::Write {
            self.limiter.report(&Report::Down(OrgTrouble::Unavailable, cause));
        }
    }

    fn report_mismatch(&self, purpose: Purpose, cause: &Cause) -> Result<(), Verdict> {
        if self.mismatches.fetch_add(1, Ordering::Relaxed) + 1 < MAX_MISMATCHES {
            tracing::warn!(event = "answer_mismatch", %cause, "the org's answer does not fit its request");
            self.report_doubt(purpose, &Report::Inconclusive, cause);
            return Ok(());
        }
        tracing::error!(event = "answer_mismatch_repeated", %cause, "the org's answers do not fit their requests");
        self.limiter.report(&Report::Inconclusive);
        Err(Verdict::Fatal(cause.clone()))
    }

    /// Calls `GET /services/data/vNN`, which needs no more than a session. What it learns is in the state of the org.
    pub(crate) async fn probe(&self) {
        let endpoint = Endpoint::Data { segments: Vec::new(), query: None };
        let request = ApiRequest::get("probe", Purpose::Read, endpoint);
        let any = |body: &[u8]| {
            serde_json::from_slice::<serde::de::IgnoredAny>(body).map_err(|error| answer::unreadable(&error))
        };
        if let Err(verdict) = self.make(&request, any).await {
            tracing::debug!(cause = verdict.cause().map(tracing::field::display), "the org is not well yet");
        }
    }

    /// Reports that the org takes no calls, which is the verdict of the call.
    fn down(&self, trouble: OrgTrouble, cause: Cause) -> Verdict {
        self.limiter.report(&Report::Down(trouble, &cause));
        Verdict::retry(RetryKind::Org(trouble), cause)
    }
}

/// The longest query beside a token of this length: address and headers may have 16,384 bytes together.
fn beside_token(length: usize) -> usize {
    const BOTH: usize = 15_000;
    const LONGEST: usize = 12_000;
    const SHORTEST: usize = 2_000;
    BOTH.saturating_sub(length).clamp(SHORTEST, LONGEST)
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

/// Whether any other call for the same rows, or for others of their place, would have come to the same.
pub(crate) fn is_of_every_call(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Written { .. } | Verdict::Rejected(_) | Verdict::Unknown { .. } => false,
        Verdict::Fatal(_) => true,
        Verdict::Retry { kind, .. } => match kind {
            RetryKind::Place | RetryKind::NoLease | RetryKind::Org(_) => true,
            RetryKind::Backoff
            | RetryKind::Parent
            | RetryKind::Alone
            | RetryKind::DeletedMeanwhile
            | RetryKind::WithoutFields(_)
            | RetryKind::Smaller { .. }
            | RetryKind::Parked
            | RetryKind::Storage
            | RetryKind::NextCall => false,
        },
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
