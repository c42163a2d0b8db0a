//! Answers that a fault of the script decides.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Delivery, refusals::over_quota, status_answer::status_answer, work::Work};
use crate::{
    faults::{Action, Answered, When},
    login::OauthError,
    protocol::{Answer, ApiError, Origin},
};

/// Delivers the answer that the fault asks for, and applies the call if, and when, the fault says so.
pub(super) fn answer(work: Work, action: Action, received: Instant) -> Delivery {
    match action {
        // These add to a plan and never take its answer.
        Action::Latency { .. }
        | Action::RowError { .. }
        | Action::Lock { .. }
        | Action::Trigger { .. }
        | Action::FewerResults { .. } => Delivery::Send(work.apply()),
        Action::Status { status, error, body, content_type, headers, from, apply } => {
            if apply {
                work.apply();
            }
            let default = if error.is_some() && body.is_none() { Origin::Org } else { Origin::Proxy };
            let mut answer = status_answer(status, error, body, content_type.as_deref(), &headers);
            answer.origin = from.unwrap_or(default);
            let counts = answer.origin == Origin::Org && !work.is_free() && status != 401;
            Delivery::Send(if counts { answer.with_usage(work.org.usage()) } else { answer })
        }
        Action::OauthError { status, error, description } => {
            Delivery::Send(OauthError { status, error, error_description: description }.into())
        }
        Action::ExpireSessions { heals } => {
            let mut sessions = work.org.sessions();
            sessions.expire_all();
            sessions.broken = !heals;
            drop(sessions);
            work.org.counters.unauthorized();
            Delivery::Send(ApiError::session().into())
        }
        Action::QuotaSpent {} => {
            work.org.spend_all();
            Delivery::Send(over_quota(&work.org))
        }
        Action::Cut { when: When::Before } => Delivery::Cut,
        Action::Cut { when: When::After } => {
            work.apply();
            Delivery::Cut
        }
        Action::Cut { when: When::MidAnswer } => Delivery::Half(work.apply()),
        Action::Truncate { bytes } => {
            let mut answer = work.apply();
            answer.body.truncate(bytes);
            Delivery::Send(answer)
        }
        Action::Garbage { body, apply } => {
            let mut answer = if apply { work.apply() } else { Answer::json(200, &()).with_usage(work.org.usage()) };
            answer.status = 200;
            answer.body = body.into();
            Delivery::Send(answer)
        }
        Action::Hang { apply } => Delivery::Hang(apply.then(|| work.apply())),
        Action::ApplyLater { ms, answer } => {
            tokio::spawn(async move {
                sleep_until(received + Duration::from_millis(ms)).await;
                work.apply();
            });
            if answer == Answered::Cut { Delivery::Cut } else { Delivery::Hang(None) }
        }
        Action::Trickle { ms_per_byte } => Delivery::Trickle(work.apply(), Duration::from_millis(ms_per_byte)),
    }
}
