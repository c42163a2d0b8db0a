use std::{sync::Arc, time::Duration};

use serde_json::value::RawValue;

use super::execute;
use crate::{
    login::login,
    org::Org,
    protocol::{Answer, Call, Request, Verb},
    rows::Forced,
    value::Object,
};

/// A call that was admitted, with what faults do to its rows.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) org: Arc<Org>,
    pub(super) call: Call,
    pub(super) request: Arc<Request>,
    pub(super) forced: Forced,
}

impl Work {
    /// Applies the call, and returns its answer.
    pub(super) fn apply(&self) -> Answer {
        let Self { org, call, request, forced } = self;
        if matches!(call, Call::Login) {
            return login(org, request).unwrap_or_else(Into::into);
        }
        let answer = execute::execute(org, call, request, forced).unwrap_or_else(Into::into);
        if self.is_free() { answer } else { answer.with_usage(org.usage()) }
    }

    /// Whether the call is not counted: then its answer does not show the allocation.
    pub(super) fn is_free(&self) -> bool {
        matches!(self.call, Call::Login | Call::Versions)
    }

    /// The least time that a data call takes.
    pub(super) fn latency(&self) -> Duration {
        if self.is_free() {
            return Duration::ZERO;
        }
        let api = self.org.settings().api;
        let of_rows = match api.latency_ms_per_row {
            0 => 0,
            of_row => of_row * self.rows() as u64,
        };
        Duration::from_millis(api.latency_ms + of_rows)
    }

    /// The number of rows of a write.
    fn rows(&self) -> usize {
        match &self.call {
            Call::Row { verb: Some(_), .. } => 1,
            Call::Collection { verb: Verb::Delete, query, .. } => {
                query.iter().filter(|(name, _)| name == "ids").map(|(_, ids)| ids.split(',').count()).sum()
            }
            Call::Collection { .. } => {
                let top = std::str::from_utf8(&self.request.body).ok().and_then(|body| Object::parse(body).ok());
                let records =
                    top.and_then(|top| serde_json::from_str::<Vec<&RawValue>>(top.get("records")?.get()).ok());
                records.map_or(0, |records| records.len())
            }
            _ => 0,
        }
    }
}
