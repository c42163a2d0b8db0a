use std::borrow::Cow;

use prost::encoding::{self, DecodeContext, WireType};
use prost_reflect::{Cardinality, DynamicMessage, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value};

use super::{Schema, well_known::Scalar};
use crate::{
    format::{Converted, FormatError, Selection, writer::Writer},
    record::LogicalType,
};

impl Schema {
    /// Converts the selected fields of a message to JSON of at most `limit` bytes. `path` leads to the message type in
    /// the schema.
    pub(in crate::format) fn selected(
        &self,
        path: &[usize],
        bytes: &[u8],
        selection: &Selection,
        limit: usize,
    ) -> Result<Converted, FormatError> {
        let descriptor = self.message(path).ok_or_else(|| {
            FormatError::new(format!("the schema has no message type at the indexes {path:?} after its id"))
        })?;
        let is_scalar = Scalar::of(&descriptor).is_some();
        let bytes = if is_scalar || selection.is_whole() {
            Cow::Borrowed(bytes)
        } else {
            fields(&descriptor, bytes, selection, limit)
        };
        if bytes.len() > limit {
            return Err(FormatError::too_large(limit));
        }
        // The library may use two hundred bytes for one byte of the message: too many values are refused before it
        // decodes.
        let mut left = MOST_VALUES;
        count(&descriptor, &bytes, &mut left, 0).ok_or_else(|| {
            FormatError::new(format!("it holds more than {MOST_VALUES} values, or nests without an end"))
        })?;
        let message = DynamicMessage::decode(descriptor, &*bytes)
            .map_err(|error| FormatError::new(format!("it is not a message of this type: {error}")))?;
        let writer = Writer::new(bytes.len() * 2, limit);
        if is_scalar {
            return writer.value(|out| self.of_message(&message, out));
        }
        writer.object(self.given(&message, selection)?, |out, (field, value)| {
            out.member(field.name(), |out| self.write(&field.kind(), &value, out))
        })
    }

    /// Returns the selected fields that are present. A field without presence always is: its default cannot be
    /// distinguished from a value.
    fn given<'m>(&self, message: &'m DynamicMessage, selection: &Selection) -> Result<Given<'m>, FormatError> {
        let descriptor = message.descriptor();
        if !self.repeated.is_empty()
            && let Some(names) = self.repeated.get(descriptor.full_name())
            && let Some(name) = names.iter().find(|name| selection.takes(name))
        {
            return Err(FormatError::new("it occurs twice (names are compared without case)").within(name));
        }
        let mut given = Vec::new();
        for field in descriptor.fields().filter(|field| selection.takes(field.name())) {
            if message.has_field(&field) || !field.supports_presence() {
                given.push((field.clone(), message.get_field(&field)));
            } else if field.cardinality() == Cardinality::Required {
                return Err(FormatError::new("it is required and absent").within(field.name()));
            }
        }
        Ok(given)
    }

    fn write(&self, kind: &Kind, value: &Value, out: &mut Writer) -> Result<LogicalType, FormatError> {
        match value {
            Value::Bool(value) => Ok(out.boolean(*value)),
            Value::I32(value) => Ok(out.integer(*value)),
            Value::I64(value) => Ok(out.integer(*value)),
            Value::U32(value) => Ok(out.integer(*value)),
            Value::U64(value) => Ok(out.integer(*value)),
            Value::F32(value) => out.float(*value),
            Value::F64(value) => out.float(*value),
            Value::String(value) => Ok(out.string(value)),
            Value::Bytes(value) => Ok(out.base64(value)),
            Value::EnumNumber(number) => {
                let name = kind.as_enum().and_then(|descriptor| descriptor.get_value(*number));
                let name = name.ok_or_else(|| FormatError::new(format!("the enum has no value {number}")))?;
                Ok(out.string(name.name()))
            }
            Value::Message(message) => self.of_message(message, out),
            Value::List(items) => out.nested(['[', ']'], |out| {
                let mut items = items.iter().enumerate();
                items.try_for_each(|(at, item)| out.element(at, |out| self.write(kind, item, out)))
            }),
            Value::Map(entries) => {
                let kind = kind.as_message().map(|entry| entry.map_entry_value_field().kind());
                let Some(kind) = kind else { return Err(FormatError::new("the map's type is not known")) };
                let mut entries: Vec<_> = entries.iter().map(|(key, value)| (text(key), value)).collect();
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                out.nested(['{', '}'], |out| {
                    let mut entries = entries.into_iter();
                    entries.try_for_each(|(key, value)| out.entry(&key, |out| self.write(&kind, value, out)))
                })
            }
        }
    }

    fn of_message(&self, message: &DynamicMessage, out: &mut Writer) -> Result<LogicalType, FormatError> {
        match Scalar::of(&message.descriptor()) {
            Some(Scalar::Wrapper) => {
                let field = message.descriptor().get_field_by_name("value");
                let field = field.ok_or_else(|| FormatError::new("the wrapper holds no value"))?;
                self.write(&field.kind(), &message.get_field(&field), out)
            }
            Some(scalar) => scalar.write(message, out),
            None => {
                let given = self.given(message, &Selection::default())?;
                out.nested(['{', '}'], |out| {
                    let mut given = given.into_iter();
                    given.try_for_each(|(field, value)| {
                        out.entry(field.name(), |out| self.write(&field.kind(), &value, out))
                    })
                })
            }
        }
    }
}

