//! The first half of a lane: one record after the other is decoded, routed, and given its share of the budget.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures::{FutureExt as _, Stream, StreamExt as _};

use super::{
    budget::{Budget, BudgetPermit},
    lane_error::LaneError,
    order::{Body, Decoded, Ruling, Submission, SubmissionKind},
    org::Org,
    scheduler::LaneConnection,
    settle::InFlightGuard,
};
use crate::{
    format::{FetchedSchemas, NeedsSchema},
    ops::metrics::RouteMetrics,
    record::{ApiName, Command, Identity, Operation, Reason, Record, Refresh, Rejection, Schema},
    sink::route::{Refusal, Refused, Route, Unread},
};

/// Makes commands of a partition's records.
#[derive(Debug)]
pub(super) struct Intake<O> {
    pub(super) route: Arc<Route>,
    pub(super) org: Arc<O>,
    pub(super) budget: Budget,
    pub(super) metrics: Arc<RouteMetrics>,
    pub(super) lane: Arc<LaneConnection>,
    /// The number of records that were admitted.
    pub(super) admitted: usize,
    /// The descriptions that are known, and the org's generation of descriptions at that time.
    pub(super) schema: Option<(Arc<Schema>, u64)>,
}

/// A record that has its share of the budget.
#[derive(Debug)]
pub(super) struct AdmittedRecord {
    pub(super) body: Box<Body>,
    pub(super) what: SubmissionKind,
    pub(super) permit: BudgetPermit,
    pub(super) in_flight: InFlightGuard,
}

/// A record that cannot be sent, with the reason and what is known of it.
#[derive(Debug)]
struct RejectedRecord {
    rejection: Rejection,
    operation: Option<Operation>,
    target: Option<Identity>,
}

/// A record that was decoded and routed.
#[derive(Debug)]
struct RoutedRecord {
    command: Result<Command, Box<RejectedRecord>>,
    /// The bytes that its decoding has made, besides its own.
    decoded_bytes: usize,
}

/// What has been fetched for one record, beyond what the lane knows.
#[derive(Debug, Default)]
struct Fetched {
    schemas: FetchedSchemas,
    /// The description that was asked for again.
    doubted: Option<Doubted>,
}

/// What a record cannot be routed without.
#[derive(Debug)]
enum Missing {
    Schema(NeedsSchema, Operation),
    /// The descriptions of the org; one that is in doubt has to be asked for again.
    Descriptions(Option<Doubted>),
}

impl<O: Org> Intake<O> {
    /// Reads the next record and takes its share of the budget.
    pub(super) async fn next<E>(
        &mut self,
        source: &mut (impl Stream<Item = Result<Record, E>> + Unpin),
    ) -> Result<AdmittedRecord, LaneError<E>> {
        let record = source.next().await.ok_or(LaneError::Ended)?.map_err(LaneError::Read)?;
        let in_flight = InFlightGuard::open(&self.metrics);
        let RoutedRecord { command, decoded_bytes } = match self.try_route(&record, &Fetched::default()) {
            Ok(routed) if routed.command.is_ok() || self.route.breaker == 0 => routed,
            _ => self.route_or_wait(&record).await?,
        };
        // What the record says is known by now, and what that takes: a lane holds this one record beyond the budget.
        let field_bytes = command.as_ref().map_or(0, |command| command.fields.charge());
        let permit = self.budget.acquire(&self.route.name, record.charge() + decoded_bytes + field_bytes).await;
        self.admitted += 1;
        let (decoded, what) = match command {
            Ok(command) => {
                let what = self.lane.keys_of(&command);
                (Decoded::Command(command), what)
            }
            Err(rejected) => {
                let RejectedRecord { rejection, operation, target } = *rejected;
                (Decoded::Rejected { operation, target }, SubmissionKind::Reject(rejection))
            }
        };
        Ok(AdmittedRecord { body: Box::new(Body { record, decoded }), what, permit, in_flight })
    }

