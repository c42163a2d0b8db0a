//! sObject Collections, retrieve: records of one object by their ids, in the order asked, null for each that is not
//! there.

use serde::Deserialize;

use super::read::{column, row_json, syntax};
use crate::{
    protocol::{Answer, ApiError},
    schema::Schema,
    store::Store,
    value::RecordId,
};

/// Ids in a body; those in an address are bounded by its length (official guide).
const MAX_IDS: usize = 2000;

/// A retrieve call that was read.
pub(crate) struct Retrieve {
    place: usize,
    ids: Vec<String>,
    fields: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    fields: Vec<String>,
}

impl Retrieve {
    /// `query` is the address's, `text` the body of a call that has one.
    pub(crate) fn read(
        schema: &Schema,
        sobject: &str,
        query: Option<&[(String, String)]>,
        text: Option<&str>,
    ) -> Result<Self, ApiError> {
        let place = schema.place(sobject).ok_or_else(ApiError::not_found)?;
        let list = |name: &str| {
            let value = query.unwrap_or_default().iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
            let parts = value.unwrap_or_default().split(',').map(|part| part.trim().to_owned());
            parts.filter(|part| !part.is_empty()).collect::<Vec<_>>()
        };
        let asked = match text {
            Some(text) => serde_json::from_str(text).map_err(|error| syntax(&error))?,
            None => Asked { ids: list("ids"), fields: list("fields") },
        };
        for (name, values) in [("ids", &asked.ids), ("fields", &asked.fields)] {
            if values.is_empty() {
                return Err(ApiError::parse("MISSING_ARGUMENT", format!("{name} not specified")));
            }
        }
        if asked.ids.len() > MAX_IDS {
            let message = format!("record limit reached. cannot submit more than {MAX_IDS} records into this call");
            return Err(ApiError::parse("EXCEEDED_ID_LIMIT", message));
        }
        let sobject = &schema.sobjects[place];
        let fields = asked.fields.iter().map(|name| column(sobject, name)).collect::<Result<_, _>>()?;
        Ok(Self { place, ids: asked.ids, fields })
    }

    pub(crate) fn run(&self, store: &Store, version: u32, owner_only: bool) -> Answer {
        let table = &store.tables[self.place];
        let record = |id: &String| table.rows.get(&RecordId::parse(id)?).filter(|record| record.is_seen(owner_only));
        let rows = self.ids.iter().map(|id| record(id).map(|record| row_json(table, record, version, &self.fields)));
        Answer::json(200, &rows.collect::<Vec<_>>())
    }
}
