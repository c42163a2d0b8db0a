//! The facts of a call that faults select by: its family, its object, the keys and ids of its rows, and its text.

use serde_json::value::RawValue;

use super::{Fault, On};
use crate::{
    protocol::{Call, Kind, Request, Verb},
    query::Query,
    schema::Schema,
    store::Store,
    value::{Object, RecordId, Value},
};

/// The facts of one call. They are read leniently: a call that will be refused has facts, too.
#[derive(Debug)]
pub(crate) struct Facts {
    kind: Kind,
    sobjects: Vec<String>,
    /// For each row the values that name it.
    rows: Vec<Vec<String>>,
    soql: Option<String>,
    /// The number of values that a query asks for.
    asked: usize,
    /// The call is a part of a composite.
    is_part: bool,
    /// The decoded address with its query, and the body.
    texts: [String; 2],
}

impl Facts {
    pub(crate) fn of(call: &Call, request: &Request, schema: &Schema, store: &Store) -> Self {
        let body: &[u8] = &request.body;
        let texts = [request.decoded_address(), String::from_utf8_lossy(body).into_owned()];
        let (sobjects, rows) = (Vec::new(), Vec::new());
        let mut facts = Self { kind: call.kind(), sobjects, rows, soql: None, asked: 0, is_part: false, texts };
        facts.sobjects.extend(call.sobject().map(str::to_owned));
        match call {
            Call::Query { soql, .. } => {
                facts.soql = Some(soql.clone());
                let filters = Query::parse(schema, soql).map(|query| query.filters).unwrap_or_default();
                facts.asked = filters.iter().map(|filter| filter.any_of.len()).sum();
            }
            Call::Row { sobject, key, .. } => {
                let mut names: Vec<_> = key.iter().map(|(_, value)| value.clone()).collect();
                if let Ok(object) = std::str::from_utf8(body).map_err(drop).and_then(|b| Object::parse(b).map_err(drop))
                {
                    names.extend(row_names(schema, Some(sobject), &object));
                }
                facts.rows.push(names);
            }
            Call::Collection { verb: Verb::Delete, query, .. } => {
                let ids = query.iter().find(|(name, _)| name == "ids").map(|(_, ids)| ids.as_str()).unwrap_or_default();
                facts.rows.extend(ids.split(',').map(|id| vec![id.trim().to_owned()]));
            }
            Call::Collection { .. } => facts.collection(body, schema),
            _ => {}
        }
        facts.resolve(store);
        facts
    }

    /// The facts of a call as a part of a composite.
    pub(crate) fn of_part(self) -> Self {
        Self { is_part: true, ..self }
    }

    fn collection(&mut self, body: &[u8], schema: &Schema) {
        let Some(top) = std::str::from_utf8(body).ok().and_then(|body| Object::parse(body).ok()) else { return };
        let Some(records) = top.get("records") else { return };
        let records: Vec<&RawValue> = serde_json::from_str(records.get()).unwrap_or_default();
        for raw in records {
            let Ok(object) = Object::parse(raw.get()) else { continue };
            let attributes = object.get("attributes").and_then(|raw| Object::parse(raw.get()).ok());
            let named = attributes.and_then(|object| serde_json::from_str::<String>(object.get("type")?.get()).ok());
            self.rows.push(row_names(schema, named.as_deref(), &object));
            if let Some(name) = named.filter(|name| !self.sobjects.contains(name)) {
                self.sobjects.push(name);
            }
        }
    }

    /// A row named by its id is also named by the external ids that its record has.
    fn resolve(&mut self, store: &Store) {
        for names in &mut self.rows {
            for id in names.clone().iter().filter_map(|name| RecordId::parse(name)) {
                let Some(place) = store.place_of(id) else { continue };
                let table = &store.tables[place];
                names.push(id.to_string());
                if !self.sobjects.contains(&table.sobject.name) {
                    self.sobjects.push(table.sobject.name.clone());
                }
                if let Some(record) = table.rows.get(&id) {
                    names.extend(table.external_ids(record).into_values().filter_map(|value| match value {
                        Value::Text(text) | Value::Number(text) => Some(text),
                        _ => None,
                    }));
                }
            }
        }
    }

    /// The rows a fault strikes, or `None` if it does not strike this call.
    pub(super) fn matches(&self, fault: &Fault) -> Option<Vec<usize>> {
        let of_kind = match fault.on {
            // Of a composite they strike the whole.
            On::Any => !self.is_part,
            On::Data => !self.is_part && !matches!(self.kind, Kind::Login | Kind::Versions),
            On::Login => self.kind == Kind::Login,
            On::Versions => self.kind == Kind::Versions,
            On::Resources => self.kind == Kind::Resources,
            On::Describe => self.kind == Kind::Describe,
            On::Query => self.kind == Kind::Query,
            On::Limits => self.kind == Kind::Limits,
            On::Composite => self.kind == Kind::Composite,
            On::Create => self.kind == Kind::Write(Verb::Create),
            On::Update => self.kind == Kind::Write(Verb::Update),
            On::Upsert => self.kind == Kind::Write(Verb::Upsert),
            On::Delete => self.kind == Kind::Write(Verb::Delete),
            On::Write => matches!(self.kind, Kind::Write(_)),
        };
        let of_sobject = |wanted: &String| {
            let in_query = self.soql.as_ref().is_some_and(|soql| soql.split_whitespace().any(|word| word == wanted));
            in_query || self.sobjects.iter().any(|name| name.eq_ignore_ascii_case(wanted))
        };
        let is_small = fault.min_rows.is_some_and(|least| self.rows.len().max(self.asked) < least);
        let has_text = |text: &String| self.texts.iter().any(|held| held.contains(text.as_str()));
        let is_held = fault.text.as_ref().is_none_or(has_text);
        let is_for_a_call = self.is_part && !fault.action.strikes_parts();
        if !of_kind || is_for_a_call || is_small || !is_held || !fault.sobject.as_ref().is_none_or(of_sobject) {
            return None;
        }
        let Some(key) = &fault.key else { return Some((0..self.rows.len()).collect()) };
        let named = |names: &Vec<String>| names.iter().any(|name| name.trim().eq_ignore_ascii_case(key.trim()));
        let rows: Vec<_> = (0..self.rows.len()).filter(|row| named(&self.rows[*row])).collect();
        // A text is in quotes in a query, so that a longer one that begins like it does not match.
        let is_text = key.parse::<f64>().is_err();
        let asked = if is_text { format!("'{key}'") } else { key.clone() };
        let in_query = self.soql.as_ref().is_some_and(|soql| soql.contains(&asked));
        (!rows.is_empty() || in_query).then_some(rows)
    }

    /// The name of a row in an error text.
    pub(super) fn name(&self, row: usize) -> &str {
        self.rows.get(row).and_then(|names| names.last()).map_or("", String::as_str)
    }
}

/// The values of a row's id and key fields, as text.
fn row_names(schema: &Schema, sobject: Option<&str>, object: &Object<'_>) -> Vec<String> {
    let Some(sobject) = sobject.and_then(|name| schema.sobject(name)) else { return Vec::new() };
    let keys = object.0.iter().filter(|(name, _)| {
        let field = sobject.field(name).map(|place| &sobject.fields[place]);
        field.is_some_and(|field| field.usable_key() || field.unique)
    });
    keys.map(|(_, raw)| serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned())).collect()
}