/// Returns the bytes of the selected fields, up to the first one beyond the limit. Unknown fields are left out, too.
fn fields<'b>(descriptor: &MessageDescriptor, bytes: &'b [u8], selection: &Selection, limit: usize) -> Cow<'b, [u8]> {
    let mut kept = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() && kept.len() <= limit {
        let field = rest;
        let number = encoding::decode_key(&mut rest).and_then(|(number, wire)| {
            encoding::skip_field(wire, number, &mut rest, DecodeContext::default()).map(|()| number)
        });
        let is_selected = |number| descriptor.get_field(number).is_some_and(|field| selection.takes(field.name()));
        match number {
            Ok(number) if is_selected(number) => kept.extend_from_slice(&field[..field.len() - rest.len()]),
            Ok(_) => {}
            // The bytes are not a message: the library will report why.
            Err(_) => {
                kept.extend_from_slice(field);
                break;
            }
        }
    }
    Cow::Owned(kept)
}

/// The limit of values in one message: far more than a row has fields.
const MOST_VALUES: usize = 65_536;

/// Subtracts the number of the message's values from `left`; returns `None` if there are more. It ignores bytes that
/// are not a message: the library refuses those.
fn count(descriptor: &MessageDescriptor, mut bytes: &[u8], left: &mut usize, depth: usize) -> Option<()> {
    if depth > 100 {
        return None;
    }
    while !bytes.is_empty() {
        let Ok((number, wire)) = encoding::decode_key(&mut bytes) else { return Some(()) };
        *left = left.checked_sub(1)?;
        let skip = match wire {
            WireType::Varint => encoding::decode_varint(&mut bytes).ok().map(|_| 0),
            WireType::SixtyFourBit => Some(8),
            WireType::ThirtyTwoBit => Some(4),
            WireType::StartGroup | WireType::EndGroup => Some(0),
            WireType::LengthDelimited => {
                let length = encoding::decode_varint(&mut bytes).ok().and_then(|length| usize::try_from(length).ok());
                let Some(inner) = length.and_then(|length| bytes.get(..length)) else { return Some(()) };
                match descriptor.get_field(number).map(|field| field.kind()) {
                    Some(Kind::Message(inside)) => count(&inside, inner, left, depth + 1)?,
                    None | Some(Kind::String | Kind::Bytes) => {}
                    // A packed list has at least one byte for each value.
                    Some(_) => *left = left.checked_sub(inner.len())?,
                }
                Some(inner.len())
            }
        };
        let Some(rest) = skip.and_then(|skip| bytes.get(skip..)) else { return Some(()) };
        bytes = rest;
    }
    Some(())
}

type Given<'a> = Vec<(prost_reflect::FieldDescriptor, Cow<'a, Value>)>;

fn text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}
