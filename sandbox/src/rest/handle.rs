//! One call from its receipt to its delivery: session, allocation, faults, and then the work itself.
//!
//! Hazard: this runs in a task of its own, so that a call that was read is applied also when its caller has gone, as in
//! a real org. Only the wait of a hanging answer belongs to the connection.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    Delivery, composite,
    lock_rows::lock_rows,
    refusals::{disabled, no_session, over_quota},
    scripted,
    work::Work,
};
use crate::{
    faults::{Facts, Plan},
    login::{identity, user_info},
    org::Org,
    protocol::{Answer, Call, Kind, Refusal, Request},
    settings::ApiAccess,
};

/// Carries out one request of a client.
pub(crate) async fn handle(org: Arc<Org>, request: Arc<Request>) -> Delivery {
    let received = Instant::now();
    let api = org.settings().api;
    let parsed = Call::parse(&request.method, &request.uri, &(api.oldest_version..=api.newest_version));
    match &parsed {
        Ok(call) => org.counters.call(call.kind(), matches!(call, Call::Row { .. })),
        Err(_) => org.counters.call(Kind::Other, false),
    }
    match parsed {
        Ok(Call::Identity) => Delivery::Send(identity(&org, &request)),
        Ok(Call::UserInfo) => Delivery::Send(user_info(&org, &request)),
        Ok(Call::Revoke) => {
            for (_, token) in form_urlencoded::parse(&request.body).filter(|(name, _)| name == "token") {
                org.sessions().revoke(&token);
            }
            Delivery::Send(Answer::empty(200))
        }
        Err(Refusal::Unversioned(error)) => Delivery::Send(error.into()),
        // Neither has a session, and neither is counted.
        Ok(call @ (Call::Login | Call::Versions)) => carry_out(org, call, request, received).await,
        Ok(_) | Err(Refusal::Versioned(_)) => {
            if let Err(answer) = admit(&org, &request, api.access) {
                return Delivery::Send(answer);
            }
            match parsed {
                Ok(call) => carry_out(org, call, request, received).await,
                Err(Refusal::Versioned(error) | Refusal::Unversioned(error)) => {
                    Delivery::Send(Answer::from(error).with_usage(org.usage()))
                }
            }
        }
    }
}

/// Checks the session and the user's access, and takes one call of the daily allocation; or says how the call is
/// refused.
fn admit(org: &Org, request: &Request, access: ApiAccess) -> Result<(), Answer> {
    let session = org.sessions().check(request.header("authorization"));
    if let Err(error) = session {
        org.counters.unauthorized();
        return Err(no_session(error).into());
    }
    if let Some(error) = disabled(access) {
        return Err(error.into());
    }
    if org.spend() { Ok(()) } else { Err(over_quota(org)) }
}

async fn carry_out(org: Arc<Org>, call: Call, request: Arc<Request>, received: Instant) -> Delivery {
    let Plan { delay, mut forced, answer } = plan(&org, &call, &request);
    if let (Call::Composite { version }, None) = (&call, &answer) {
        let least = Duration::from_millis(org.settings().api.latency_ms);
        return composite::carry_out(&org, *version, &request, delay + least).await;
    }
    // Held until the answer is ready.
    let mut held = org.locks.none();
    lock_rows(&org, &mut held, &call, &request, &mut forced).await;
    let work = Work { org, call, request, forced };
    let delay = delay + work.latency();
    if !delay.is_zero() {
        sleep(delay).await;
    }
    match answer {
        Some(action) => scripted::answer(work, action, received),
        None => Delivery::Send(work.apply()),
    }
}

fn plan(org: &Org, call: &Call, request: &Request) -> Plan {
    if org.faults.is_empty() {
        return Plan::default();
    }
    let facts = Facts::of(call, request, &org.schema(), &org.store());
    org.faults.plan(&facts)
}
