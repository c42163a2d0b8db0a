//! Reads Kafka Connect's JSON with a schema in every record: `{"schema": …, "payload": …}`, as `JsonConverter` writes
//! it with `schemas.enable`.
//!
//! | file | role |
//! |---|---|
//! | `schema` | compiles a schema of Connect |
//! | `payload` | converts a payload to JSON by its schema |

mod payload;
mod schema;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use moka::sync::Cache;

use self::schema::Schema;
use super::{Converted, FormatError, Selection, json, members::Members};

/// The converter. It caches compiled schemas by their texts, since the same schema comes with every record.
#[derive(Debug, Clone)]
pub struct JsonWithSchema(Cache<Text, Result<Arc<Schema>, String>>);

type Text = Arc<str>;

/// The limit of the texts of cached schemas, in bytes.
const MAX_CACHED: u64 = 1024 * 1024;

impl Default for JsonWithSchema {
    fn default() -> Self {
        let weigh = |text: &Text, _: &_| u32::try_from(text.len()).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(MAX_CACHED).weigher(weigh).build())
    }
}

impl JsonWithSchema {
    /// Converts a payload to JSON of at most `limit` bytes.
    pub fn read(&self, bytes: Bytes, limit: usize) -> Result<Converted, FormatError> {
        self.selected(bytes, &Selection::default(), limit)
    }

    /// Converts a payload to JSON of at most `limit` bytes; of a struct or a map only the selected members.
    pub(super) fn selected(&self, bytes: Bytes, selection: &Selection, limit: usize) -> Result<Converted, FormatError> {
        let text = json::unmarked(bytes)?;
        let envelope = Members::read(&text)?;
        let (Some(schema), Some(payload), 2) =
            (envelope.find(0, "schema"), envelope.find(1, "payload"), envelope.list.len())
        else {
            let message = "it is not {\"schema\": …, \"payload\": …} and nothing else, as JsonConverter writes it";
            return Err(FormatError::new(message));
        };
        let payload = text.slice_ref(payload);
        if schema == "null" {
            return json::read_text(payload, selection, limit);
        }
        match self.schema(schema) {
            Ok(schema) => schema.read(&payload, selection, limit),
            Err(error) => Err(FormatError::new(format!("its schema cannot be read: {error}"))),
        }
    }

    fn schema(&self, text: &str) -> Result<Arc<Schema>, String> {
        if let Some(known) = self.0.get(text) {
            return known;
        }
        let schema = Schema::compile(text).map(Arc::new);
        self.0.insert(text.into(), schema.clone());
        schema
    }
}
