use std::sync::Arc;

use super::{
    Refused, Unread, fields::fields, identity::identity, operation::operation, options::options, settings::Settings,
};
use crate::{
    config::{self, IdentitySource},
    format::{self, FetchedSchemas, NoRegistry, Registry, Wanted},
    record::{Action, ApiName, Command, Fields, Message, Operation, Reason, Record, Rejection, Schema},
};

/// One `[[routes]]` table, ready to be asked.
#[derive(Debug)]
pub struct Route {
    /// The configured topic or glob: the label in metrics and logs.
    pub name: Arc<str>,
    pub sobject: ApiName,
    /// The external id field, in external id mode.
    pub external_id_field: Option<ApiName>,
    /// Opens the circuit breaker after this many consecutive rejections with the same code; 0 disables it.
    pub breaker: u32,
    settings: Settings,
}

/// What is asked for, as far as that is known before a byte of key or value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    pub operation: Operation,
    pub action: Action,
}

impl Route {
    /// `registry` is there if a format of the route needs one.
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
            settings: Settings::new(route, max_row_bytes, registry)?,
        })
    }

    /// What the record asks for, and what its bytes say.
    pub fn read(&self, record: &Record, fetched: &FetchedSchemas) -> Result<(Intent, Message), Unread> {
        let intent = self.intent(record)?;
        let message = self.message(record, intent, fetched)?;
        if !message.is_null {
            return Ok((intent, message));
        }
        // What is done with a tombstone may need the key, which an insert does not.
        let intent = self.intent_with(record, false)?;
        Ok((intent, self.message(record, intent, fetched)?))
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

    /// What the record's header, or the route, asks for, as far as that is known before its value is read.
    pub fn intent(&self, record: &Record) -> Result<Intent, Refused> {
        self.intent_with(record, record.value.is_some())
    }

    fn intent_with(&self, record: &Record, has_value: bool) -> Result<Intent, Refused> {
        let refused = |rejection: Rejection, operation| Refused { refusal: rejection.into(), operation, target: None };
        let operation = operation(&self.settings, record, has_value).map_err(|rejection| refused(rejection, None))?;
        let action = action(operation, self.external_id_field.is_some());
        let action = action.map_err(|rejection| refused(rejection, Some(operation)))?;
        Ok(Intent { operation, action })
    }

    /// A DELETE's value is not read, unless the identity lies in it; nor is the key of a record that needs none.
    fn wanted(&self, intent: Intent) -> Wanted {
        Wanted {
            key: intent.action != Action::Create && self.settings.identity == IdentitySource::Key,
            value: intent.action != Action::Delete || matches!(self.settings.identity, IdentitySource::Value(_)),
        }
    }

    /// The row that `record`, whose bytes say `message`, asks for.
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

    /// The fields and parents that the route sets in each row, whatever its record says.
    pub fn own_targets(&self) -> impl Iterator<Item = &str> {
        self.settings.own_targets()
    }

    /// The fields and parents that members are renamed to.
    pub fn renamed_to(&self) -> impl Iterator<Item = &str> {
        self.settings.fields.rename.values().map(String::as_str)
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
            Err(Rejection::at_delivery(Reason::InvalidOperation, message))
        }
    }
}
