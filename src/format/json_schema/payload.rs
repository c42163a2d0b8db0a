use bytes::Bytes;

use super::schema::Schema;
use crate::{
    format::{
        Converted, FormatError, Selection, json,
        logical::Logical,
        members::{Members, elements},
        writer::Writer,
    },
    record::{LogicalType, Value, ValueKind},
};

impl Schema {
    /// Converts a payload to JSON of at most `limit` bytes; of an object only the selected members. The result is a
    /// slice of `bytes` if the schema has no logical types.
    pub(in crate::format) fn selected(
        &self,
        bytes: Bytes,
        selection: &Selection,
        limit: usize,
    ) -> Result<Converted, FormatError> {
        let read = json::selected(bytes, selection, limit)?;
        if !self.has_logical_types {
            return Ok(read);
        }
        match read {
            Converted::Object(object) => {
                Writer::new(object.text.len(), limit).object(object.iter(), |out, (name, value)| {
                    let node = self.nodes[self.root].properties.get(name).copied();
                    out.member(name, |out| self.write(node, value.json, out))
                })
            }
            Converted::Value(text, _) => {
                Writer::new(text.len(), limit).value(|out| self.write(Some(self.root), &text, out))
            }
        }
    }

    fn write(&self, node: Option<usize>, json: &str, out: &mut Writer) -> Result<LogicalType, FormatError> {
        let Some(node) = node.map(|node| &self.nodes[node]) else { return Ok(out.raw(json)) };
        match (Value::plain(json).kind(), node.logical) {
            (ValueKind::Number, Some(logical)) | (ValueKind::String, Some(logical @ Logical::Decimal { .. })) => {
                logical.json(json, out)
            }
            (ValueKind::String, _) if let Some(text) = node.text => text.json(json, out),
            (ValueKind::Array, _) if node.items.is_some() => out.nested(['[', ']'], |out| {
                elements(json, |at, item| out.element(at, |out| self.write(node.items, item, out)))
            }),
            (ValueKind::Object, _) if !node.properties.is_empty() => out.nested(['{', '}'], |out| {
                Members::read(json)?.list.into_iter().try_for_each(|(name, json)| {
                    let inner = node.properties.get(&*name).copied();
                    out.entry(&name, |out| self.write(inner, json, out))
                })
            }),
            _ => Ok(out.raw(json)),
        }
    }
}
