//! Reports what is closed while the rest goes on: in the log, in the health, and in the metrics.

use std::{collections::HashMap, time::Duration};

use tracing::{error, info, warn};

use crate::{
    ops::{
        health::{ClosedGuard, ClosedReason, Health},
        metrics::Metrics,
    },
    record::{Cause, PlaceName},
    sink::order::ValveName,
};

#[derive(Debug)]
pub(super) struct ClosedValves {
    health: Health,
    metrics: Metrics,
    closed: HashMap<ValveName, Shown>,
}

/// A closed valve as it is shown.
#[derive(Debug)]
struct Shown {
    what: String,
    reason: ClosedReason,
    _guard: ClosedGuard,
}

impl ClosedValves {
    pub(super) fn new(health: Health, metrics: Metrics) -> Self {
        Self { health, metrics, closed: HashMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.closed.is_empty()
    }

    pub(super) fn closed(&mut self, valve: ValveName, cause: &Cause) {
        let (reason, what, why, hint) = match &valve {
            ValveName::Place(place) => {
                let PlaceName { sobject, action, key_field } = place;
                let (operation, key_field) = (action.word(), key_field.as_deref());
                let hint = "give the user back the right to the SObject and its key field, or let the proxy before the org pass these calls; it goes on by itself";
                error!(
                    event = "place_refused", %sobject, operation, key_field, %cause, hint,
                    "the org, or a proxy before it, refuses all calls to this SObject, operation and key field: their records wait, all others go on"
                );
                (ClosedReason::Refused, place.to_string(), format!("all calls to {place} are refused: {cause}"), hint)
            }
            ValveName::Parked(place) => {
                let PlaceName { sobject, action, .. } = place;
                let hint = "it goes on by itself once the org takes such records again";
                warn!(
                    event = "rows_parked", %sobject, operation = action.word(), %cause, hint,
                    "the org does not take some records of this SObject for now: they wait, and one of them tries from time to time"
                );
                let why = format!("the org does not take some records for {place} for now: {cause}");
                (ClosedReason::Parked, place.to_string(), why, hint)
            }
            ValveName::Storage => {
                let hint = "free storage in the org, or buy more; it goes on by itself";
                error!(
                    event = "storage_full", %cause, hint,
                    "the org has no room for new records: these wait, and updates and deletes go on"
                );
                (ClosedReason::Storage, "new records".to_owned(), format!("the org has no room: {cause}"), hint)
            }
        };
        self.metrics.closed(reason, &what, true);
        let guard = self.health.close(reason, &what, &why, hint);
        self.closed.insert(valve, Shown { what, reason, _guard: guard });
    }

    /// `is_taken`: the org takes the rows again; otherwise none is left.
    pub(super) fn opened(&mut self, valve: &ValveName, lasted: Duration, is_taken: bool) {
        let Some(closed) = self.closed.remove(valve) else { return };
        let (what, reason) = (&closed.what, closed.reason);
        self.metrics.closed(reason, what, false);
        let reason = reason.word();
        if is_taken {
            info!(event = "place_reopened", what, reason, ?lasted, "the org takes these records again");
        } else {
            info!(event = "place_empty", what, reason, ?lasted, "no record of this place is left: it counts as open");
        }
    }
}
