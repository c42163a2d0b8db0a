//! The four collection calls: up to 200 rows in one request, each with a result of its own (REST guide, "sObject
//! Collections").
//!
//! Invariant: we write `attributes` and the target ourselves, once; what the record said of either is gone before.

use std::{
    io::{self, Write},
    ops::Range,
};

use bytes::Bytes;
use reqwest::Method;

use super::super::http::request::{ApiRequest, Content, Endpoint, Purpose};
use crate::record::{Action, BatchKey, Command, ExternalId, KeyKind, RecordId};

/// The record that a rendered row is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    New,
    Id(RecordId),
    Key(&'a ExternalId),
}

impl Target<'_> {
    pub(crate) fn id(self) -> Option<RecordId> {
        match self {
            Self::Id(id) => Some(id),
            Self::New | Self::Key(_) => None,
        }
    }
}

/// A call ready to be made, and where each row lies in its body: an answer may point into it.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) request: ApiRequest,
    pub(crate) body: Bytes,
    pub(crate) ranges: Vec<Range<usize>>,
}

const HEAD: &[u8] = br#"{"allOrNone":false,"records":["#;

pub(crate) fn render(key: &BatchKey, rows: &[(&Command, Target<'_>)]) -> Rendered {
    let mut segments = vec!["composite".into(), "sobjects".into()];
    let method = match key.action {
        Action::Create => Method::POST,
        Action::Update => Method::PATCH,
        Action::Upsert => {
            segments.push(key.sobject.clone().into());
            segments.extend(key.key_field.clone().map(Into::into));
            Method::PATCH
        }
        Action::Delete => Method::DELETE,
    };
    let (query, body, ranges) = if key.action == Action::Delete {
        (Some(delete_query(rows)), Bytes::new(), Vec::new())
    } else {
        let (body, ranges) = write_rows(rows);
        (None, body, ranges)
    };
    let content = if body.is_empty() { Content::None } else { Content::Json(body.clone()) };
    let request = ApiRequest {
        kind: key.action.word(),
        purpose: Purpose::Write,
        rows: rows.len(),
        method,
        endpoint: Endpoint::Data { segments, query },
        content,
        options: key.options.clone(),
        write_permit: None,
        distil: None,
    };
    Rendered { request, body, ranges }
}

/// Renders the ids to delete: 200 are 3.8 kB of the 16 kB that an address may have.
fn delete_query(rows: &[(&Command, Target<'_>)]) -> String {
    let mut query = String::from("ids=");
    for (_, target) in rows {
        if let Target::Id(id) = target {
            if !query.ends_with('=') {
                query.push(',');
            }
            query.push_str(id.as_str());
        }
    }
    query.push_str("&allOrNone=false");
    query
}

fn write_rows(rows: &[(&Command, Target<'_>)]) -> (Bytes, Vec<Range<usize>>) {
    let length: usize = rows.iter().map(|(command, _)| command.row_len()).sum();
    let mut body = Vec::with_capacity(HEAD.len() + length + 2);
    body.extend_from_slice(HEAD);
    let mut ranges = Vec::with_capacity(rows.len());
    for (index, (command, target)) in rows.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let start = body.len();
        // Writing to memory does not fail, nor does a string as JSON.
        drop(write_row(&mut body, command, *target));
        ranges.push(start..body.len());
    }
    body.extend_from_slice(b"]}");
    (body.into(), ranges)
}

fn write_row(out: &mut impl Write, command: &Command, target: Target<'_>) -> io::Result<()> {
    out.write_all(br#"{"attributes":{"type":"#)?;
    write_string(out, &command.sobject.name)?;
    out.write_all(b"}")?;
    match target {
        Target::New => {}
        Target::Id(id) => {
            out.write_all(br#","Id":""#)?;
            out.write_all(id.as_str().as_bytes())?;
            out.write_all(b"\"")?;
        }
        Target::Key(external) => {
            out.write_all(b",")?;
            write_string(out, &external.field().name)?;
            out.write_all(b":")?;
            match external.field().kind {
                KeyKind::Text { .. } => write_string(out, external.text())?,
                KeyKind::Number { .. } => out.write_all(external.text().as_bytes())?,
            }
        }
    }
    for (name, value) in command.fields.iter() {
        out.write_all(b",")?;
        write_string(out, name)?;
        out.write_all(b":")?;
        out.write_all(value.as_bytes())?;
    }
    out.write_all(b"}")
}

fn write_string(out: &mut impl Write, text: &str) -> io::Result<()> {
    serde_json::to_writer(out, text).map_err(io::Error::from)
}

#[cfg(test)]
#[path = "tests/collections.rs"]
mod tests;
