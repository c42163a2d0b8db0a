//! The four collection calls: up to 200 rows in one request, each with a result of its own (REST guide, "sObject
//! Collections").
//!
//! Invariant: we write `attributes` and the target ourselves, once; what the record said of either is gone before.

use std::io::{self, Write};

use bytes::Bytes;
use reqwest::Method;

use super::{
    super::http::request::{ApiRequest, Content, Endpoint, Purpose},
    send_row::SendRow,
    target::Target,
};
use crate::record::{Action, BatchKey, Command, KeyKind};

/// A call ready to be made, and its body: an answer may point into it.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) request: ApiRequest,
    pub(crate) body: Bytes,
}

const HEAD: &[u8] = br#"{"allOrNone":false,"records":["#;

/// Renders the outgoing rows, and notes in each of them where it begins in the body.
pub(crate) fn render(key: &BatchKey, rows: &mut [SendRow<'_>]) -> Rendered {
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
    let outgoing = rows.iter().filter(|row| row.outgoing().is_some()).count();
    let (query, body) =
        if key.action == Action::Delete { (Some(delete_query(rows)), Bytes::new()) } else { (None, write_rows(rows)) };
    let content = if body.is_empty() { Content::None } else { Content::Json(body.clone()) };
    let request = ApiRequest {
        kind: key.action.word(),
        purpose: Purpose::Write,
        rows: outgoing,
        method,
        endpoint: Endpoint::Data { segments, query },
        content,
        options: key.options.clone(),
        write_permit: None,
        distil: None,
    };
    Rendered { request, body }
}

/// Renders the ids to delete: 200 are 3.8 kB of the 16 kB that an address may have.
fn delete_query(rows: &[SendRow<'_>]) -> String {
    let mut query = String::from("ids=");
    for row in rows {
        if let Some(id) = row.outgoing().and_then(|outgoing| outgoing.target.id()) {
            if !query.ends_with('=') {
                query.push(',');
            }
            query.push_str(id.as_str());
        }
    }
    query.push_str("&allOrNone=false");
    query
}

fn write_rows(rows: &mut [SendRow<'_>]) -> Bytes {
    let outgoing = rows.iter().filter(|row| row.outgoing().is_some());
    let length: usize = outgoing.map(|row| row.command.row_len()).sum();
    let mut body = Vec::with_capacity(HEAD.len() + length + 2);
    body.extend_from_slice(HEAD);
    for row in rows {
        let command = row.command;
        let Some(outgoing) = row.outgoing_mut() else { continue };
        if body.len() > HEAD.len() {
            body.push(b',');
        }
        outgoing.start = Some(body.len());
        // Writing to memory does not fail, nor does a string as JSON.
        drop(write_row(&mut body, command, outgoing.target));
    }
    body.extend_from_slice(b"]}");
    body.into()
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
