//! A composite call: its parts one after the other, each a transaction of its own. A fault strikes one part as it would
//! strike a call.
//!
//! The whole is one call of the daily allocation, and answers 200 whatever its parts have come to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use serde_json::{Value, value::RawValue};
use tokio::time::sleep;

use super::{
    Delivery,
    execute::{self, json_body},
    lock_rows::lock_rows,
    status_answer::status_answer,
};
use crate::{
    faults::{Action, Facts, Plan, When},
    org::{HeldLocks, Org},
    protocol::{Answer, ApiError, Call, CompositeBody, Refusal, Request, Subrequest},
};

/// A composite call that was read, with what faults do to its parts.
struct Composite<'o> {
    org: &'o Org,
    whole: &'o Request,
    body: CompositeBody,
    plans: Vec<Plan>,
}

/// One element of the answer; keys in the recorded order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartResult {
    body: Box<RawValue>,
    http_headers: BTreeMap<&'static str, String>,
    http_status_code: u16,
    reference_id: String,
}

/// Carries out a composite call that was admitted. `delay`: the least time that it takes.
pub(super) async fn carry_out(org: &Arc<Org>, version: u32, whole: &Request, delay: Duration) -> Delivery {
    let mut composite = match Composite::read(org, version, whole) {
        Ok(composite) => composite,
        Err(error) => return Delivery::Send(Answer::from(error).with_usage(org.usage())),
    };
    // Held until the answer is ready.
    let mut held = org.locks.none();
    composite.lock_rows(&mut held).await;
    let delay = delay + composite.delay();
    if !delay.is_zero() {
        sleep(delay).await;
    }
    composite.deliver()
}

/// Applies a composite call whose answer a fault decides, and returns its own answer.
pub(super) fn apply(org: &Org, version: u32, whole: &Request) -> Answer {
    match Composite::read(org, version, whole).map(|composite| composite.deliver()) {
        Ok(Delivery::Send(answer) | Delivery::Half(answer)) => answer,
        Ok(_) => Answer::empty(200),
        Err(error) => error.into(),
    }
}

impl<'o> Composite<'o> {
    fn read(org: &'o Org, version: u32, whole: &'o Request) -> Result<Self, ApiError> {
        let body = CompositeBody::read(json_body(whole)?, version)?;
        let plan = |part: &Subrequest| match part.request(whole).and_then(|request| parse(org, request)) {
            Ok((call, request)) if !org.faults.is_empty() => {
                org.faults.plan(&Facts::of(&call, &request, &org.schema(), &org.store()).of_part())
            }
            _ => Plan::default(),
        };
        let plans = body.subrequests.iter().map(plan).collect();
        org.counters.parts(body.subrequests.len());
        Ok(Self { org, whole, body, plans })
    }

    /// The parts that can be read, references aside.
    fn calls(&self) -> impl Iterator<Item = (usize, Call, Request)> {
        let parts = self.body.subrequests.iter().enumerate();
        parts.filter_map(|(place, part)| {
            let (call, request) = part.request(self.whole).and_then(|request| parse(self.org, request)).ok()?;
            Some((place, call, request))
        })
    }

    async fn lock_rows(&mut self, held: &mut HeldLocks) {
        let calls: Vec<_> = self.calls().collect();
        for (place, call, request) in calls {
            lock_rows(self.org, held, &call, &request, &mut self.plans[place].forced).await;
        }
    }

    fn delay(&self) -> Duration {
        let of_row = self.org.settings().api.latency_ms_per_row;
        let rows: usize = self.calls().map(|(_, call, request)| call.rows(&request.body)).sum();
        self.plans.iter().map(|plan| plan.delay).sum::<Duration>() + Duration::from_millis(of_row * rows as u64)
    }

    fn deliver(&self) -> Delivery {
        let mut answers: Vec<Option<Answer>> = self.body.subrequests.iter().map(|_| None).collect();
        let mut bodies = HashMap::new();
        let mut is_cut = false;
        for place in self.body.order() {
            let apply = || self.apply(place, &bodies);
            let answer = match &self.plans[place].answer {
                Some(Action::Status { status, error, body, content_type, headers, apply: is_applied, .. }) => {
                    if *is_applied {
                        apply();
                    }
                    status_answer(*status, error.clone(), body.clone(), content_type.as_deref(), headers)
                }
                Some(Action::Garbage { body, apply: is_applied }) => {
                    if *is_applied {
                        apply();
                    }
                    Answer::text(200, "application/json", body.clone())
                }
                Some(Action::Cut { when: When::Before }) => return Delivery::Cut,
                Some(Action::Cut { when: When::After }) => {
                    apply();
                    return Delivery::Cut;
                }
                Some(Action::Hang { apply: is_applied }) => {
                    if *is_applied {
                        apply();
                    }
                    return Delivery::Hang(None);
                }
                answer => {
                    is_cut |= matches!(answer, Some(Action::Cut { when: When::MidAnswer }));
                    apply()
                }
            };
            if let Ok(body) = serde_json::from_slice::<Value>(&answer.body) {
                bodies.insert(self.body.subrequests[place].reference_id.clone(), body);
            }
            answers[place] = Some(answer);
        }
        let answers = answers.into_iter().flatten().zip(&self.body.subrequests);
        let results: Vec<_> = answers.map(|(answer, part)| PartResult::new(&answer, part)).collect();
        let answer = Answer::json(200, &BTreeMap::from([("compositeResponse", results)]));
        let answer = answer.with_usage(self.org.usage());
        if is_cut { Delivery::Half(answer) } else { Delivery::Send(answer) }
    }

    fn apply(&self, place: usize, bodies: &HashMap<String, Value>) -> Answer {
        let made = self.body.subrequests[place].resolved(self.whole, bodies);
        let made = made.and_then(|request| parse(self.org, request));
        let forced = &self.plans[place].forced;
        made.and_then(|(call, request)| execute::execute(self.org, &call, &request, forced)).unwrap_or_else(Into::into)
    }
}

/// The call that a subrequest is. Which error one has that cannot be part of a composite was not found.
fn parse(org: &Org, request: Request) -> Result<(Call, Request), ApiError> {
    let api = org.settings().api;
    match Call::parse(&request.method, &request.uri, &(api.oldest_version..=api.newest_version)) {
        Ok(call) if call.is_part() => Ok((call, request)),
        Ok(_) => Err(ApiError::not_found()),
        Err(Refusal::Versioned(error) | Refusal::Unversioned(error)) => Err(error),
    }
}

impl PartResult {
    fn new(answer: &Answer, part: &Subrequest) -> Self {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let quoted = serde_json::to_string(&text).unwrap_or_default();
        let text = if text.is_empty() { "null".to_owned() } else { text };
        let body = RawValue::from_string(text).or_else(|_| RawValue::from_string(quoted)).unwrap_or_default();
        let http_headers = answer.location.iter().map(|location| ("Location", location.clone())).collect();
        Self { body, http_headers, http_status_code: answer.status, reference_id: part.reference_id.clone() }
    }
}
