use std::sync::Arc;

use super::{fields::fields, identity::identity, operation::operation};
use crate::{
    config::{self, IdentitySource, Nulls, Tombstone},
    format::json,
    record::{Action, Command, Fields, Identity, KeyField, Operation, Reason, Record, Rejection, SObject, Stage},
};

/// One `[[routes]]` table, ready to be asked.
#[derive(Debug)]
pub struct Route {
    /// The configured topic or glob: the label in metrics and logs.
    pub name: Arc<str>,
    pub sobject: String,
    /// External id mode.
    pub external_id_field: Option<String>,
    pub(super) operation: Operation,
    pub(super) operation_header: Option<String>,
    pub(super) operation_aliases: Vec<(String, Operation)>,
    pub(super) tombstone: Tombstone,
    pub(super) identity: IdentitySource,
    pub(super) nulls: Nulls,
    pub(super) fields: config::Fields,
    pub(super) max_row_bytes: usize,
}

/// Why there is no command, and what is known of it all the same.
#[derive(Debug)]
pub struct Refused {
    pub refusal: Refusal,
    pub operation: Option<Operation>,
    pub target: Option<Identity>,
}

#[derive(Debug)]
pub enum Refusal {
    Rejected(Rejection),
    /// The SObject has no field of this name, unless its description is out of date.
    UnknownField(String),
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl Route {
    pub fn new(route: &config::Route, max_row_bytes: usize) -> Self {
        Self {
            name: route.topic.as_str().into(),
            sobject: route.sobject.clone(),
            external_id_field: route.external_id_field.clone(),
            operation: route.operation,
            operation_header: route.operation_header.clone(),
            operation_aliases: route.operation_aliases.clone().into_iter().collect(),
            tombstone: route.tombstone,
            identity: route.identity.clone(),
            nulls: route.nulls,
            fields: route.fields.clone(),
            max_row_bytes,
        }
    }

    /// What `record` asks for, of the SObject as it is described now.
    ///
    /// `key_field` is there in external id mode only, and is a field of `sobject`.
    pub fn command(
        &self,
        record: &Record,
        sobject: &Arc<SObject>,
        key_field: Option<&Arc<KeyField>>,
    ) -> Result<Command, Refused> {
        let mut known = (None, None);
        self.try_command(record, sobject, key_field, &mut known).map_err(|refusal| {
            let (operation, target) = known;
            Refused { refusal, operation, target }
        })
    }

    fn try_command(
        &self,
        record: &Record,
        sobject: &Arc<SObject>,
        key_field: Option<&Arc<KeyField>>,
        (known_operation, known_target): &mut (Option<Operation>, Option<Identity>),
    ) -> Result<Command, Refusal> {
        let operation = operation(self, record)?;
        *known_operation = Some(operation);
        let action = action(operation, key_field.is_some())?;
        // A DELETE's value is not converted, unless the identity lies in it.
        let wanted = operation != Operation::Delete || matches!(self.identity, IdentitySource::Value(_));
        let value = record.value.as_deref().filter(|_| wanted).map(json::object).transpose().map_err(|error| {
            Rejection { stage: Stage::ValueConverter, ..Rejection::put(Reason::InvalidValue, error.to_string()) }
        })?;
        let target = match action {
            Action::Create => None,
            Action::Update | Action::Upsert | Action::Delete => {
                Some(identity(self, record, value.as_ref(), key_field)?)
            }
        };
        known_target.clone_from(&target);
        let fields = match &value {
            Some(value) if action != Action::Delete => fields(self, record, value, sobject, action, target.as_ref())?,
            _ => Fields::default(),
        };
        Ok(Command { operation, action, sobject: sobject.clone(), target, fields })
    }
}

/// How an operation is carried out in each id mode.
fn action(operation: Operation, external: bool) -> Result<Action, Rejection> {
    match operation {
        // An INSERT becomes an upsert, so that a repeat is harmless.
        Operation::Insert | Operation::Upsert if external => Ok(Action::Upsert),
        Operation::Insert => Ok(Action::Create),
        Operation::Update => Ok(Action::Update),
        Operation::Delete => Ok(Action::Delete),
        Operation::Upsert => {
            let message = "UPSERT needs external_id_field, which this route does not have";
            Err(Rejection::put(Reason::InvalidOperation, message))
        }
    }
}
