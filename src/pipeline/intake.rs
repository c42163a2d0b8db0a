//! The first half of a lane: one record after the other, up to the gate. Here the order of the partition becomes the
//! order of the calls.

use std::sync::{Arc, PoisonError};

use super::{
    budget::Seat,
    dead_letter::DeadLetters,
    gate::Entering,
    lane::{Lane, LaneError},
    org::Org,
    settle::Account,
};
use crate::{
    record::{Cause, Command, Identity, KeyField, Operation, Reason, Record, Rejection, SObject},
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

/// The route's SObject as the lane knows it.
#[derive(Debug, Clone)]
pub(super) struct Described {
    sobject: Arc<SObject>,
    key_field: Option<Arc<KeyField>>,
}

impl<O: Org, D: DeadLetters> Lane<O, D> {
    pub(super) async fn take_in<E>(self: Arc<Self>, record: Result<Record, E>) -> Result<Prepared, LaneError<E>> {
        let record = record.map_err(LaneError::Source)?;
        let account = Account::open(&self.metrics);
        let seat = self.shared.budget.seat(record.charge()).await;
        let work = match self.command(&record).await {
            Ok(Ok(command)) => {
                let key = command.target.as_ref().map(|target| target.gate_key(&command.sobject.name));
                Work::Send(command, key.map(|key| self.shared.gate.enter(key)))
            }
            Ok(Err(reject)) => reject,
            Err(cause) => return Err(LaneError::Describe { sobject: self.route.sobject.clone(), cause }),
        };
        Ok(Prepared { record, seat, account, work })
    }

    /// A field that the description lacks is looked for in a newer one, before it is called unknown.
    async fn command(&self, record: &Record) -> Result<Result<Command, Work>, Cause> {
        let mut missing = None;
        loop {
            let described = self.described(missing.as_deref()).await?;
            let command = self.route.command(record, &described.sobject, described.key_field.as_ref());
            let Refused { refusal, operation, target } = match command {
                Ok(command) => return Ok(Ok(command)),
                Err(refused) => refused,
            };
            let rejection = match refusal {
                Refusal::Rejected(rejection) => rejection,
                Refusal::UnknownField(name) if missing.as_ref() == Some(&name) => {
                    Rejection::put(Reason::InvalidField, format!("{} has no field {name}", described.sobject.name))
                }
                Refusal::UnknownField(name) => {
                    missing = Some(name);
                    continue;
                }
            };
            return Ok(Err(Work::Reject { rejection, operation, target }));
        }
    }

    async fn described(&self, missing: Option<&str>) -> Result<Described, Cause> {
        let known = || self.described.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(described), None) = (&*known(), missing) {
            return Ok(described.clone());
        }
        let sobject = self.shared.org.describe(&self.route.sobject, missing).await?;
        let key_field = self.route.external_id_field.as_deref().map(|name| sobject.key_field(name)).transpose()?;
        let described = Described { key_field: key_field.map(Arc::new), sobject };
        *known() = Some(described.clone());
        Ok(described)
    }
}
