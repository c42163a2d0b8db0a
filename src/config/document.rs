//! Parses the text of the file into values, and remembers the line of each key.
//!
//! Hazard: the `Display` of a parse error quotes the line, which may hold a secret. Only its message is used.

use std::collections::HashMap;

use config::{Map, Value, ValueKind};
use toml::de::{DeInteger, DeTable, DeValue};

use super::path::{element, join};
use super::problem::Problem;

/// The values of a file, and the line of each. Keys of `lines` are paths: `kafka.group_id`, `routes[0].topic`.
pub(super) struct Document {
    pub(super) values: Map<String, Value>,
    pub(super) lines: HashMap<String, usize>,
}

impl Document {
    /// Parses a file's text. The problem of a syntax error names a line, and not yet a file.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let document = DeTable::parse(text).map_err(|error| {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            let message = format!("column {column}: {}", error.message().replace('\n', ", "));
            Problem { line: Some(line), ..Problem::new("", message) }
        })?;
        let mut walk = Walk { text, lines: HashMap::new() };
        let values = walk.table("", document.get_ref());
        Ok(Self { values, lines: walk.lines })
    }
}

struct Walk<'a> {
    text: &'a str,
    lines: HashMap<String, usize>,
}

impl Walk<'_> {
    fn table(&mut self, parent: &str, table: &DeTable<'_>) -> Map<String, Value> {
        let entries = table.iter().map(|(name, value)| {
            let path = join(parent, name.get_ref());
            self.lines.insert(path.clone(), position(self.text, name.span().start).0);
            (name.get_ref().to_string(), self.value(&path, value.get_ref()))
        });
        entries.collect()
    }

    fn value(&mut self, path: &str, value: &DeValue<'_>) -> Value {
        let kind = match value {
            DeValue::String(text) => ValueKind::String(text.to_string()),
            DeValue::Integer(number) => integer(number),
            DeValue::Float(number) => ValueKind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
            DeValue::Datetime(time) => ValueKind::String(time.to_string()),
            DeValue::Array(array) => ValueKind::Array(
                array
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        let path = element(path, index);
                        self.lines.insert(path.clone(), position(self.text, item.span().start).0);
                        self.value(&path, item.get_ref())
                    })
                    .collect(),
            ),
            DeValue::Table(table) => ValueKind::Table(self.table(path, table)),
        };
        Value::new(None, kind)
    }
}

/// Converts an integer. No key takes more than 64 bits: a longer one becomes an `I128`, so that its problem can say so.
fn integer(number: &DeInteger<'_>) -> ValueKind {
    match i64::from_str_radix(number.as_str(), number.radix()) {
        Ok(number) => ValueKind::I64(number),
        Err(_) => ValueKind::I128(i128::MAX),
    }
}

/// Returns the line and the column, both from 1, of a byte of the text.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..byte.min(text.len())];
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
    let line = before.split(|&b| b == b'\n').count();
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    (line, column)
}
