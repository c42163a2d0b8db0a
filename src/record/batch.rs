use std::sync::Arc;

use super::{Action, ApiName, CallOptions, Command};

/// The properties that the rows of a call have in common: rows of different keys never share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BatchKey {
    pub action: Action,
    /// The SObject's name as Salesforce spells it.
    pub sobject: ApiName,
    /// The external id field that names the rows; `None` where record ids do, or nothing.
    pub key_field: Option<ApiName>,
    pub options: Arc<CallOptions>,
}

/// One row of a call.
#[derive(Debug, Clone, Copy)]
pub struct BatchRow<'a> {
    pub command: &'a Command,
    /// An earlier attempt of this row ended without a known result: what it asks for may be done already.
    pub maybe_applied: bool,
}
