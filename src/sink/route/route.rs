use std::sync::Arc;

use bytestring::ByteString;

use super::{
    Refused, Unread,
    fields::{constants, fields},
    identity::identity,
    operation::operation,
    options::options,
};
use crate::{
    config::{self, Empty, IdentitySource, Nulls, Tombstone},
    format::{self, Converters, FetchedSchemas, NoRegistry, Registry, Wanted},
    record::{
        Action, ApiName, CallOptions, Command, Fields, Message, OnMissing, Operation, Reason, Record, Rejection,
        Schema, Value,
    },
};

/// One `[[routes]]` table, ready to be asked.
#[derive(Debug)]
pub struct Route {
    /// The configured topic or glob: the label in metrics and logs.
    pub name: Arc<str>,
    pub sobject: ApiName,
    /// External id mode.
    pub external_id_field: Option<ApiName>,
    pub(super) converters: Converters,
    /// So many rejections in a row with one code make the route wait; 0: none do.
    pub breaker: u32,
    pub(super) operation: Operation,
    pub(super) operation_header: Option<String>,
    pub(super) operation_aliases: Vec<(String, Operation)>,
    pub(super) tombstone: Tombstone,
    pub(super) on_missing: OnMissing,
    pub(super) identity: IdentitySource,
    pub(super) nulls: Nulls,
    pub(super) empty: Empty,
    pub(super) lock_parent: Option<String>,
    pub(super) fields: config::Fields,
    pub(super) constants: Vec<(String, ByteString)>,
    pub(super) options: Arc<CallOptions>,
    /// Those of updates and upserts.
    pub(super) changing_options: Arc<CallOptions>,
    pub(super) options_from_headers: bool,
    pub(super) max_row_bytes: usize,
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
            converters: Converters::new(route, max_row_bytes, registry)?,
            operation: route.operation,
            operation_header: route.operation_header.clone(),
            operation_aliases: route.operation_aliases.clone().into_iter().collect(),
            tombstone: route.tombstone,
            on_missing: route.on_missing,
            identity: route.identity.clone(),
            nulls: route.nulls,
            empty: route.empty,
            lock_parent: route.lock_parent.clone(),
            constants: constants(&route.fields),
            fields: route.fields.clone(),
            changing_options: Arc::new(route.options.read().0.without_assignment()),
            options: Arc::new(route.options.read().0),
            options_from_headers: route.options.from_headers,
            max_row_bytes,
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
        self.converters.message(record, self.wanted(intent), fetched).map_err(|unread| match unread {
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
        let operation = operation(self, record, has_value).map_err(|rejection| refused(rejection, None))?;
        let action = action(operation, self.external_id_field.is_some());
        let action = action.map_err(|rejection| refused(rejection, Some(operation)))?;
        Ok(Intent { operation, action })
    }

    /// A DELETE's value is not read, unless the identity lies in it; nor is the key of a record that needs none.
    fn wanted(&self, intent: Intent) -> Wanted {
        Wanted {
            key: intent.action != Action::Create && self.identity == IdentitySource::Key,
            value: intent.action != Action::Delete || matches!(self.identity, IdentitySource::Value(_)),
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
                let identity = identity(self, record, message, schema);
                Some(identity.map_err(|refusal| refused(refusal, None))?)
            }
        };
        let options = options(self, record, action).map_err(|rejection| refused(rejection.into(), target.clone()))?;
        let (fields, parent) = match &message.value {
            Some(value) if action != Action::Delete => fields(self, record, value, schema, action, target.as_ref())
                .map_err(|refusal| refused(refusal, target.clone()))?,
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
            on_missing: self.on_missing,
        })
    }

    /// The fields and parents that the route sets in each row, whatever its record says.
    pub fn own_targets(&self) -> impl Iterator<Item = &str> {
        let fields = &self.fields;
        let coordinates = [&fields.topic, &fields.partition, &fields.offset, &fields.timestamp];
        self.constants
            .iter()
            .map(|(name, _)| name.as_str())
            .chain(coordinates.into_iter().flatten().map(String::as_str))
    }

    /// The fields and parents that members are renamed to.
    pub fn renamed_to(&self) -> impl Iterator<Item = &str> {
        self.fields.rename.values().map(String::as_str)
    }

    /// Whether the route takes a value for null: an empty text, where it says so.
    pub(super) fn is_null(&self, value: Value<'_>) -> bool {
        value.is_null() || (self.empty == Empty::Null && value.json == "\"\"")
    }

    /// The name that the route gives a member.
    pub(super) fn renamed(&self, name: &str) -> Option<&str> {
        let renamed = self.fields.rename.iter().find(|(member, _)| member.eq_ignore_ascii_case(name));
        renamed.map(|(_, target)| target.as_str())
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
