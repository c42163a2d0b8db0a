//! One call from its receipt to its outcome: session, allocation, faults, and then the work itself.
//!
//! Hazard: this runs in a task of its own, so that a call that was read is applied also when its caller has gone, as in
//! a real org. Only the wait of a hanging answer belongs to the connection.

use std::{sync::Arc, time::Duration};

use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Inner, execute, locks::Locked};
use crate::{
    faults::{Action, Answered, Facts, Plan, When},
    http::{Answer, ApiError, Call, Kind, Origin, Refusal, Request, Verb},
    login::{OauthError, identity, login, user_info},
    rows::Forced,
    settings::ApiAccess,
    value::Object,
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
    let settings = org.settings();
    let parsed = Call::parse(&request.method, &request.uri, &(settings.oldest_version..=settings.newest_version));
    match &parsed {
        Ok(call) => org.counters.call(call.kind(), matches!(call, Call::Row { .. })),
        Err(_) => org.counters.call(Kind::Other, false),
    }
    match parsed {
        Ok(Call::Identity) => Outcome::Send(identity(&org, &request)),
        Ok(Call::UserInfo) => Outcome::Send(user_info(&org, &request)),
        Ok(Call::Revoke) => {
            for (_, token) in form_urlencoded::parse(&request.body).filter(|(name, _)| name == "token") {
                org.sessions().revoke(&token);
            }
            Outcome::Send(Answer::empty(200))
        }
        Err(Refusal::Unversioned(error)) => Outcome::Send(error.into()),
        // Neither has a session, and neither is counted.
        Ok(call @ (Call::Login | Call::Versions)) => {
            let plan = plan(&org, &call, &request);
            carry_out(org, call, request, plan, received).await
        }
        Ok(_) | Err(Refusal::Versioned(_)) => {
            let session = org.sessions().check(request.header("authorization"));
            if let Err(denied) = session {
                org.counters.unauthorized();
                return Outcome::Send(denied.0.into());
            }
            if let Some(error) = disabled(settings.api) {
                return Outcome::Send(error.into());
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
    let facts = Facts::of(call, &request.body, &org.schema(), &org.store());
    org.faults.plan(&facts)
}

async fn carry_out(org: Arc<Inner>, call: Call, request: Arc<Request>, plan: Plan, received: Instant) -> Outcome {
    let mut forced = plan.forced;
    // Until the answer is ready.
    let _locked = Locked::take(&org, &call, &request, &mut forced).await;
    let delay = plan.delay + latency(&org, &call, &request);
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
        Some(Action::Status { status, error, body, content_type, headers, from, apply: applied }) => {
            if applied {
                apply();
            }
            let default = if error.is_some() && body.is_none() { Origin::Org } else { Origin::Proxy };
            let mut answer = scripted(status, error, body, content_type.as_deref());
            answer.origin = from.unwrap_or(default);
            answer.more.extend(headers);
            let counts = answer.origin == Origin::Org && !is_free(&call) && status != 401;
            Outcome::Send(if counts { with_usage(&org, answer) } else { answer })
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
    let answer = execute::execute(org, call, request, forced).unwrap_or_else(Into::into);
    if is_free(call) { answer } else { with_usage(org, answer) }
}

/// Not counted, and says nothing of the allocation.
fn is_free(call: &Call) -> bool {
    matches!(call, Call::Login | Call::Versions)
}

/// What a data call takes at least.
fn latency(org: &Inner, call: &Call, request: &Request) -> Duration {
    if is_free(call) {
        return Duration::ZERO;
    }
    let settings = org.settings();
    let of_rows = match settings.latency_ms_per_row {
        0 => 0,
        of_row => of_row * rows(call, &request.body) as u64,
    };
    Duration::from_millis(settings.latency_ms + of_rows)
}

/// How many rows a write has.
fn rows(call: &Call, body: &[u8]) -> usize {
    match call {
        Call::Row { verb: Some(_), .. } => 1,
        Call::Collection { verb: Verb::Delete, query, .. } => {
            query.iter().filter(|(name, _)| name == "ids").map(|(_, ids)| ids.split(',').count()).sum()
        }
        Call::Collection { .. } => {
            let top = std::str::from_utf8(body).ok().and_then(|body| Object::parse(body).ok());
            let records = top.and_then(|top| serde_json::from_str::<Vec<&RawValue>>(top.get("records")?.get()).ok());
            records.map_or(0, |records| records.len())
        }
        _ => 0,
    }
}

/// How a session is answered whose user may not use the API (the codes are listed; the texts from memory).
fn disabled(api: ApiAccess) -> Option<ApiError> {
    match api {
        ApiAccess::Enabled => None,
        ApiAccess::DisabledForUser => {
            Some(ApiError::new(403, "API_CURRENTLY_DISABLED", "API is currently disabled for this user"))
        }
        ApiAccess::DisabledForOrg => {
            let text = "API is not enabled for this Organization or Partner";
            Some(ApiError::new(403, "API_DISABLED_FOR_ORG", text))
        }
    }
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