    /// Routes the record. While the route's breaker keeps it from being rejected, it is routed again and again: the
    /// registry or the org may be fixed. Nothing after it is read.
    async fn route_or_wait<E>(&mut self, record: &Record) -> Result<RoutedRecord, LaneError<E>> {
        let mut attempts = 0;
        loop {
            let routed = self.route(record).await?;
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

    /// Routes the record, and fetches what that takes: schemas of the registry, descriptions of the org.
    async fn route<E>(&mut self, record: &Record) -> Result<RoutedRecord, LaneError<E>> {
        let mut fetched = Fetched::default();
        loop {
            match self.try_route(record, &fetched) {
                Ok(routed) => return Ok(routed),
                Err(Missing::Schema(schema, operation)) => {
                    let ended = AssertUnwindSafe(schema.fetch(&mut fetched.schemas)).catch_unwind().await;
                    if let Err(rejection) = ended.unwrap_or_else(|_| Err(defect("schema registry's client"))) {
                        return Ok(RoutedRecord::rejected(rejection, Some(operation)));
                    }
                }
                Err(Missing::Descriptions(doubted)) => {
                    self.describe(doubted.as_ref()).await?;
                    fetched.doubted = doubted.or(fetched.doubted);
                }
            }
        }
    }

    /// Routes the record by what is known. A defect in a converter or a route, ours or a library's, costs the record that
    /// shows it and not the daemon, again and again.
    fn try_route(&self, record: &Record, fetched: &Fetched) -> Result<RoutedRecord, Missing> {
        if let Some(bound) = record.excess.as_ref().and_then(|excess| excess.bound) {
            let bytes = record.whole_bytes();
            let message = format!("the record has {bytes} bytes, and pipeline.max_record_bytes is {bound}");
            return Ok(RoutedRecord::rejected(Rejection::new(Reason::TooLarge, message), self.operation(record)));
        }
        let read = catch_unwind(AssertUnwindSafe(|| self.route.read(record, &fetched.schemas)));
        let (intent, message) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(Unread::Refused(refused))) => return Ok(refused.into()),
            Ok(Err(Unread::NeedsSchema(schema, operation))) => return Err(Missing::Schema(schema, operation)),
            Err(_) => return Ok(RoutedRecord::rejected(defect("converter"), self.operation(record))),
        };
        let Some((schema, generation)) = &self.schema else { return Err(Missing::Descriptions(None)) };
        if *generation != self.org.describe_generation() {
            return Err(Missing::Descriptions(None));
        }
        let command = catch_unwind(AssertUnwindSafe(|| self.route.command(record, &message, intent, schema)));
        let refused = match command {
            Ok(Ok(command)) => return Ok(RoutedRecord { command: Ok(command), decoded_bytes: message.decoded_bytes }),
            Ok(Err(refused)) => refused,
            Err(_) => return Ok(RoutedRecord::rejected(defect("route"), Some(intent.operation))),
        };
        match Doubted::of(&refused.refusal) {
            Some(doubted) if fetched.doubted.as_ref() != Some(&doubted) => Err(Missing::Descriptions(Some(doubted))),
            // It has been looked at again, and says the same.
            _ => Ok(RoutedRecord { decoded_bytes: message.decoded_bytes, ..refused.into() }),
        }
    }

    /// The operation of a record that cannot be read, as far as it is known.
    fn operation(&self, record: &Record) -> Option<Operation> {
        self.route.intent(record).ok().map(|intent| intent.operation)
    }

    /// Asks the org for its descriptions. One that is in doubt is asked for again if it is old enough; a parent's is
    /// asked for when it is first needed.
    async fn describe<E>(&mut self, doubted: Option<&Doubted>) -> Result<(), LaneError<E>> {
        let generation = self.org.describe_generation();
        let known = self.schema.as_ref().map(|(schema, _)| schema.clone());
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
        self.schema = Some((schema, generation));
        Ok(())
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

impl AdmittedRecord {
    /// Leaves the record, its share of the budget and its counting to the scheduler.
    pub(super) fn hand_over(self, lane: &LaneConnection) -> Submission {
        let Self { body, what, permit, in_flight } = self;
        let offset = body.record.position.offset;
        let read = lane.moment(in_flight.hand_over());
        Submission { offset, read, units: permit.hand_over(), body, what }
    }
}

impl RoutedRecord {
    fn rejected(rejection: Rejection, operation: Option<Operation>) -> Self {
        let rejected = RejectedRecord { rejection, operation, target: None };
        Self { command: Err(Box::new(rejected)), decoded_bytes: 0 }
    }
}

impl From<Refused> for RoutedRecord {
    fn from(Refused { refusal, operation, target }: Refused) -> Self {
        let rejected = RejectedRecord { rejection: refusal.into_rejection(), operation, target };
        Self { command: Err(Box::new(rejected)), decoded_bytes: 0 }
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
