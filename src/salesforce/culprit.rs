//! Which rows of a refused call its answer names: those go alone, and the others need not be halved.
//!
//! Only a hint: a row that is named by mistake is sent alone and written.

use super::collections::Rendered;
use crate::record::{Cause, Command, RecordId};

/// For each row, whether the answer names it. All `false` where it names none, or all.
pub(super) fn suspects(cause: &Cause, call: &Rendered, rows: &[&Command], ids: &[RecordId]) -> Vec<bool> {
    let message = &cause.message;
    let column = position(message).and_then(|(line, column)| row_at(call, line, column));
    let field = stray_field(message);
    let named: Vec<bool> = rows
        .iter()
        .enumerate()
        .map(|(index, command)| {
            column == Some(index)
                || field.is_some_and(|field| command.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(field)))
                // Messages quote the 15-character form as well.
                || ids.get(index).is_some_and(|id| message.contains(&id.as_str()[..15]))
        })
        .collect();
    if named.iter().all(|named| *named) { vec![false; rows.len()] } else { named }
}

/// `… at [line:1, column:179]`, both from 1.
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
fn row_at(call: &Rendered, line: usize, column: usize) -> Option<usize> {
    let mut offset = 0;
    // Values keep the line ends that they came with.
    for _ in 1..line {
        offset += call.body.get(offset..)?.iter().position(|b| *b == b'\n')? + 1;
    }
    let text = std::str::from_utf8(call.body.get(offset..)?).ok()?;
    // Columns count characters.
    let inside = text.char_indices().nth(column.checked_sub(1)?).map_or(text.len(), |(at, _)| at);
    call.ranges.partition_point(|range| range.start <= offset + inside).checked_sub(1)
}

/// `No such column 'FavoritePet__c' on sobject of type Account`.
fn stray_field(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("No such column '")?;
    rest.split_once('\'').map(|(field, _)| field)
}

#[cfg(test)]
#[path = "tests/culprit.rs"]
mod tests;
