use std::{fmt, sync::Arc};

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

/// An SObject, an action and a key field: what the org may refuse as one, whatever the options of the call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlaceName {
    pub sobject: ApiName,
    pub action: Action,
    pub key_field: Option<ApiName>,
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

    /// The place of the call.
    pub fn place(&self) -> PlaceName {
        let Self { action, sobject, key_field, .. } = self;
        PlaceName { sobject: sobject.clone(), action: *action, key_field: key_field.clone() }
    }

    /// Whether this is the key of a command.
    pub fn is_of(&self, command: &Command) -> bool {
        self.action == command.action
            && self.sobject == command.sobject.name
            && self.key_field.as_ref() == key_field(command)
            && self.options == command.options
    }
}

impl fmt::Display for PlaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sobject, action, key_field } = self;
        write!(f, "{} {sobject}", action.word())?;
        key_field.as_ref().map_or(Ok(()), |field| write!(f, " by {field}"))
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
