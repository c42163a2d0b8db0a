//! The first half of a lane: one record after the other, up to the gate. Here the order of the partition becomes the
//! order of the calls.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError},
};

use futures::FutureExt as _;

use super::{
    breaker::Ruling,
    budget::Seat,
    dead_letter::DeadLetters,
    gate::Entering,
    lane::{Lane, LaneError},
    org::Org,
    settle::Account,
};
use crate::{
    record::{Command, Identity, Operation, Reason, Record, Rejection, Schema},
    route::{Refusal, Refused},
};

/// A record that has its seat, and its place at the gate if it needs one.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) record: Record,
    pub(super) seat: Seat,
    pub(super) account: Account,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    Send(Command, Option<Entering>),
    Reject { rejection: Rejection, operation: Option<Operation>, target: Option<Identity> },
}

impl<O: Org, D: DeadLetters> Lane<O, D> {
    pub(super) async fn take_in<E>(self: Arc<Self>, record: Result<Record, E>) -> Result<Prepared, LaneError<E>> {
        let record = record.map_err(LaneError::Source)?;
        let account = Account::open(&self.metrics);
        let mut made = 0;
        let work = self.settled_work(&record, &mut made).await?;
        // What the record says is known by now, and what that takes: a lane holds this one record beyond the budget.
        let budget = self.breaker.as_ref().map_or(&self.shared.budget, |breaker| &breaker.budget);
        let fields = work.as_ref().map_or(0, |command| command.fields.charge());
        let seat = budget.seat(record.charge() + made + fields).await;
        let work = match work {
            Ok(command) => {
                let key = command.target.as_ref().map(|target| target.gate_key(&command.sobject.name));
                Work::Send(command, key.map(|key| self.shared.gate.enter(key, seat.load())))
            }
            Err(reject) => reject,
        };
        Ok(Prepared { record, seat, account, work })
    }

    /// As [`Self::work`]; but while the route's breaker keeps the record from being rejected, that is worked out again
    /// and again: the registry or the org may be mended. Nothing behind it is read.
    async fn settled_work<E>(&self, record: &Record, made: &mut usize) -> Result<Result<Command, Work>, LaneError<E>> {
        let mut attempts = 0;
        loop {
            let work = match record.excess.bound {
                None => self.work(record, made).await?,
                Some(bound) => Err(self.too_large(record, bound)),
            };
            let (Some(breaker), Err(Work::Reject { rejection, .. })) = (&self.breaker, &work) else { return Ok(work) };
            match breaker.refused(rejection, attempts > 0).await {
                Ruling::Settled => return Ok(work),
                Ruling::Closes => {
                    self.shared.batcher.sweep();
                    return Ok(work);
                }
                Ruling::Waits => breaker.pause(attempts).await,
            }
            attempts += 1;
        }
    }

    fn too_large(&self, record: &Record, bound: usize) -> Work {
        let bytes = record.whole_bytes();
        let message = format!("the record has {bytes} bytes, and pipeline.max_record_bytes is {bound}");
        let operation = self.route.intent(record).ok().map(|intent| intent.operation);
        Work::Reject { rejection: Rejection::put(Reason::TooLarge, message), operation, target: None }
    }

