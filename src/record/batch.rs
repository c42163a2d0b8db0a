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

impl BatchKey {
    pub fn of(command: &Command) -> Self {
        Self {
            action: command.action,
            sobject: command.sobject.name.clone(),
            key_field: key_field(command).cloned(),
            options: command.options.clone(),
        }
    }

    /// Whether this is the key of a command.
    pub fn is_of(&self, command: &Command) -> bool {
        self.action == command.action
            && self.sobject == command.sobject.name
            && self.key_field.as_ref() == key_field(command)
            && self.options == command.options
    }
}

fn key_field(command: &Command) -> Option<&ApiName> {
    command.target.as_ref().and_then(|target| target.key_field())
}

/// One row of a call.
#[derive(Debug, Clone, Copy)]
pub struct BatchRow<'a> {
    pub command: &'a Command,
    /// An earlier attempt of this row ended without a known result: what it asks for may be done already.
    pub maybe_applied: bool,
}
