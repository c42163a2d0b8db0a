//! sObject Collections: up to 200 rows in one call, one result for each, in their order.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Forced, Input, Reader, apply,
    apply::Applied,
    input::Row,
    read::{needs_all_data, syntax},
    validate::{find_parents, stored},
};
use crate::{
    protocol::{ApiError, RowError, Verb},
    schema::{FieldType, Schema},
    settings::{Choices, SameIdTwice},
    store::{Asked, Store, Transaction, View},
    value::{Body, Object, RecordId},
};

/// Rows in one call, and runs of consecutive equal type among them (official guide, sObject Collections).
const MAX_ROWS: usize = 200;
const MAX_CHUNKS: usize = 10;

/// A collections call that was read.
pub(crate) struct Collection {
    verb: Verb,
    all_or_none: bool,
    key: Option<usize>,
    rows: Vec<Work>,
}

enum Work {
    Save(Row),
    Delete(String),
}

/// One element of the answer; keys in the recorded order.
#[derive(Debug, Serialize)]
pub(crate) struct RowResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<RecordId>,
    success: bool,
    errors: Vec<RowError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<bool>,
}

impl Collection {
    /// `target` is the object and key of an upsert's address.
    pub(crate) fn read(
        schema: &Schema,
        choices: &Choices<'_>,
        verb: Verb,
        target: Option<(&str, &str)>,
        text: &str,
    ) -> Result<Self, ApiError> {
        let reader = Reader { schema, body: Body(text), choices, is_single: false };
        let target = target.map(|(sobject, field)| upsert_target(schema, sobject, field)).transpose()?;
        if let Some((place, key)) = target {
            needs_all_data(choices, &schema.sobjects[place].fields[key])?;
        }
        let top = Object::parse(text).map_err(|error| syntax(&error))?;
        let (mut all_or_none, mut records) = (false, None);
        for (name, raw) in &top.0 {
            match name.as_str() {
                "allOrNone" => {
                    all_or_none = serde_json::from_str(raw.get()).map_err(|_| reader.cannot("boolean", raw))?;
                }
                "records" => {
                    let list: Vec<&RawValue> =
                        serde_json::from_str(raw.get()).map_err(|_| reader.cannot("list", raw))?;
                    records = Some(list);
                }
                other => {
                    let message = format!("Unrecognized field \"{other}\" at {}", reader.place(raw.get()));
                    return Err(ApiError::parse("JSON_PARSER_ERROR", message));
                }
            }
        }
        let records = records.filter(|records| !records.is_empty());
        let records = records.ok_or_else(|| ApiError::parse("MISSING_ARGUMENT", "records not specified"))?;
        limit(records.len())?;
        let key = target.map(|(_, key)| key);
        let by_id = target.is_some_and(|(place, key)| schema.sobjects[place].fields[key].kind == FieldType::Id);
        let mut rows = Vec::with_capacity(records.len());
        for raw in records {
            let object = Object::parse(raw.get()).map_err(|_| reader.cannot("sObject", raw))?;
            let place = row_type(&reader, raw, &object)?;
            if target.is_some_and(|(expected, _)| expected != place) {
                let name = &schema.sobjects[place].name;
                let message = format!("sObject type {name} does not match the type of the request");
                return Err(ApiError::parse("INVALID_TYPE", message));
            }
            let mut row = reader.row(place, raw, &object, verb == Verb::Update || by_id, None)?;
            let key_name = key.map_or("Id", |key| row.sobject.fields[key].name.as_str());
            row.asked.key = object.get(key_name).filter(|_| verb != Verb::Create).map(ToOwned::to_owned);
            rows.push(Work::Save(row));
        }
        chunks(rows.iter().map(|work| match work {
            Work::Save(row) => Some(row.place),
            Work::Delete(_) => None,
        }))?;
        Ok(Self { verb, all_or_none, key, rows })
    }

