//! The first half of a lane: one record after the other is decoded, routed, and given its share of the budget.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures::{FutureExt as _, Stream, StreamExt as _, stream};

use super::{
    budget::{Budget, BudgetPermit},
    lane_error::LaneError,
    order::Ruling,
    org::Org,
    scheduler::LaneEnd,
    settle::InFlightGuard,
};
use crate::{
    format::FetchedSchemas,
    ops::metrics::RouteMetrics,
    record::{ApiName, Command, Identity, Message, Operation, Reason, Record, Refresh, Rejection, Schema},
    sink::route::{Intent, Refusal, Refused, Route, Unread},
};

/// Makes commands of a partition's records.
#[derive(Debug)]
pub(super) struct Intake<O> {
    pub(super) route: Arc<Route>,
    pub(super) org: Arc<O>,
    /// The budget of the route's breaker, if it has one; else that of the pipeline.
    pub(super) budget: Budget,
    pub(super) metrics: Arc<RouteMetrics>,
    pub(super) lane: Arc<LaneEnd>,
    /// The number of records that were admitted.
    pub(super) admitted: usize,
    /// The descriptions that are known, and the org's generation of descriptions at that time.
    pub(super) schema: Option<(Arc<Schema>, u64)>,
}

/// A record that has its share of the budget.
#[derive(Debug)]
pub(super) struct AdmittedRecord {
    pub(super) record: Record,
    pub(super) permit: BudgetPermit,
    pub(super) in_flight: InFlightGuard,
    pub(super) decision: Decision,
}

/// The decision on a record: it is sent or rejected.
#[derive(Debug)]
pub(super) enum Decision {
    Send(Command),
    Reject(RejectedRecord),
}

/// A record that cannot be sent, with the reason and what is known of it.
#[derive(Debug)]
pub(super) struct RejectedRecord {
    pub(super) rejection: Rejection,
    pub(super) operation: Option<Operation>,
    pub(super) target: Option<Identity>,
}

/// A record that was decoded and routed.
#[derive(Debug)]
struct RoutedRecord {
    command: Result<Command, RejectedRecord>,
    /// The bytes that its decoding has made, besides its own.
    decoded_bytes: usize,
}

impl<O: Org> Intake<O> {
    /// The records of `source`, each with its share of the budget. One at a time: the next record is read when the one
    /// before it has it.
    pub(super) fn admitted<E>(
        self,
        source: impl Stream<Item = Result<Record, E>> + Send,
    ) -> impl Stream<Item = Result<AdmittedRecord, LaneError<E>>> {
        stream::unfold((Box::pin(source), self), async |(mut source, mut intake)| {
            let record = source.next().await?;
            let admitted = intake.admit(record).await;
            Some((admitted, (source, intake)))
        })
    }

    async fn admit<E>(&mut self, record: Result<Record, E>) -> Result<AdmittedRecord, LaneError<E>> {
        let record = record.map_err(LaneError::Read)?;
        let in_flight = InFlightGuard::open(&self.metrics);
        let RoutedRecord { command, decoded_bytes } = self.route_or_wait(&record).await?;
        // What the record says is known by now, and what that takes: a lane holds this one record beyond the budget.
        let field_bytes = command.as_ref().map_or(0, |command| command.fields.charge());
        let permit = self.budget.acquire(record.charge() + decoded_bytes + field_bytes).await;
        let decision = command.map_or_else(Decision::Reject, Decision::Send);
        self.admitted += 1;
        Ok(AdmittedRecord { record, permit, in_flight, decision })
    }

    /// Routes the record. While the route's breaker keeps it from being rejected, it is routed again and again: the
    /// registry or the org may be fixed. Nothing after it is read.
    async fn route_or_wait<E>(&mut self, record: &Record) -> Result<RoutedRecord, LaneError<E>> {
        let mut attempts = 0;
        loop {
            let routed = match record.excess.bound {
                None => self.route(record).await?,
                Some(bound) => RoutedRecord { command: Err(self.too_large(record, bound)), decoded_bytes: 0 },
            };
            let Err(rejected) = &routed.command else { return Ok(routed) };
            if self.route.breaker == 0 {
                return Ok(routed);
            }
            match self.lane.rejected_before_send(&rejected.rejection, attempts > 0, self.admitted).await {
                Ruling::Settled => return Ok(routed),
                Ruling::Waits => self.lane.pause(attempts).await,
            }
            attempts += 1;
        }
    }

