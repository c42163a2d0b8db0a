//! sObject Rows: one record by its id, or by an external id in the address.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Forced, Input, Reader,
    apply::{self, Applied, Match},
    input::Row,
    read::{column, needs_all_data, row_json, syntax},
};
use crate::{
    protocol::{Answer, ApiError, RowError, Verb},
    schema::Schema,
    settings::Choices,
    store::{Asked, Store, Transaction},
    value::{Body, Object, RecordId},
};

/// The answer to a read of such a record: it does not exist.
const GONE: [&str; 2] = ["INVALID_CROSS_REFERENCE_KEY", "INSUFFICIENT_ACCESS_OR_READONLY"];

/// A single-row call that was read.
pub(crate) struct Single {
    version: u32,
    verb: Option<Verb>,
    place: usize,
    key: Option<Key>,
    row: Option<Row>,
    /// `updateOnly=true` of an upsert, and `fields=` of a read.
    update_only: bool,
    fields: Vec<usize>,
}

/// The field and value of an address.
struct Key {
    field: usize,
    by_id: bool,
    text: String,
    input: Input,
}

/// Quoted key order of a single row's success.
#[derive(Serialize)]
struct Saved {
    id: RecordId,
    success: bool,
    errors: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<bool>,
}

/// The result of a single-row call.
pub(crate) enum Done {
    Applied(Applied),
    Read(Answer),
}

impl Single {
    #[expect(clippy::too_many_arguments, reason = "the parts of one address")]
    pub(crate) fn read(
        schema: &Schema,
        choices: &Choices<'_>,
        version: u32,
        verb: Option<Verb>,
        sobject: &str,
        key: Option<&(String, String)>,
        query: &[(String, String)],
        text: Option<&str>,
    ) -> Result<Self, ApiError> {
        let place = schema.place(sobject).ok_or_else(ApiError::not_found)?;
        let sobject = &schema.sobjects[place];
        let reader = Reader { schema, body: Body(text.unwrap_or_default()), choices, is_single: true };
        let key = key.map(|(field, value)| Key::read(&reader, place, field, value)).transpose()?;
        if let Some(key) = key.as_ref().filter(|_| verb == Some(Verb::Upsert)) {
            needs_all_data(choices, &sobject.fields[key.field])?;
        }
        let mut row = text
            .map(|text| {
                let raw: &RawValue = serde_json::from_str(text).map_err(|error| syntax(&error))?;
                let object = Object::parse(raw.get()).map_err(|error| syntax(&error))?;
                let refused = key.as_ref().filter(|key| !key.by_id).map(|key| key.field);
                reader.row(place, raw, &object, false, refused)
            })
            .transpose()?;
        if let (Some(row), Some(key)) = (&mut row, &key) {
            row.asked.key = serde_json::value::to_raw_value(&key.text).ok();
        }
        let get = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let fields = match get("fields") {
            None => (0..sobject.fields.len()).filter(|field| !sobject.fields[*field].hidden).collect(),
            Some(names) => names.split(',').map(|name| column(sobject, name.trim())).collect::<Result<_, _>>()?,
        };
        let update_only = version >= 61 && get("updateOnly").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Ok(Self { version, verb, place, key, row, update_only, fields })
    }

    /// Applies or reads the row. A failed row changes nothing.
    pub(crate) fn run(self, mut tx: Transaction<'_>, forced: &Forced) -> Result<Answer, ApiError> {
        if let Some(error) = forced.all.as_ref().or_else(|| forced.rows.get(&0)) {
            return Err(error.clone().into_api());
        }
        let (verb, version, place) = (self.verb, self.version, self.place);
        match self.apply(&mut tx) {
            Ok(Done::Read(answer)) => Ok(answer),
            Ok(Done::Applied(applied)) => {
                let name = tx.store.tables[place].sobject.name.clone();
                tx.commit();
                Ok(saved(verb, version, &name, applied))
            }
            Err(error) => {
                tx.rollback();
                Err(error)
            }
        }
    }

