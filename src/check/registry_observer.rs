//! Records the reports of the schema registry's client in metrics and health.

use crate::{
    format::{RegistryObserver, RegistryWait},
    ops::{
        health::{Dependency, Health, Waiting},
        metrics::Metrics,
    },
};

/// An observer that reports to the given metrics and health.
#[derive(Debug)]
pub(super) struct RegistryReports {
    pub(super) metrics: Metrics,
    pub(super) health: Health,
}

impl RegistryObserver for RegistryReports {
    fn requested(&self, status: &str) {
        self.metrics.schema_registry_request(status);
    }

    fn waiting(&self, why: &str) -> Box<dyn RegistryWait> {
        Box::new(self.health.wait(Dependency::SchemaRegistry, why))
    }
}

impl RegistryWait for Waiting {
    fn goes_on(&mut self, why: &str) {
        self.renew(why);
    }
}
