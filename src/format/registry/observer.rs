//! Trait for the reports of the registry's client. `check` implements it by metrics and health, which the client does
//! not know.

use std::{fmt, sync::Arc};

/// Receives reports of the registry's client. The methods must not block.
pub trait RegistryObserver: fmt::Debug + Send + Sync + 'static {
    /// Reports that a request has ended, with its HTTP status or a word for the reason why it has none.
    fn requested(&self, status: &str);

    /// Reports that records wait for the registry, until the returned value is dropped.
    fn waiting(&self, why: &str) -> Box<dyn RegistryWait>;
}

/// A wait for the registry. It ends when it is dropped.
pub trait RegistryWait: Send {
    /// Reports that the wait continues, with a new reason.
    fn goes_on(&mut self, why: &str);
}

pub(super) type Observer = Arc<dyn RegistryObserver>;
