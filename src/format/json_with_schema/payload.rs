use bytestring::ByteString;

use super::schema::{Kind, Schema};
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
    pub(super) fn read(
        &self,
        payload: &ByteString,
        selection: &Selection,
        limit: usize,
    ) -> Result<Converted, FormatError> {
        if let ("null", false, Some(default)) = (&**payload, self.optional, &self.default) {
            return match &**default {
                "null" => Err(FormatError::new("it is required and null")),
                default => self.read(&ByteString::from(default), selection, limit),
            };
        }
        // This finds duplicates, lone surrogates and deep nesting anywhere in the payload.
        let read = json::read_text(payload.clone(), selection, limit)?;
        match (&self.kind, read) {
            (Kind::Struct(fields), Converted::Object(object)) => {
                let members = Members::of(&object);
                let fields = fields.iter().filter(|(name, _)| selection.takes(name)).enumerate();
                Writer::new(payload.len(), limit).object(fields, |out, (at, (name, schema))| {
                    match schema.given(members.find(at, name)).map_err(|error| error.within(name))? {
                        Some(json) => out.member(name, |out| schema.write(json, out)),
                        None => Ok(()),
                    }
                })
            }
            (Kind::Map(values), Converted::Object(object)) => Writer::new(payload.len(), limit)
                .object(object.iter(), |out, (name, value)| out.member(name, |out| values.write(value.json, out))),
            _ => Writer::new(payload.len(), limit).value(|out| self.write(payload, out)),
        }
    }

    /// Returns the value of a field, or its default, or `None` if it may be absent.
    fn given<'a>(&'a self, json: Option<&'a str>) -> Result<Option<&'a str>, FormatError> {
        if let Kind::Broken(why) = &self.kind {
            return Err(broken(why));
        }
        match json.or(self.default.as_deref()) {
            None if !self.optional => Err(FormatError::new("it is required and absent")),
            given => Ok(given),
        }
    }

    fn write(&self, json: &str, out: &mut Writer) -> Result<LogicalType, FormatError> {
        let kind = Value::plain(json).kind();
        match (&self.kind, kind) {
            // An explicit null stays null, also if the field has a default: a producer that means the default writes
            // it.
            (_, ValueKind::Null) if self.optional => Ok(out.null()),
            (_, ValueKind::Null) => match self.default.as_deref().filter(|default| *default != "null") {
                Some(default) => self.write(default, out),
                None => Err(FormatError::new("it is required and null")),
            },
            (Kind::Logical(logical), ValueKind::Number | ValueKind::String) => logical.json(json, out),
            (Kind::LogicalText(logical), ValueKind::String) => logical.json(json, out),
            (Kind::VariableScaleDecimal, ValueKind::Object) => {
                let members = Members::read(json)?;
                let scale = members.find(0, "scale").and_then(|scale| scale.parse().ok());
                match (scale, members.find(1, "value")) {
                    (Some(scale), Some(value)) => Logical::Decimal { scale }.json(value, out),
                    _ => Err(FormatError::new("a decimal of variable scale has a scale and a value")),
                }
            }
            (Kind::Integer(bits), ValueKind::Number) => {
                let value: i64 =
                    json.parse().map_err(|_| FormatError::new(format!("{json} is not a 64-bit integer")))?;
                let shift = 64 - bits;
                if (value << shift) >> shift != value {
                    return Err(FormatError::new(format!("{json} does not fit into {bits} bits")));
                }
                Ok(out.raw(json))
            }
            (Kind::Float, ValueKind::Number)
            | (Kind::Boolean, ValueKind::Bool)
            | (Kind::Text | Kind::Base64, ValueKind::String) => Ok(out.raw(json)),
            // Jackson writes NaN and infinities as texts.
            (Kind::Float, ValueKind::String) => Err(FormatError::new(format!("{json} is not a number in JSON"))),
            (Kind::Array(items), ValueKind::Array) => {
                out.nested(['[', ']'], |out| elements(json, |at, item| out.element(at, |out| items.write(item, out))))
            }
            (Kind::Map(values), ValueKind::Object) => out.nested(['{', '}'], |out| {
                Members::read(json)?
                    .list
                    .into_iter()
                    .try_for_each(|(name, json)| out.entry(&name, |out| values.write(json, out)))
            }),
            (Kind::Broken(why), _) => Err(broken(why)),
            (Kind::MapOfPairs, _) => Err(FormatError::new("a map whose keys are not texts is not an object in JSON")),
            (Kind::Struct(fields), ValueKind::Object) => out.nested(['{', '}'], |out| {
                let members = Members::read(json)?;
                fields.iter().enumerate().try_for_each(|(at, (name, schema))| {
                    let write = |out: &mut Writer| {
                        let Some(json) = schema.given(members.find(at, name))? else { return Ok(()) };
                        out.key(name)?;
                        schema.write(json, out).map(drop)
                    };
                    write(out).map_err(|error| error.within(name))
                })
            }),
            (kind, _) => Err(kind.mismatch(json)),
        }
    }
}

fn broken(why: &str) -> FormatError {
    FormatError::new(format!("its schema cannot be read: {why}"))
}

impl Kind {
    fn mismatch(&self, json: &str) -> FormatError {
        let wanted = match self {
            Self::Integer(_) => "an integer",
            Self::Float => "a number",
            Self::Boolean => "a boolean",
            Self::Text | Self::LogicalText(_) => "a string",
            Self::Broken(_) => "a type that cannot be read",
            Self::Base64 => "base64",
            Self::Logical(_) => "a logical type",
            Self::VariableScaleDecimal => "a decimal of variable scale",
            Self::Array(_) => "an array",
            Self::Map(_) | Self::MapOfPairs => "a map",
            Self::Struct(_) => "a struct",
        };
        FormatError::new(format!("its schema says {wanted}, and it is {}", Value::plain(json).kind().name()))
    }
}
