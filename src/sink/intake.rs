//! The first half of a lane: one record after the other, up to the gate. Here the order of the partition becomes the
//! order of the calls.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures::FutureExt as _;

use super::{
    breaker::Ruling,
    budget::Seat,
    dead_letters::DeadLetters,
    gate::Entering,
    lane::{Lane, LaneError},
    org::Org,
    settle::Account,
};
use crate::{
    record::{ApiName, Command, Identity, Operation, Reason, Record, Refresh, Rejection, Schema},
    sink::route::{Refusal, Refused},
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
        let budget = self.breaker.as_ref().map_or(&self.pipeline.budget, |breaker| &breaker.budget);
        let fields = work.as_ref().map_or(0, |command| command.fields.charge());
        let seat = budget.seat(record.charge() + made + fields).await;
        let work = match work {
            Ok(command) => {
                let key = command.target.as_ref().map(|target| target.gate_key(&command.sobject.name));
                Work::Send(command, key.map(|key| self.pipeline.gate.enter(key, seat.load())))
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
                    self.pipeline.batcher.sweep();
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
        // A defect in a converter, ours or a library's, costs the record that shows it and not the daemon, again and
        // again.
        let (intent, message) = match AssertUnwindSafe(self.route.read(record)).catch_unwind().await {
            Ok(Ok(read)) => read,
            Ok(Err(Refused { refusal, operation, target })) => {
                return refused(refusal.into_rejection(), operation, target);
            }
            Err(_) => {
                let operation = self.route.intent(record).ok().map(|intent| intent.operation);
                return refused(defect("converter"), operation, None);
            }
        };
        *made = message.made;
        let mut doubted = None;
        loop {
            let schema = self.schema(doubted.as_ref()).await?;
            let command = || self.route.command(record, &message, intent, &schema);
            let Refused { refusal, operation, target } = match catch_unwind(AssertUnwindSafe(command)) {
                Ok(Ok(command)) => return Ok(Ok(command)),
                Ok(Err(refused)) => refused,
                Err(_) => return refused(defect("route"), Some(intent.operation), None),
            };
            match Doubted::of(&refusal) {
                // It has been looked at again, and says the same.
                Some(again) if doubted.as_ref() != Some(&again) => doubted = Some(again),
                _ => return refused(refusal.into_rejection(), operation, target),
            }
        }
    }

    /// What is known of the org. A description that is in doubt is asked for again if it is old enough; a parent's is
    /// asked for when it is first needed.
    async fn schema<E>(&self, doubted: Option<&Doubted>) -> Result<Arc<Schema>, LaneError<E>> {
        let org = &self.pipeline.org;
        let descriptions = org.descriptions();
        let known = self.schema.lock().clone();
        if let (Some((schema, as_of)), None) = (&known, doubted)
            && *as_of == descriptions
        {
            return Ok(schema.clone());
        }
        let known = known.map(|(schema, _)| schema);
        let own = &self.route.sobject;
        let refresh = |names: &[&str]| {
            let about = |doubted: &&Doubted| names.iter().any(|name| doubted.sobject == **name);
            doubted.filter(about).map_or(Refresh::IfUnknown, Doubted::refresh)
        };
        let described = known.as_ref().map_or(own.as_str(), |schema| &schema.sobject.name);
        let failed = |cause| LaneError::Describe { sobject: own.clone(), cause };
        let sobject = org.describe(own, refresh(&[own.as_str(), described])).await.map_err(failed)?;
        let key_field = self.route.external_id_field.as_deref().map(|name| sobject.key_field(name)).transpose();
        let schema = match (key_field, &known) {
            (Ok(key_field), _) => {
                let parents = known.as_ref().map_or_else(Vec::new, |schema| schema.parents.clone());
                Schema { sobject, key_field: key_field.map(Arc::new), parents }
            }
            // Without its key field nothing can be named: what was known before holds, and the org has the last word.
            (Err(_), Some(known)) => Schema::clone(known),
            (Err(cause), None) => return Err(failed(cause)),
        };
        let schema = Arc::new(self.with_parents(schema, doubted, &refresh).await);
        *self.schema.lock() = Some((schema.clone(), descriptions));
        Ok(schema)
    }

    /// The parents that have come up, and the one that is needed now, as they are described. An org that does not
    /// describe a parent does not know it, for this user: its children are rejected.
    async fn with_parents<'d>(
        &self,
        mut schema: Schema,
        doubted: Option<&'d Doubted>,
        refresh: &impl Fn(&[&str]) -> Refresh<'d>,
    ) -> Schema {
        for parent in &mut schema.parents {
            if let Ok(newer) = self.pipeline.org.describe(&parent.name, refresh(&[&parent.name])).await {
                *parent = newer;
            }
        }
        if let Some(Doubted { sobject, .. }) = doubted.filter(|doubted| schema.parent(&doubted.sobject).is_none())
            && *sobject != self.route.sobject
            && let Ok(parent) = self.pipeline.org.describe(sobject, Refresh::IfUnknown).await
        {
            schema.parents.push(parent);
        }
        schema
    }
}

/// What a refusal leaves in doubt: the description of an SObject, if there is one, and a field that it lacks.
#[derive(Debug, PartialEq, Eq)]
struct Doubted {
    sobject: ApiName,
    lacks: Option<String>,
}

impl Doubted {
    fn of(refusal: &Refusal) -> Option<Self> {
        match refusal {
            Refusal::Rejected(_) => None,
            Refusal::Key { sobject, .. } => Some(Self { sobject: sobject.clone(), lacks: None }),
            Refusal::Fields(wrong) => {
                let worst = wrong.iter().find(|wrong| wrong.is_unknown).or(wrong.first())?;
                let lacks = worst.is_unknown.then(|| worst.field.clone());
                Some(Self { sobject: worst.sobject.clone(), lacks })
            }
            Refusal::Undescribed(sobject) => Some(Self { sobject: sobject.clone(), lacks: None }),
        }
    }

    fn refresh(&self) -> Refresh<'_> {
        self.lacks.as_deref().map_or(Refresh::IfOld, Refresh::IfLacking)
    }
}

/// The panic has said the rest on stderr.
fn defect(part: &str) -> Rejection {
    Rejection::put(Reason::InvalidValue, format!("the {part} has failed at this record, which is a defect of sobjectd"))
}
