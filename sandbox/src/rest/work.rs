use std::{sync::Arc, time::Duration};

use super::{composite, execute};
use crate::{
    login::login,
    org::Org,
    protocol::{Answer, Call, Request},
    rows::Forced,
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
        let answer = match call {
            Call::Composite { version } => composite::apply(org, *version, request),
            call => execute::execute(org, call, request, forced).unwrap_or_else(Into::into),
        };
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
            of_row => of_row * self.call.rows(&self.request.body) as u64,
        };
        Duration::from_millis(api.latency_ms + of_rows)
    }
}
