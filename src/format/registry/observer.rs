//! What the registry's client reports of itself, for metrics and health. It knows neither: `check` and the daemon have
//! the implementation.

use std::{fmt, sync::Arc};

/// Receives what happens between records and the registry. The methods must not block.
pub trait RegistryObserver: fmt::Debug + Send + Sync + 'static {
    /// A request has ended: its HTTP status, or a word for why there is none.
    fn requested(&self, status: &str);

    /// Records wait for the registry until the wait is dropped.
    fn waiting(&self, why: &str) -> Box<dyn RegistryWait>;
}

/// A wait for the registry. It ends when it is dropped.
pub trait RegistryWait: Send {
    /// The reason is another one now.
    fn goes_on(&mut self, why: &str);
}

pub(super) type Observer = Arc<dyn RegistryObserver>;