    fn too_large(&self, record: &Record, bound: usize) -> RejectedRecord {
        let bytes = record.whole_bytes();
        let message = format!("the record has {bytes} bytes, and pipeline.max_record_bytes is {bound}");
        let operation = self.route.intent(record).ok().map(|intent| intent.operation);
        RejectedRecord { rejection: Rejection::new(Reason::TooLarge, message), operation, target: None }
    }

    /// Makes a command of the record, or returns why that cannot be.
    async fn route<E>(&mut self, record: &Record) -> Result<RoutedRecord, LaneError<E>> {
        let (intent, message) = match self.read(record).await {
            Ok(read) => read,
            Err(refused) => return Ok(RoutedRecord { command: Err(refused.into()), decoded_bytes: 0 }),
        };
        let command = self.command(record, &message, intent).await?;
        Ok(RoutedRecord { command, decoded_bytes: message.decoded_bytes })
    }

    /// Makes a command of what the record says. A description that is in doubt is asked for again, once.
    async fn command<E>(
        &mut self,
        record: &Record,
        message: &Message,
        intent: Intent,
    ) -> Result<Result<Command, RejectedRecord>, LaneError<E>> {
        let mut doubted = None;
        loop {
            let schema = self.schema(doubted.as_ref()).await?;
            let command = || self.route.command(record, message, intent, &schema);
            let refused = match catch_unwind(AssertUnwindSafe(command)) {
                Ok(Ok(command)) => return Ok(Ok(command)),
                Ok(Err(refused)) => refused,
                Err(_) => {
                    let operation = Some(intent.operation);
                    return Ok(Err(RejectedRecord { rejection: defect("route"), operation, target: None }));
                }
            };
            match Doubted::of(&refused.refusal) {
                // It has been looked at again, and says the same.
                Some(again) if doubted.as_ref() != Some(&again) => doubted = Some(again),
                _ => return Ok(Err(refused.into())),
            }
        }
    }

    /// Reads what the record asks for, and what its bytes say. Waits for a schema that the registry has not given yet,
    /// and for nothing else. A defect in a converter, ours or a library's, costs the record that shows it and not the
    /// daemon, again and again.
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

    /// Returns the descriptions of the org. One that is in doubt is asked for again if it is old enough; a parent's is
    /// asked for when it is first needed.
    async fn schema<E>(&mut self, doubted: Option<&Doubted>) -> Result<Arc<Schema>, LaneError<E>> {
        let generation = self.org.describe_generation();
        let known = match (&self.schema, doubted) {
            (Some((schema, as_of)), None) if *as_of == generation => return Ok(schema.clone()),
            (known, _) => known.as_ref().map(|(schema, _)| schema.clone()),
        };
        let own = &self.route.sobject;
        let described_name = known.as_ref().map_or(own.as_str(), |schema| &schema.sobject.name);
        let refresh = Doubted::refresh_for(doubted, &[own.as_str(), described_name]);
        let failed = |cause| LaneError::Describe { sobject: own.clone(), cause };
        let sobject = self.org.describe(own, refresh).await.map_err(failed)?;
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
        let schema = Arc::new(self.with_parents(schema, doubted).await);
        self.schema = Some((schema.clone(), generation));
        Ok(schema)
    }

    /// The parents that have come up, and the one that is needed now, as they are described. An org that does not
    /// describe a parent does not know it, for this user: its children are rejected.
    async fn with_parents(&self, mut schema: Schema, doubted: Option<&Doubted>) -> Schema {
        for parent in &mut schema.parents {
            let refresh = Doubted::refresh_for(doubted, &[&parent.name]);
            if let Ok(newer) = self.org.describe(&parent.name, refresh).await {
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

impl From<Refused> for RejectedRecord {
    fn from(Refused { refusal, operation, target }: Refused) -> Self {
        Self { rejection: refusal.into_rejection(), operation, target }
    }
}

/// The doubt that a refusal leaves: the description of an SObject, if there is one, and a field that it lacks.
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

    /// The condition for fetching the description of an SObject with one of these names again.
    fn refresh_for<'d>(doubted: Option<&'d Self>, names: &[&str]) -> Refresh<'d> {
        match doubted {
            Some(Self { sobject, lacks }) if names.iter().any(|name| *sobject == **name) => {
                lacks.as_deref().map_or(Refresh::IfOld, Refresh::IfLacking)
            }
            _ => Refresh::IfUnknown,
        }
    }
}

/// Makes the rejection of a record at which a part has panicked. The panic has said the rest on stderr.
fn defect(part: &str) -> Rejection {
    Rejection::new(Reason::InvalidValue, format!("the {part} has failed at this record, which is a defect of sobjectd"))
}
