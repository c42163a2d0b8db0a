//! One call from its receipt to its outcome: session, allocation, faults, and then the work itself.
//!
//! Hazard: this runs in a task of its own, so that a call that was read is applied also when its caller has gone, as in
//! a real org. Only the wait of a hanging answer belongs to the connection.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use super::{Inner, execute, locks::Locked};
use crate::{
    faults::{Action, Answered, Facts, Plan, When},
    http::{Answer, ApiError, Call, Kind, Refusal, Request},
    login::{OauthError, identity, login, user_info},
    rows::Forced,
};

/// How a call ends on the wire.
#[derive(Debug)]
pub(crate) enum Outcome {
    Send(Answer),
    /// Half of the body, then the connection fails.
    Half(Answer),
    Trickle(Answer, Duration),
    Cut,
    /// Nothing until the script is cleared; then this answer, or a cut.
    Hang(Option<Answer>),
}

pub(crate) async fn answer(org: Arc<Inner>, request: Arc<Request>) -> Outcome {
    let received = Instant::now();
    let parsed = Call::parse(&request.method, &request.uri);
    match &parsed {
        Ok(call) => org.counters.call(call.kind(), matches!(call, Call::Row { .. })),
        Err(_) => org.counters.call(Kind::Other, false),
    }
    match parsed {
        Ok(Call::Versions) => Outcome::Send(execute::versions()),
        Ok(Call::Identity) => Outcome::Send(identity(&org, &request)),
        Ok(Call::UserInfo) => Outcome::Send(user_info(&org, &request)),
        Ok(Call::Revoke) => {
            for (_, token) in form_urlencoded::parse(&request.body).filter(|(name, _)| name == "token") {
                org.sessions().revoke(&token);
            }
            Outcome::Send(Answer::empty(200))
        }
        Err(Refusal::Unversioned(error)) => Outcome::Send(error.into()),
        Ok(Call::Login) => {
            let plan = plan(&org, &Call::Login, &request);
            carry_out(org, Call::Login, request, plan, received).await
        }
        Ok(_) | Err(Refusal::Versioned(_)) => {
            let session = org.sessions().check(request.header("authorization"));
            if let Err(denied) = session {
                org.counters.unauthorized();
                return Outcome::Send(denied.0.into());
            }
            if !org.spend() {
                return Outcome::Send(over_quota(&org));
            }
            match parsed {
                Ok(call) => {
                    let plan = plan(&org, &call, &request);
                    carry_out(org, call, request, plan, received).await
                }
                Err(Refusal::Versioned(error) | Refusal::Unversioned(error)) => {
                    Outcome::Send(with_usage(&org, error.into()))
                }
            }
        }
    }
}

fn plan(org: &Inner, call: &Call, request: &Request) -> Plan {
    if org.faults.is_empty() {
        return Plan::default();
    }
    let facts = Facts::of(call, &request.body, &org.schema, &org.store());
    org.faults.plan(&facts)
}

async fn carry_out(org: Arc<Inner>, call: Call, request: Arc<Request>, plan: Plan, received: Instant) -> Outcome {
    let mut forced = plan.forced;
    // Until the answer is ready.
    let _locked = Locked::take(&org, &call, &request, &mut forced);
    let latency = if call.kind() == Kind::Login { 0 } else { org.settings().latency_ms };
    let delay = plan.delay + Duration::from_millis(latency);
    if !delay.is_zero() {
        sleep(delay).await;
    }
    let apply = || work(&org, &call, &request, &forced);
    match plan.answer {
        // These add to a plan and never take its answer.
        None
        | Some(
            Action::Latency { .. }
            | Action::RowError { .. }
            | Action::Lock { .. }
            | Action::Trigger { .. }
            | Action::FewerResults { .. },
        ) => Outcome::Send(apply()),
        Some(Action::Status { status, error, body, content_type, apply: applied }) => {
            if applied {
                apply();
            }
            let answer = scripted(status, error, body, content_type.as_deref());
            Outcome::Send(if call.kind() == Kind::Login || status == 401 { answer } else { with_usage(&org, answer) })
        }
        Some(Action::OauthError { status, error, description }) => {
            Outcome::Send(OauthError { status, error, error_description: description }.into())
        }
        Some(Action::ExpireSessions { heals }) => {
            let mut sessions = org.sessions();
            sessions.expire_all();
            sessions.broken = !heals;
            drop(sessions);
            org.counters.unauthorized();
            Outcome::Send(ApiError::session().into())
        }
        Some(Action::QuotaSpent {}) => {
            org.spend_all();
            Outcome::Send(over_quota(&org))
        }
        Some(Action::Cut { when: When::Before }) => Outcome::Cut,
        Some(Action::Cut { when: When::After }) => {
            apply();
            Outcome::Cut
        }
        Some(Action::Cut { when: When::MidAnswer }) => Outcome::Half(apply()),
        Some(Action::Truncate { bytes }) => {
            let mut answer = apply();
            answer.body.truncate(bytes);
            Outcome::Send(answer)
        }
        Some(Action::Garbage { body, apply: applied }) => {
            let mut answer = if applied { apply() } else { with_usage(&org, Answer::json(200, &())) };
            answer.status = 200;
            answer.body = body.into();
            Outcome::Send(answer)
        }
        Some(Action::Hang { apply: applied }) => Outcome::Hang(applied.then(apply)),
        Some(Action::ApplyLater { ms, answer }) => {
            let (org, call, request) = (Arc::clone(&org), call.clone(), Arc::clone(&request));
            tokio::spawn(async move {
                sleep_until(received + Duration::from_millis(ms)).await;
                work(&org, &call, &request, &forced);
            });
            if answer == Answered::Cut { Outcome::Cut } else { Outcome::Hang(None) }
        }
        Some(Action::Trickle { ms_per_byte }) => Outcome::Trickle(apply(), Duration::from_millis(ms_per_byte)),
    }
}

fn work(org: &Inner, call: &Call, request: &Request, forced: &Forced) -> Answer {
    if matches!(call, Call::Login) {
        return login(org, request).unwrap_or_else(Into::into);
    }
    with_usage(org, execute::execute(org, call, request, forced).unwrap_or_else(Into::into))
}

fn over_quota(org: &Inner) -> Answer {
    org.counters.over_quota();
    // Quoted; the header is believed to be there.
    with_usage(org, ApiError::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.").into())
}

fn with_usage(org: &Inner, mut answer: Answer) -> Answer {
    answer.usage = Some(org.usage());
    answer
}

fn scripted(
    status: u16,
    error: Option<crate::faults::StatusError>,
    body: Option<String>,
    content_type: Option<&str>,
) -> Answer {
    match (error, body) {
        (Some(error), None) => ApiError::new(status, &error.code, error.message).into(),
        (_, Some(body)) => Answer::text(status, content_type.unwrap_or("text/html;charset=UTF-8"), body),
        (None, None) => Answer::empty(status),
    }
}
