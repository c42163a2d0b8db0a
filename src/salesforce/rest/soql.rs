//! `SELECT Id, F FROM T WHERE F IN (…)`: written so that a value stays a value, and an address stays short enough.

use std::{collections::BTreeMap, fmt::Write as _, ops::Range};

use serde::Deserialize;
use serde_json::value::RawValue;
use url::form_urlencoded::byte_serialize;

use super::super::answer;
use crate::record::{AnyCase, Cause, ExternalId, KeyField, KeyKind, RecordId};

/// A row of the answer: the record, and its key as the org holds it.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) id: RecordId,
    pub(crate) value: String,
}

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) hits: Vec<Hit>,
    pub(crate) next: Option<String>,
}

/// The URL's query, encoded.
pub(crate) fn query(sobject: &str, field: &KeyField, values: &[&ExternalId]) -> String {
    let name = &field.name;
    let mut soql = format!("SELECT Id, {name} FROM {sobject} WHERE {name}");
    if let [value] = values {
        soql.push_str(" = ");
        literal(&mut soql, value);
    } else {
        soql.push_str(" IN (");
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                soql.push(',');
            }
            literal(&mut soql, value);
        }
        soql.push(')');
    }
    let mut query = String::from("q=");
    query.extend(byte_serialize(soql.as_bytes()));
    query
}

/// Cuts the values so that each part fits one query, which has at most `longest` bytes: the org takes 16,384 for
/// address and headers together (REST guide, request limits). A value that fits none is left out: no field holds one
/// that long.
pub(crate) fn parts(values: &[&ExternalId], longest: usize) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut room = 0;
    for (index, value) in values.iter().enumerate() {
        let length = encoded_len(value);
        if length > longest - FRAME {
            room = 0;
            continue;
        }
        match parts.last_mut() {
            Some(part) if length <= room => {
                part.end = index + 1;
                room -= length;
            }
            _ => {
                parts.push(index..index + 1);
                room = longest - FRAME - length;
            }
        }
    }
    parts
}

/// The length of a query besides its values: three names of at most 80 characters, and its words.
const FRAME: usize = 400;

/// The length of a value in an address, with the comma before it.
fn encoded_len(value: &ExternalId) -> usize {
    let mut text = String::new();
    literal(&mut text, value);
    byte_serialize(text.as_bytes()).map(str::len).sum::<usize>() + "%2C".len()
}

fn literal(soql: &mut String, value: &ExternalId) {
    if let KeyKind::Number { .. } = value.field().kind {
        soql.push_str(value.text());
        return;
    }
    soql.push('\'');
    for c in value.stored().chars() {
        match c {
            '\'' | '\\' => soql.extend(['\\', c]),
            '\n' => soql.push_str("\\n"),
            '\r' => soql.push_str("\\r"),
            '\t' => soql.push_str("\\t"),
            '\u{8}' => soql.push_str("\\b"),
            '\u{c}' => soql.push_str("\\f"),
            // Writing to a string does not fail.
            c if c.is_control() => drop(write!(soql, "\\u{:04X}", u32::from(c))),
            c => soql.push(c),
        }
    }
    soql.push('\'');
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPage<'a> {
    #[serde(borrow)]
    records: Vec<BTreeMap<&'a str, &'a RawValue>>,
    done: bool,
    next_records_url: Option<String>,
}

pub(crate) fn read(body: &[u8], field: &KeyField) -> Result<Page, Cause> {
    let page: RawPage<'_> = serde_json::from_slice(body).map_err(|error| answer::unreadable(&error))?;
    let hit = |record: &BTreeMap<&str, &RawValue>| {
        let member =
            |name: &str| record.iter().find(|(key, _)| AnyCase(key) == AnyCase(name)).map(|(_, raw)| raw.get());
        let id = RecordId::from_org(&serde_json::from_str::<String>(member("Id")?).ok()?).ok()?;
        let raw = member(&field.name)?;
        // A number stays the text that it is.
        let value = if raw.starts_with('"') { serde_json::from_str(raw).ok()? } else { raw.to_owned() };
        Some(Hit { id, value })
    };
    let hits: Option<Vec<_>> = page.records.iter().map(hit).collect();
    let hits = hits.ok_or_else(|| Cause::new(format!("the org's answer lacks Id or {}", field.name)))?;
    let next = page.next_records_url.filter(|_| !page.done);
    if next.is_none() && !page.done {
        return Err(Cause::new("the org's answer is not done and has no next page"));
    }
    Ok(Page { hits, next })
}

#[cfg(test)]
#[path = "tests/soql.rs"]
mod tests;