    /// What the record asks for, or why that cannot be.
    async fn work<E>(&self, record: &Record, made: &mut usize) -> Result<Result<Command, Work>, LaneError<E>> {
        let refused = |rejection, operation, target| Ok(Err(Work::Reject { rejection, operation, target }));
        let intent = match self.route.intent(record) {
            Ok(intent) => intent,
            Err(Refused { refusal, operation, target }) => return refused(unknown(refusal), operation, target),
        };
        // A defect in a converter, ours or a library's, costs the record that shows it and not the daemon, again and
        // again.
        let message = AssertUnwindSafe(self.route.converters.message(record, self.route.wanted(intent))).catch_unwind();
        let message = match message.await.unwrap_or_else(|_| Err(defect("converter"))) {
            Ok(message) => message,
            Err(rejection) => return refused(rejection, Some(intent.operation), None),
        };
        *made = message.made;
        let mut missing = None;
        loop {
            let schema = self.schema(missing.as_ref()).await?;
            let command = || self.route.command(record, &message, intent, &schema);
            let Refused { refusal, operation, target } = match catch_unwind(AssertUnwindSafe(command)) {
                Ok(Ok(command)) => return Ok(Ok(command)),
                Ok(Err(refused)) => refused,
                Err(_) => return refused(defect("route"), Some(intent.operation), None),
            };
            match Missing::of(&refusal) {
                // It has been looked for, and is still not there.
                Some(again) if missing.as_ref() != Some(&again) => missing = Some(again),
                _ => return refused(unknown(refusal), operation, target),
            }
        }
    }

    /// What is known of the org. A field that a description lacks is looked for in a newer one; a parent's description
    /// is asked for when it is first needed.
    async fn schema<E>(&self, missing: Option<&Missing>) -> Result<Arc<Schema>, LaneError<E>> {
        let known = || self.schema.lock().unwrap_or_else(PoisonError::into_inner);
        let schema = known().clone();
        if let (Some(schema), None) = (&schema, missing) {
            return Ok(schema.clone());
        }
        let org = &self.shared.org;
        let own = &self.route.sobject;
        if let (Some(schema), Some(missing)) = (&schema, missing)
            && !missing.sobject.eq_ignore_ascii_case(own)
            && !missing.sobject.eq_ignore_ascii_case(&schema.sobject.name)
        {
            // An org that does not describe a parent does not know it, for this user: its children are rejected.
            let Ok(parent) = org.describe(&missing.sobject, missing.field.as_deref()).await else {
                return Ok(schema.clone());
            };
            let mut schema = Schema::clone(schema);
            schema.parents.retain(|known| known.name != parent.name);
            schema.parents.push(parent);
            return Ok(known().insert(Arc::new(schema)).clone());
        }
        let describe = |cause| LaneError::Describe { sobject: own.clone(), cause };
        let missing = missing.and_then(|missing| missing.field.as_deref());
        let sobject = org.describe(own, missing).await.map_err(describe)?;
        let key_field = self.route.external_id_field.as_deref().map(|name| sobject.key_field(name)).transpose();
        let key_field = key_field.map_err(describe)?.map(Arc::new);
        let parents = schema.map_or_else(Vec::new, |schema| schema.parents.clone());
        Ok(known().insert(Arc::new(Schema { sobject, key_field, parents })).clone())
    }
}

/// What a description lacks: a whole one, or a field in it.
#[derive(Debug, PartialEq, Eq)]
struct Missing {
    sobject: String,
    field: Option<String>,
}

impl Missing {
    fn of(refusal: &Refusal) -> Option<Self> {
        match refusal {
            Refusal::Rejected(_) => None,
            Refusal::UnknownField { sobject, field } => {
                Some(Self { sobject: sobject.to_string(), field: Some(field.clone()) })
            }
            Refusal::Undescribed(sobject) => Some(Self { sobject: sobject.clone(), field: None }),
        }
    }
}

/// The panic has said the rest on stderr.
fn defect(part: &str) -> Rejection {
    Rejection::put(Reason::InvalidValue, format!("the {part} has failed at this record, which is a defect of sobjectd"))
}

/// What a refusal is once nothing more can be learnt.
fn unknown(refusal: Refusal) -> Rejection {
    match refusal {
        Refusal::Rejected(rejection) => rejection,
        Refusal::UnknownField { sobject, field } => {
            Rejection::put(Reason::InvalidField, format!("{sobject} has no field {field}"))
        }
        Refusal::Undescribed(sobject) => {
            Rejection::put(Reason::InvalidField, format!("the org does not describe {sobject} to this user"))
        }
    }
}
