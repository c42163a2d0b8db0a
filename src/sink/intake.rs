//! The first half of a lane: one record after the other, up to the gate. Here the order of the partition becomes the
//! order of the calls.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures::{FutureExt as _, Stream, StreamExt as _, stream};

use super::{
    batcher::Batcher,
    breaker::{Breaker, Ruling},
    budget::{Budget, BudgetPermit},
    gate::{Entering, Gate},
    lane_error::LaneError,
    org::Org,
    settle::InFlightGuard,
};
use crate::{
    format::FetchedSchemas,
    ops::metrics::RouteMetrics,
    record::{ApiName, Command, Identity, Message, Operation, Reason, Record, Refresh, Rejection, Schema},
    sink::route::{Intent, Refusal, Refused, Route, Unread},
};

/// What makes commands of a partition's records.
#[derive(Debug)]
pub(super) struct Intake<O> {
    pub(super) route: Arc<Route>,
    pub(super) org: Arc<O>,
    /// Of the route's breaker, if it has one; else of the pipeline.
    pub(super) budget: Budget,
    pub(super) gate: Gate,
    pub(super) breaker: Option<Arc<Breaker>>,
    pub(super) batcher: Batcher,
    pub(super) metrics: Arc<RouteMetrics>,
    /// What is known of the org, and as of which of its descriptions.
    pub(super) schema: Option<(Arc<Schema>, u64)>,
}

/// A record that has its share of the budget, and its place at the gate if it needs one.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) record: Record,
    pub(super) permit: BudgetPermit,
    pub(super) in_flight: InFlightGuard,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    Send(Command, Option<Entering>),
    Reject { rejection: Rejection, operation: Option<Operation>, target: Option<Identity> },
}

impl<O: Org> Intake<O> {
    /// The records of `source`, each with its share of the budget and its place at the gate. One at a time: the next
    /// record is read when the one before it has both.
    pub(super) fn prepared<E>(
        self,
        source: impl Stream<Item = Result<Record, E>> + Send,
    ) -> impl Stream<Item = Result<Prepared, LaneError<E>>> {
        stream::unfold((Box::pin(source), self), async |(mut source, mut intake)| {
            let record = source.next().await?;
            let prepared = intake.prepare(record).await;
            Some((prepared, (source, intake)))
        })
    }

    async fn prepare<E>(&mut self, record: Result<Record, E>) -> Result<Prepared, LaneError<E>> {
        let record = record.map_err(LaneError::Source)?;
        let in_flight = InFlightGuard::open(&self.metrics);
        let mut made = 0;
        let work = self.settled_work(&record, &mut made).await?;
        // What the record says is known by now, and what that takes: a lane holds this one record beyond the budget.
        let fields = work.as_ref().map_or(0, |command| command.fields.charge());
        let permit = self.budget.acquire(record.charge() + made + fields).await;
        let work = match work {
            Ok(command) => {
                let key = command.target.as_ref().map(|target| target.gate_key(&command.sobject.name));
                Work::Send(command, key.map(|key| self.gate.enter(key, permit.cost())))
            }
            Err(reject) => reject,
        };
        Ok(Prepared { record, permit, in_flight, work })
    }

    /// As [`Self::work`]; but while the route's breaker keeps the record from being rejected, that is worked out again
    /// and again: the registry or the org may be mended. Nothing after it is read.
    async fn settled_work<E>(
        &mut self,
        record: &Record,
        made: &mut usize,
    ) -> Result<Result<Command, Work>, LaneError<E>> {
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
                    self.batcher.sweep();
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
    async fn work<E>(&mut self, record: &Record, made: &mut usize) -> Result<Result<Command, Work>, LaneError<E>> {
        let refused = |rejection, operation, target| Ok(Err(Work::Reject { rejection, operation, target }));
        let (intent, message) = match self.read(record).await {
            Ok(read) => read,
            Err(Refused { refusal, operation, target }) => return refused(refusal.into_rejection(), operation, target),
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

    /// What the record asks for, and what its bytes say. Waits for a schema that the registry has not given yet, and for
    /// nothing else. A defect in a converter, ours or a library's, costs the record that shows it and not the daemon,
    /// again and again.
    async fn read(&self, record: &Record) -> Result<(Intent, Message), Refused> {
        let mut fetched = FetchedSchemas::default();
        loop {
            let unread = match catch_unwind(AssertUnwindSafe(|| self.route.read(record, &fetched))) {
                Ok(Ok(read)) => return Ok(read),
                Ok(Err(unread)) => unread,
                Err(_) => {
                    let operation = self.route.intent(record).ok().map(|intent| intent.operation);
                    return Err(Refused { refusal: defect("converter").into(), operation, target: None });
                }
            };
            let (needed, operation) = match unread {
                Unread::NeedsSchema(needed, operation) => (needed, operation),
                Unread::Refused(refused) => return Err(refused),
            };
            let ended = AssertUnwindSafe(needed.fetch(&mut fetched)).catch_unwind().await;
            if let Err(rejection) = ended.unwrap_or_else(|_| Err(defect("schema registry's client"))) {
                return Err(Refused { refusal: rejection.into(), operation: Some(operation), target: None });
            }
        }
    }

    /// What is known of the org. A description that is in doubt is asked for again if it is old enough; a parent's is
    /// asked for when it is first needed.
    async fn schema<E>(&mut self, doubted: Option<&Doubted>) -> Result<Arc<Schema>, LaneError<E>> {
        let descriptions = self.org.descriptions();
        let known = self.schema.clone();
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
        let sobject = self.org.describe(own, refresh(&[own.as_str(), described])).await.map_err(failed)?;
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
        self.schema = Some((schema.clone(), descriptions));
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
            if let Ok(newer) = self.org.describe(&parent.name, refresh(&[&parent.name])).await {
                *parent = newer;
            }
        }
        if let Some(Doubted { sobject, .. }) = doubted.filter(|doubted| schema.parent(&doubted.sobject).is_none())
            && *sobject != self.route.sobject
            && let Ok(parent) = self.org.describe(sobject, Refresh::IfUnknown).await
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
            Refusal::Key { sobject, .. } | Refusal::Undescribed(sobject) => {
                Some(Self { sobject: sobject.clone(), lacks: None })
            }
            Refusal::Fields(wrong) => {
                let worst = wrong.iter().find(|wrong| wrong.is_unknown).or(wrong.first())?;
                let lacks = worst.is_unknown.then(|| worst.field.clone());
                Some(Self { sobject: worst.sobject.clone(), lacks })
            }
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
