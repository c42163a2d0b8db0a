//! Which rows of a rejected call its answer names: those are tried before the others are halved.
//!
//! Only a hint: a row that is named by mistake is sent alone and written. Whether the org counts columns in characters
//! or in bytes is not known, so that both readings name a row.

use super::{super::classify, collections::Rendered};
use crate::record::{AnyCase, Cause, Command, RecordId, Suspicion};

/// Says for each row how the answer names it: not at all where it names too many.
pub(crate) fn suspicions(cause: &Cause, call: &Rendered, rows: &[&Command], ids: &[RecordId]) -> Vec<Suspicion> {
    let sobject = rows.first().map_or("", |command| &*command.sobject.name);
    if let Some(field) = stray_field(cause, sobject) {
        let named = Suspicion::Field(field.into());
        return rows
            .iter()
            .map(|command| if holds(command, field) { named.clone() } else { Suspicion::NotNamed })
            .collect();
    }
    let message = &cause.message;
    let place = position(message);
    let [by_characters, by_bytes] =
        [characters, bytes].map(|count| place.and_then(|(line, column)| row_at(call, line, column, count)));
    let is_named = |(index, _): (usize, &&Command)| {
        by_characters == Some(index)
            || by_bytes == Some(index)
            // Messages quote the 15-character form as well.
            || ids.get(index).is_some_and(|id| message.contains(&id.as_str()[..15]))
    };
    let named: Vec<_> = rows.iter().enumerate().map(is_named).collect();
    let count = named.iter().filter(|named| **named).count();
    // More of them cost more calls than halving does, if they are innocent.
    let most = if rows.len() < 64 { 2 } else { 3 };
    let is_hint = count <= most && count < rows.len();
    named.into_iter().map(|named| if named && is_hint { Suspicion::Row } else { Suspicion::NotNamed }).collect()
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

/// The row that holds this place of the body, or the last one before it: parsers point at the end of what they read.
/// `count` says how many bytes of a line lie before a column.
fn row_at(call: &Rendered, line: usize, column: usize, count: fn(&str, usize) -> usize) -> Option<usize> {
    let mut offset = 0;
    // Values keep the line ends that they came with.
    for _ in 1..line {
        offset += call.body.get(offset..)?.iter().position(|b| *b == b'\n')? + 1;
    }
    let text = std::str::from_utf8(call.body.get(offset..)?).ok()?;
    let inside = count(text, column.checked_sub(1)?);
    call.ranges.partition_point(|range| range.start <= offset + inside).checked_sub(1)
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
