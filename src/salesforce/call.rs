//! One call to the data API: a session, a permit, at most one resend with a new session, and what its answer means.
//!
//! Whoever waits for the org waits in [`OrgState::turn`]: every [`Failure::Later`], [`Failure::Barred`] and
//! [`Failure::Spent`] has been reported there before, but for one that wants the lease: who makes calls waits for that,
//! too.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::sync::Semaphore;
use url::Url;

use super::{
    answer::Errors,
    classify::{self, CallVerdict, Purpose},
    http::client::{Answer, Content, Http, Request, Sent},
    org::{
        describe,
        org_state::{OrgState, Report},
    },
    session::auth::{Auth, NoSession, Session},
};
use crate::{
    config,
    record::{CallOptions, Cause, Doubt, Named, Verdict},
    runtime::lease::Leave,
};

/// The longest answer that is read, in bytes. Two hundred rows with their errors are far below it.
pub const MAX_ANSWER: usize = 4 * 1024 * 1024;

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
    /// Of a call that writes, and of one that only reads.
    pub(crate) timeouts: (Duration, Duration),
    unfitting: AtomicU32,
}

/// One call, before there is a session to make it with.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The word in metrics and logs.
    pub(crate) kind: &'static str,
    pub(crate) purpose: Purpose,
    pub(crate) rows: usize,
    pub(crate) method: Method,
    pub(crate) place: Place,
    pub(crate) content: Content,
    pub(crate) options: Arc<CallOptions>,
    /// What writes needs it.
    pub(crate) leave: Option<Leave>,
}

