//! The settings of a route that the conversion of a record needs.

use std::sync::Arc;

use bytestring::ByteString;

use crate::{
    config::{self, Constant, Empty, IdentitySource, Nulls, Tombstone},
    format::{Converters, NoRegistry, Registry},
    record::{CallOptions, OnMissing, Operation, Value},
};

/// The settings of one `[[routes]]` table for the conversion of a record to a row.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) converters: Converters,
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
    /// The call options of updates and upserts.
    pub(super) changing_options: Arc<CallOptions>,
    pub(super) options_from_headers: bool,
    pub(super) max_row_bytes: usize,
}

impl Settings {
    /// Reads the settings of a route.
    ///
    /// # Errors
    ///
    /// A format of the route needs the schema registry, and `registry` is `None`.
    pub(super) fn new(
        route: &config::Route,
        max_row_bytes: usize,
        registry: Option<&Arc<Registry>>,
    ) -> Result<Self, NoRegistry> {
        Ok(Self {
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

    /// Returns the fields and parents that the route sets in each row, whatever the record says.
    pub(super) fn own_targets(&self) -> impl Iterator<Item = &str> {
        let fields = &self.fields;
        let coordinates = [&fields.topic, &fields.partition, &fields.offset, &fields.timestamp];
        self.constants
            .iter()
            .map(|(name, _)| name.as_str())
            .chain(coordinates.into_iter().flatten().map(String::as_str))
    }

    /// Whether a value counts as null: a null, or an empty text with `empty = "null"`.
    pub(super) fn is_null(&self, value: Value<'_>) -> bool {
        value.is_null() || (self.empty == Empty::Null && value.json == "\"\"")
    }

    /// Returns the name that the route gives a member, if it renames the member.
    pub(super) fn renamed(&self, name: &str) -> Option<&str> {
        let renamed = self.fields.rename.iter().find(|(member, _)| member.eq_ignore_ascii_case(name));
        renamed.map(|(_, target)| target.as_str())
    }
}

/// Returns the fields and parents that the route adds to each row, with their JSON.
fn constants(fields: &config::Fields) -> Vec<(String, ByteString)> {
    let mut constants = Vec::with_capacity(fields.constant.len());
    for (target, constant) in &fields.constant {
        let json = match constant {
            Constant::Flag(flag) => flag.to_string(),
            Constant::Integer(number) => number.to_string(),
            Constant::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        };
        constants.push((target.clone(), json.into()));
    }
    constants
}
