use std::sync::Arc;

use super::{
    Refused, Unread, call_options::options, fields::fields, identity::identity, operation::operation,
    settings::Settings,
};
use crate::{
    config::{self, IdentitySource},
    format::{self, FetchedSchemas, NoRegistry, Registry, Wanted},
    record::{Action, ApiName, Command, Fields, Message, Operation, Reason, Record, Rejection, Schema},
};

/// One compiled `[[routes]]` table, which converts records to commands.
#[derive(Debug)]
pub struct Route {
    /// The configured topic or glob, which is the label in metrics and logs.
    pub name: Arc<str>,
    pub sobject: ApiName,
    /// The external id field, if the route has one.
    pub external_id_field: Option<ApiName>,
    /// Opens the circuit breaker after this many consecutive rejections with the same code; 0 disables it.
    pub breaker: u32,
    pub delivery: Delivery,
    settings: Settings,
}

/// How the commands of a route reach the org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The scheduler sends them in REST calls of up to 200 rows.
    Rest,
}

/// The operation that a record asks for, as far as it is known before key and value are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    pub operation: Operation,
    pub action: Action,
}

impl Route {
    /// Compiles a route.
    ///
    /// # Errors
    ///
    /// A format of the route needs the schema registry, and `registry` is `None`.
    pub fn new(
        route: &config::Route,
        max_row_bytes: usize,
        registry: Option<&Arc<Registry>>,
    ) -> Result<Self, NoRegistry> {
        Ok(Self {
            name: route.topic.as_str().into(),
            sobject: route.sobject.clone(),
            external_id_field: route.external_id_field.clone(),
            breaker: route.breaker,
            delivery: Delivery::Rest,
            settings: Settings::new(route, max_row_bytes, registry)?,
        })
    }

    /// Decodes the key and the value of a record, as far as its operation needs them.
    ///
    /// # Errors
    ///
    /// A refusal, or a schema that has to be fetched first.
    pub fn read(&self, record: &Record, fetched: &FetchedSchemas) -> Result<(Intent, Message), Unread> {
        let intent = self.intent(record)?;
        let message = self.message(record, intent, fetched)?;
        if !message.is_null {
            return Ok((intent, message));
        }
        // The value is null in its format. The operation of a tombstone may need the key, which an insert does not.
        let tombstone_intent = self.intent_with(record, false)?;
        Ok((tombstone_intent, self.message(record, tombstone_intent, fetched)?))
    }

    fn message(&self, record: &Record, intent: Intent, fetched: &FetchedSchemas) -> Result<Message, Unread> {
        let operation = intent.operation;
        self.settings.converters.message(record, self.wanted(intent), fetched).map_err(|unread| match unread {
            format::Unread::Rejected(rejection) => {
                Unread::Refused(Refused { refusal: rejection.into(), operation: Some(operation), target: None })
            }
            format::Unread::NeedsSchema(needs) => Unread::NeedsSchema(needs, operation),
        })
    }

    /// Returns the operation that the record's header, or the route, asks for.
    ///
    /// # Errors
    ///
    /// The record names no operation, or one that the route does not support.
    pub fn intent(&self, record: &Record) -> Result<Intent, Refused> {
        self.intent_with(record, record.value.is_some())
    }

    fn intent_with(&self, record: &Record, has_value: bool) -> Result<Intent, Refused> {
        let refused = |rejection: Rejection, operation| Refused { refusal: rejection.into(), operation, target: None };
        let operation = operation(&self.settings, record, has_value).map_err(|rejection| refused(rejection, None))?;
        let action = action(operation, self.external_id_field.is_some())
            .map_err(|rejection| refused(rejection, Some(operation)))?;
        Ok(Intent { operation, action })
    }

    /// Returns which parts of a record are read. The value of a DELETE is read only if the identity is in it, and the
    /// key only if it is the identity of a command that needs one.
    fn wanted(&self, intent: Intent) -> Wanted {
        Wanted {
            key: intent.action != Action::Create && self.settings.identity == IdentitySource::Key,
            value: intent.action != Action::Delete || matches!(self.settings.identity, IdentitySource::Value(_)),
        }
    }

    /// Creates the command of `record`, which was decoded to `message`.
    ///
    /// # Errors
    ///
    /// A refusal, with the operation and, if it is known, the target.
    pub fn command(
        &self,
        record: &Record,
        message: &Message,
        intent: Intent,
        schema: &Schema,
    ) -> Result<Command, Refused> {
        let Intent { operation, action } = intent;
        let refused = |refusal, target| Refused { refusal, operation: Some(operation), target };
        let target = match action {
            Action::Create => None,
            Action::Update | Action::Upsert | Action::Delete => {
                let identity = identity(&self.settings, record, message, schema);
                Some(identity.map_err(|refusal| refused(refusal, None))?)
            }
        };
        let options =
            options(&self.settings, record, action).map_err(|rejection| refused(rejection.into(), target.clone()))?;
        let (fields, parent) = match &message.value {
            Some(value) if action != Action::Delete => {
                fields(&self.settings, record, value, schema, action, target.as_ref())
                    .map_err(|refusal| refused(refusal, target.clone()))?
            }
            _ => (Fields::default(), None),
        };
        Ok(Command {
            operation,
            action,
            sobject: schema.sobject.clone(),
            target,
            fields,
            parent,
            options,
            on_missing: self.settings.on_missing,
        })
    }

    /// Returns the fields and parents that the route sets in each row, whatever the record says.
    pub fn own_targets(&self) -> impl Iterator<Item = &str> {
        self.settings.own_targets()
    }

    /// Returns the fields and parents that members are renamed to.
    pub fn renamed_to(&self) -> impl Iterator<Item = &str> {
        self.settings.fields.rename.values().map(String::as_str)
    }
}

/// Returns the action that carries out an operation, by external id or by record id.
fn action(operation: Operation, external: bool) -> Result<Action, Rejection> {
    match operation {
        // An INSERT becomes an upsert, so that a repeat is harmless.
        Operation::Insert | Operation::Upsert if external => Ok(Action::Upsert),
        Operation::Insert => Ok(Action::Create),
        Operation::Update => Ok(Action::Update),
        Operation::Delete => Ok(Action::Delete),
        Operation::Upsert => {
            let message = "UPSERT needs external_id_field, which this route does not have";
            Err(Rejection::new(Reason::InvalidOperation, message))
        }
    }
}