    /// A delete, which has no body.
    pub(crate) fn delete(query: &[(String, String)], store: &Store) -> Result<Self, ApiError> {
        let get = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let ids = get("ids").filter(|ids| !ids.is_empty());
        let ids = ids.ok_or_else(|| ApiError::parse("MISSING_ARGUMENT", "ids not specified"))?;
        let ids: Vec<_> = ids.split(',').map(|id| id.trim().to_owned()).collect();
        limit(ids.len())?;
        chunks(ids.iter().map(|id| RecordId::parse(id).and_then(|id| store.place_of(id))))?;
        let all_or_none = get("allOrNone").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Ok(Self { verb: Verb::Delete, all_or_none, key: None, rows: ids.into_iter().map(Work::Delete).collect() })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The parents that each row names, and the record that it changes, as far as they are records of this org.
    pub(crate) fn parents(&self, view: View<'_>) -> Vec<Vec<RecordId>> {
        let own = |row: &Row| {
            let id = row.id.as_ref().and_then(Input::as_id).and_then(RecordId::parse);
            let key = self.key.filter(|_| id.is_none());
            let input = key.and_then(|key| Some((key, &row.fields.iter().find(|(field, _)| *field == key)?.1)));
            let value = input.and_then(|(key, input)| Some((key, stored(view, &row.sobject.fields[key], input).ok()?)));
            let keyed = value.map(|(key, value)| view.keyed(row.place, key, &value)).unwrap_or_default();
            id.into_iter().chain(keyed)
        };
        let parents = |row: &Row| {
            let named = row.fields.iter().filter_map(|(field, input)| {
                let field = &row.sobject.fields[*field];
                let value = (field.kind == FieldType::Reference).then(|| stored(view, field, input).ok())??;
                value.as_text().and_then(RecordId::parse)
            });
            named.chain(own(row)).filter(|id| view.store.place_of(*id).is_some()).collect()
        };
        let of_work = |work: &Work| match work {
            Work::Save(row) => parents(row),
            Work::Delete(id) => RecordId::parse(id).into_iter().collect(),
        };
        self.rows.iter().map(of_work).collect()
    }

    /// Applies the rows in their order. With `allOrNone` one failure undoes all. Also returns for how many rows
    /// triggers were run.
    pub(crate) fn run(mut self, mut tx: Transaction<'_>, forced: &Forced) -> (Vec<RowResult>, usize) {
        let (verb, all_or_none, key, settings) = (self.verb, self.all_or_none, self.key, tx.rules.settings);
        let twice = self.twice(tx.view());
        for work in &mut self.rows {
            if let Work::Save(row) = work {
                find_parents(tx.view(), row);
            }
        }
        let mut results = Vec::with_capacity(self.rows.len());
        for (place, (work, twice)) in self.rows.into_iter().zip(twice).enumerate() {
            let forced = forced.all.as_ref().or_else(|| forced.rows.get(&place));
            let refused = match &work {
                Work::Save(row) => row.refused.clone(),
                Work::Delete(_) => None,
            };
            results.push(match forced.cloned().or(refused).or(twice) {
                Some(error) => Err(error),
                None => run_row(&mut tx, key, verb, work),
            });
        }
        let failed = results.iter().any(Result::is_err);
        // A partial save is done again without the rows that have failed (Apex guide, "Bulk DML Exception Handling").
        let saved = results.iter().filter(|result| result.is_ok()).count();
        let triggered = if failed && !all_or_none { 2 * saved } else { saved };
        let rolled_back = all_or_none && failed;
        if rolled_back {
            tx.rollback();
        } else {
            tx.commit();
        }
        let mut answers: Vec<_> = results
            .into_iter()
            .enumerate()
            .map(|(place, result)| {
                RowResult::new(verb, result, rolled_back, settings.readings.failed_rows_say_created.at(place))
            })
            .collect();
        answers.truncate(answers.len().saturating_sub(forced.missing));
        (answers, triggered)
    }

    /// For each row, the error it has because another row of the call has the same key or id.
    fn twice(&self, view: View<'_>) -> Vec<Option<RowError>> {
        let settings = view.rules.settings;
        let keys: Vec<_> = self.rows.iter().map(|work| self.identity(view, work)).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (key, _) in keys.iter().flatten() {
            *counts.entry(key).or_default() += 1;
        }
        let mut met: HashMap<&str, usize> = HashMap::new();
        keys.iter()
            .map(|identity| {
                let (key, error) = identity.as_ref()?;
                let before = met.entry(key).or_default();
                *before += 1;
                let all = self.key.is_some() || settings.readings.same_id_twice == SameIdTwice::FailAll;
                let later = settings.readings.same_id_twice == SameIdTwice::FailLater && *before > 1;
                (counts[key.as_str()] > 1 && (all || later)).then(|| error.clone())
            })
            .collect()
    }

    /// How the org compares the row's key or id, and the error of a row whose twin is in the same call.
    fn identity(&self, view: View<'_>, work: &Work) -> Option<(String, RowError)> {
        let (id, row) = match work {
            Work::Delete(id) => (Some(id.clone()), None),
            Work::Save(row) => (row.id.as_ref().and_then(Input::as_id).map(str::to_owned), Some(row)),
        };
        if let (Some(field), Some(row)) = (self.key, row)
            && row.id.is_none()
        {
            let described = &row.sobject.fields[field];
            let (_, input) = row.fields.iter().find(|(place, _)| *place == field)?;
            let value = stored(view, described, input).ok()?;
            let shown = match &value {
                crate::value::Value::Number(text) | crate::value::Value::Text(text) => text.clone(),
                _ => return None,
            };
            let message = format!("Duplicate external id specified: {shown}");
            return Some((view.key(described, &value)?, RowError::new("DUPLICATE_VALUE", message, &[&described.name])));
        }
        let id = RecordId::parse(&id?)?;
        Some((id.to_string(), RowError::new("DUPLICATE_VALUE", format!("Duplicate id specified: {id}"), &["Id"])))
    }
}

fn run_row(tx: &mut Transaction<'_>, key: Option<usize>, verb: Verb, work: Work) -> Result<Applied, RowError> {
    match work {
        Work::Delete(id) => {
            let asked = Asked { key: serde_json::value::to_raw_value(&id).ok(), fields: None };
            apply::delete(tx, &id, asked)
        }
        Work::Save(row) => match (verb, key) {
            (Verb::Update, _) => match row.id.as_ref().and_then(Input::as_id).map(str::to_owned) {
                Some(id) => apply::update(tx, &id, row),
                None => Err(RowError::new("MISSING_ARGUMENT", "Id not specified in an update call", &[])),
            },
            (_, Some(key)) => {
                let named = row.fields.iter().find(|(field, _)| *field == key).map(|(_, input)| input.clone());
                let named = named.or_else(|| row.id.clone()).unwrap_or(Input::Null);
                apply::upsert(tx, key, &named, row)
            }
            _ => apply::create(tx, row),
        },
    }
}

impl RowResult {
    fn new(verb: Verb, result: Result<Applied, RowError>, rolled_back: bool, generous: bool) -> Self {
        let upsert = verb == Verb::Upsert;
        match result {
            Ok(applied) if !rolled_back => {
                let created = upsert.then_some(applied.created);
                Self { id: Some(applied.id), success: true, errors: Vec::new(), created }
            }
            // The official guide shows a rolled-back row with an id; a live-org test of jsforce sees `created:true` on
            // failed rows. Neither means anything without `success`.
            Ok(applied) => {
                let message =
                    "Record rolled back because not all records were valid and the request was using AllOrNone header";
                let errors = vec![RowError::new("ALL_OR_NONE_OPERATION_ROLLED_BACK", message, &[])];
                let (id, created) = (generous.then_some(applied.id), (upsert && generous).then_some(true));
                Self { id, success: false, errors, created }
            }
            Err(error) => {
                Self { id: None, success: false, errors: vec![error], created: (upsert && generous).then_some(true) }
            }
        }
    }
}

fn upsert_target(schema: &Schema, sobject: &str, field: &str) -> Result<(usize, usize), ApiError> {
    let place = schema.place(sobject).ok_or_else(ApiError::not_found)?;
    let sobject = &schema.sobjects[place];
    let key = sobject.field(field).filter(|key| sobject.fields[*key].usable_key());
    Ok((place, key.ok_or_else(|| super::single::no_such_key(field))?))
}

fn row_type(reader: &Reader<'_>, raw: &RawValue, object: &Object<'_>) -> Result<usize, ApiError> {
    let attributes = object.get("attributes").and_then(|raw| Object::parse(raw.get()).ok());
    let name = attributes.and_then(|object| serde_json::from_str::<String>(object.get("type")?.get()).ok());
    // The guide asks for it in every row; which error its absence gives was not found.
    let name = name.ok_or_else(|| {
        let message = format!("attributes.type is missing at {}", reader.place(raw.get()));
        ApiError::parse("JSON_PARSER_ERROR", message)
    })?;
    let place = reader.schema.place(&name);
    place.ok_or_else(|| ApiError::parse("INVALID_TYPE", format!("sObject type '{name}' is not supported.")))
}

fn limit(rows: usize) -> Result<(), ApiError> {
    if rows <= MAX_ROWS {
        return Ok(());
    }
    // Quoted.
    let message = format!("record limit reached. cannot submit more than {MAX_ROWS} records into this call");
    Err(ApiError::parse("EXCEEDED_ID_LIMIT", message))
}

fn chunks(types: impl Iterator<Item = Option<usize>>) -> Result<(), ApiError> {
    let mut runs: Vec<Option<usize>> = types.collect();
    runs.dedup();
    if runs.len() <= MAX_CHUNKS {
        return Ok(());
    }
    let message = format!(
        "Cannot have more than {MAX_CHUNKS} chunks in a single operation. Please rearrange the data to reduce chunking."
    );
    Err(ApiError::parse("LIMIT_EXCEEDED", message))
}
