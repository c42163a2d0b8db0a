//! Which rows of a rejected call its answer names: those are tried before the others are halved.
//!
//! Only a hint: a row that is named by mistake is sent alone and written. Whether the org counts columns in characters
//! or in bytes is not known, so that both readings name a row.

use super::{super::classify, send_row::SendRow};
use crate::record::{AnyCase, Cause, Command, Suspicion};

/// Notes in each outgoing row how the answer names it: not at all where it names too many. `body` is that of the call.
pub(crate) fn mark(cause: &Cause, body: &[u8], rows: &mut [SendRow<'_>]) {
    let sobject = rows.first().map_or("", |row| &*row.command.sobject.name);
    if let Some(field) = stray_field(cause, sobject) {
        for row in rows {
            let command = row.command;
            if let Some(outgoing) = row.outgoing_mut()
                && holds(command, field)
            {
                outgoing.suspicion = Suspicion::Field(field.into());
            }
        }
        return;
    }
    let message = &cause.message;
    let place = position(message);
    let [by_characters, by_bytes] = [characters, bytes]
        .map(|count| place.and_then(|(line, column)| start_of_row_at(body, rows, line, column, count)));
    let (mut sent, mut named) = (0, 0);
    for row in &mut *rows {
        let Some(outgoing) = row.outgoing_mut() else { continue };
        sent += 1;
        let is_at_place = outgoing.start.is_some() && [by_characters, by_bytes].contains(&outgoing.start);
        // Messages quote the 15-character form as well.
        let is_quoted = outgoing.target.id().is_some_and(|id| message.contains(&id.as_str()[..15]));
        if is_at_place || is_quoted {
            outgoing.suspicion = Suspicion::Row;
            named += 1;
        }
    }
    // More of them cost more calls than halving does, if they are innocent.
    let most = if sent < 64 { 2 } else { 3 };
    if named > most || named == sent {
        for outgoing in rows.iter_mut().filter_map(SendRow::outgoing_mut) {
            outgoing.suspicion = Suspicion::NotNamed;
        }
    }
}

/// Says how the answer that rejects a query for record ids names each of its rows: by the key field that all of them
/// share.
pub(crate) fn suspicion_of_key(cause: &Cause, sobject: &str, key_field: &str) -> Suspicion {
    match stray_field(cause, sobject) {
        Some(field) if AnyCase(field) == AnyCase(key_field) => Suspicion::Field(field.into()),
        _ => Suspicion::NotNamed,
    }
}

/// Whether a row has the field. A parent stands under the name of its relationship.
fn holds(command: &Command, field: &str) -> bool {
    let relationship = command.sobject.field(field).and_then(|field| field.relationship.as_ref());
    command.fields.iter().any(|(name, _)| *name == *field || Some(name) == relationship)
}

/// Finds line and column, both from 1, in `… at [line:1, column:179]`.
fn position(message: &str) -> Option<(usize, usize)> {
    let number = |text: &str| {
        let text = text.trim_start_matches([':', ' ']);
        text[..text.bytes().take_while(u8::is_ascii_digit).count()].parse().ok()
    };
    let (_, line) = message.rsplit_once("[line")?;
    let (_, column) = line.split_once("column")?;
    Some((number(line)?, number(column)?))
}

/// The start of the row that holds this place of the body, or of the last one before it: parsers point at the end of
/// what they read. `count` says how many bytes of a line lie before a column.
fn start_of_row_at(
    body: &[u8],
    rows: &[SendRow<'_>],
    line: usize,
    column: usize,
    count: fn(&str, usize) -> usize,
) -> Option<usize> {
    let mut offset = 0;
    // Values keep the line ends that they came with.
    for _ in 1..line {
        offset += body.get(offset..)?.iter().position(|b| *b == b'\n')? + 1;
    }
    let text = std::str::from_utf8(body.get(offset..)?).ok()?;
    let inside = count(text, column.checked_sub(1)?);
    let starts = rows.iter().filter_map(|row| row.outgoing()?.start);
    starts.take_while(|start| *start <= offset + inside).last()
}

fn characters(text: &str, column: usize) -> usize {
    text.char_indices().nth(column).map_or(text.len(), |(at, _)| at)
}

fn bytes(text: &str, column: usize) -> usize {
    column.min(text.len())
}

/// Finds the field in `No such column 'FavoritePet__c' on sobject of type Account`, or the first that the answer lists.
///
/// Only where the answer says that the field itself is not to be had: a rejection of one row's value says nothing of
/// the other rows that hold the field. A field of a parent is another SObject's, whatever its name.
fn stray_field<'a>(cause: &'a Cause, sobject: &str) -> Option<&'a str> {
    if !classify::doubts_description(cause) {
        return None;
    }
    let Some((_, rest)) = cause.message.split_once("No such column '") else {
        return cause.fields.first().map(String::as_str);
    };
    let (field, rest) = rest.split_once('\'')?;
    let other =
        rest.split_once("on sobject of type ").map(|(_, name)| name.trim_start().split([' ', '.', '\'', '"']).next());
    other.flatten().is_none_or(|name| AnyCase(name) == AnyCase(sobject)).then_some(field)
}

#[cfg(test)]
#[path = "tests/suspects.rs"]
mod tests;