    fn apply(self, tx: &mut Transaction<'_>) -> Result<Done, ApiError> {
        if let Some(error) = self.row.as_ref().and_then(|row| row.refused.clone()) {
            return Err(error.into_api());
        }
        let place = self.place;
        let Some(key) = self.key else {
            let row = self.row.ok_or_else(ApiError::not_found)?;
            return apply::create(tx, row).map(Done::Applied).map_err(RowError::into_api);
        };
        let found = if key.by_id {
            // A vanished id is named by its own error, except that a read says NOT_FOUND.
            match apply::locate(tx.view(), place, &key.text) {
                // Missing, or not shared with the user (REST guide, "Status Codes").
                Err(error) if self.verb.is_none() && GONE.contains(&error.code.as_str()) => Match::Nothing,
                found => Match::One(found.map_err(RowError::into_api)?),
            }
        } else {
            apply::find(tx.view(), place, key.field, &key.input).map_err(RowError::into_api)?
        };
        let id = match found {
            Match::One(id) => Some(id),
            Match::Nothing => None,
            Match::Several(ids) => return Ok(Done::Read(choices(tx.store, place, self.version, &ids))),
        };
        match (self.verb, id) {
            (None, Some(id)) => {
                let table = &tx.store.tables[place];
                let record = table.rows.get(&id).ok_or_else(ApiError::not_found)?;
                Ok(Done::Read(Answer::json(200, &row_json(table, record, self.version, &self.fields))))
            }
            (Some(Verb::Delete), Some(id)) => {
                let asked = Asked { key: serde_json::value::to_raw_value(&key.text).ok(), fields: None };
                apply::delete(tx, &id.to_string(), asked).map(Done::Applied).map_err(RowError::into_api)
            }
            (Some(_), Some(id)) => {
                let row = self.row.ok_or_else(ApiError::not_found)?;
                apply::update(tx, &id.to_string(), row).map(Done::Applied).map_err(RowError::into_api)
            }
            (Some(Verb::Upsert), None) if !self.update_only => {
                let mut row = self.row.ok_or_else(ApiError::not_found)?;
                row.fields.push((key.field, key.input));
                apply::create(tx, row).map(Done::Applied).map_err(RowError::into_api)
            }
            (_, None) => Err(ApiError::not_found()),
        }
    }
}

impl Key {
    fn read(reader: &Reader<'_>, place: usize, name: &str, value: &str) -> Result<Self, ApiError> {
        let sobject = &reader.schema.sobjects[place];
        let by_id = name.eq_ignore_ascii_case("Id");
        let field = sobject.field(name).filter(|field| sobject.fields[*field].usable_key());
        let field = field.ok_or_else(|| no_such_key(name))?;
        // `/sobjects/T/{x}` with an x that is not an id takes x as the name of a key field (fixture, `delete-bad-id`).
        if by_id && !matches!(value.len(), 15 | 18) {
            return Err(no_such_key(value));
        }
        if value.is_empty() {
            return Err(no_such_key(name));
        }
        let raw = serde_json::value::to_raw_value(value).map_err(|error| syntax(&error))?;
        let input = reader.input(&sobject.fields[field], &raw)?;
        Ok(Self { field, by_id, text: value.to_owned(), input })
    }
}

/// Fixture, `upsert-unknown-external-id-field`.
pub(super) fn no_such_key(name: &str) -> ApiError {
    let message = format!("Provided external ID field does not exist or is not accessible: {name}");
    ApiError::new(404, "NOT_FOUND", message)
}

/// 300 with the addresses of all matches; nothing is written (fixture, `upsert-multiple-choices`).
fn choices(store: &Store, place: usize, version: u32, ids: &[RecordId]) -> Answer {
    let name = &store.tables[place].sobject.name;
    let urls: Vec<_> = ids.iter().map(|id| format!("/services/data/v{version}.0/sobjects/{name}/{id}")).collect();
    Answer::json(300, &urls)
}

fn saved(verb: Option<Verb>, version: u32, sobject: &str, applied: Applied) -> Answer {
    let upsert = verb == Some(Verb::Upsert);
    // Before v46 an upsert that updated answered 204, and none said `created` (official guide).
    let says_created = upsert && version >= 46;
    let created = says_created.then_some(applied.created);
    let body = Saved { id: applied.id, success: true, errors: [], created };
    if applied.created {
        let mut answer = Answer::json(201, &body);
        answer.location = Some(format!("/services/data/v{version}.0/sobjects/{sobject}/{}", applied.id));
        answer
    } else if says_created {
        Answer::json(200, &body)
    } else {
        Answer::empty(204)
    }
}