#[derive(Debug)]
pub(crate) enum Place {
    /// Below `/services/data/vNN.0`, encoded here; the query is encoded already.
    Data { segments: Vec<Arc<str>>, query: Option<String> },
    /// As the org gave it: an absolute path.
    Path(String),
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
            timeouts: (config.request_timeout, config.query_timeout),
            unfitting: AtomicU32::new(0),
        }
    }

    /// How long a query may be, encoded, so that it and the session's token are no more than the org takes.
    pub(crate) fn longest_query(&self) -> usize {
        beside_token(self.auth.token_len())
    }

    /// `fit` reads the body of an answer that was taken; its error says how the answer does not fit.
    pub(crate) async fn make<T>(&self, ask: &Ask, fit: impl FnOnce(&[u8]) -> Result<T, Cause>) -> Result<T, Failure> {
        let (mut answer, mut session) = self.send(ask).await?;
        if answer.status == reqwest::StatusCode::UNAUTHORIZED {
            self.auth.invalidate(&session);
            (answer, session) = self.send(ask).await?;
        }
        // A redirect says that the org is elsewhere: the next login is told where.
        if answer.status == reqwest::StatusCode::UNAUTHORIZED || answer.status.is_redirection() {
            self.auth.invalidate(&session);
        }
        self.judge(ask, &answer, fit)
    }

    async fn send(&self, ask: &Ask) -> Result<(Answer, Arc<Session>), Failure> {
        let session = match self.auth.session().await {
            Ok(session) => session,
            Err(NoSession::Refused(cause)) => {
                self.state.report(&Report::Expired(&cause));
                return Err(Failure::Barred(cause));
            }
            Err(NoSession::Later(cause)) => return Err(self.later(cause)),
        };
        let request = Request {
            kind: ask.kind,
            rows: ask.rows,
            method: ask.method.clone(),
            url: ask.place.on(&session.instance, &self.version).map_err(|cause| self.unfitting(ask.purpose, cause))?,
            timeout: match ask.purpose {
                Purpose::Write => self.timeouts.0,
                Purpose::Read | Purpose::Describe => self.timeouts.1,
            },
            max_answer: MAX_ANSWER,
            distil: match ask.purpose {
                Purpose::Describe => Some(describe::DISTIL),
                Purpose::Read | Purpose::Write => None,
            },
            content: ask.content.clone(),
            options: ask.options.clone(),
            leave: ask.leave.clone(),
        };
        let sent = {
            // The semaphore is never closed.
            let _permit = self.permits.acquire().await;
            self.http.send(&request, Some(&session.token)).await
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
                Err(self.unknown(ask.purpose, cause, if timed_out { Doubt::TimedOut } else { Doubt::Lost }))
            }
        }
    }

    fn judge<T>(&self, ask: &Ask, answer: &Answer, fit: impl FnOnce(&[u8]) -> Result<T, Cause>) -> Result<T, Failure> {
        let errors = (answer.status != reqwest::StatusCode::OK).then(|| Errors::of_call(&answer.body)).flatten();
        let cause = match &answer.location {
            Some(location) => redirected(answer.status, location),
            None => classify::cause(answer.status, errors.as_ref()),
        };
        let doubt = classify::doubt(&cause);
        let failure = match classify::of_call(ask.purpose, answer.status, errors.as_ref(), answer.facts()) {
            CallVerdict::Taken if answer.cut => {
                self.well();
                return Err(too_long(ask, Cause { message: TOO_LONG.to_owned(), ..cause }));
            }
            CallVerdict::Taken => match answer.unfit.clone().map_or_else(|| fit(&answer.body), Err) {
                Ok(fitted) => {
                    self.well();
                    return Ok(fitted);
                }
                Err(unfit) => {
                    let unfit = Cause { http_status: cause.http_status, ..unfit };
                    return Err(self.unfitting(ask.purpose, unfit));
                }
            },
            CallVerdict::Unfitting => return Err(self.unfitting(ask.purpose, cause)),
            // The org's own word that it does not know.
            CallVerdict::Unknown if errors.is_some() => {
                self.state.report(&Report::Unsure);
                return Err(self.in_doubt(ask.purpose, cause, doubt));
            }
            CallVerdict::Unknown => return Err(self.unknown(ask.purpose, cause, doubt)),
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
            CallVerdict::Again | CallVerdict::Parked if ask.purpose == Purpose::Describe => {
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
    Failure::Unknown { cause, ended: tokio::time::Instant::now().into_std(), doubt }
}

/// A call that was taken, and whose answer is cut. Fewer rows have a shorter one; a description of one SObject has not.
fn too_long(ask: &Ask, cause: Cause) -> Failure {
    if ask.purpose == Purpose::Write { in_doubt(cause, Doubt::TooLong) } else { Failure::Refused(cause) }
}

/// Nothing was taken, and where the org is now is what its operator wants to know.
pub(crate) fn redirected(status: reqwest::StatusCode, location: &str) -> Cause {
    let message =
        format!("the org answered {status} and points to {location}: is salesforce.login_url the current My Domain?");
    Cause { http_status: Some(status.as_u16()), ..Cause::new(message) }
}

impl Place {
    fn on(&self, instance: &Url, version: &str) -> Result<Url, Cause> {
        match self {
            Self::Data { segments, query } => {
                let mut url = instance.clone();
                if let Ok(mut path) = url.path_segments_mut() {
                    path.clear().extend(["services", "data", version]).extend(segments.iter().map(|s| &**s));
                }
                url.set_query(query.as_deref());
                Ok(url)
            }
            // The token goes there, too: a path, and nothing that names a host.
            Self::Path(path) => {
                let url = path.starts_with('/').then(|| instance.join(path).ok()).flatten();
                url.filter(|url| url.origin() == instance.origin())
                    .ok_or_else(|| Cause::new(format!("the org's next page is no path of its own: {path}")))
            }
        }
    }
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
    fn the_token_goes_nowhere_else() {
        let instance: Url = "https://crm.my.salesforce.com".parse().unwrap();
        let on = |path: &str| Place::Path(path.to_owned()).on(&instance, "v66.0").ok().map(String::from);
        let next = "/services/data/v66.0/query/01gxx-2000";
        assert_eq!(on(next), Some(format!("https://crm.my.salesforce.com{next}")));
        for path in ["//evil.com/x", "https://evil.com/x", "/\\evil.com/x", "query/01gxx", ""] {
            assert_eq!(on(path), None, "{path}");
        }
    }

    #[test]
    fn a_query_leaves_room_for_a_long_token() {
        for (token, query) in [(0, 12_000), (112, 12_000), (3_000, 12_000), (5_000, 10_000), (20_000, 2_000)] {
            assert_eq!(beside_token(token), query, "beside a token of {token} bytes");
        }
    }

    #[test]
    fn names_stay_within_their_segment() {
        let instance: Url = "https://crm.my.salesforce.com/".parse().unwrap();
        let place = Place::Data { segments: vec!["sobjects".into(), "a/../b?c#d".into()], query: Some("q=1".into()) };
        let url = place.on(&instance, "v66.0").unwrap();
        assert_eq!(url.as_str(), "https://crm.my.salesforce.com/services/data/v66.0/sobjects/a%2F..%2Fb%3Fc%23d?q=1");
    }
}
