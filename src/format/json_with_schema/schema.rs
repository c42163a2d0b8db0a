use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    format::{Selection, json, logical::Logical, text::TextLogical},
    record::ApiName,
};

/// A compiled schema of Connect.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) kind: Kind,
    pub(super) optional: bool,
    /// The default as JSON.
    pub(super) default: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A whole number of the given number of bits.
    Integer(u32),
    Float,
    Boolean,
    Text,
    Base64,
    Logical(Logical),
    LogicalText(TextLogical),
    /// Debezium's struct of a scale and an unscaled value.
    VariableScaleDecimal,
    Array(Box<Schema>),
    Map(Box<Schema>),
    /// A map whose keys are not texts, which is written as pairs.
    MapOfPairs,
    Struct(Vec<(Box<str>, Schema)>),
    /// A schema that cannot be read, and why. It is an error only if a route reads the field.
    Broken(String),
}

/// A schema as `JsonConverter.asJsonSchema` writes it.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    optional: bool,
    #[serde(borrow, default)]
    default: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(default)]
    parameters: Option<HashMap<String, String>>,
    #[serde(borrow, default)]
    items: Option<Box<Raw<'a>>>,
    #[serde(borrow, default)]
    keys: Option<Box<Raw<'a>>>,
    #[serde(borrow, default)]
    values: Option<Box<Raw<'a>>>,
    #[serde(borrow, default)]
    fields: Option<Vec<Raw<'a>>>,
    #[serde(borrow, default)]
    field: Option<Cow<'a, str>>,
}

impl Schema {
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let raw: Raw<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Self::of(raw)
    }

    fn of(raw: Raw<'_>) -> Result<Self, String> {
        let scale = match raw.parameters.as_ref().and_then(|parameters| parameters.get("scale")) {
            Some(text) => Some(text.parse().map_err(|_| format!("the scale {text:?} is not a number"))?),
            None => None,
        };
        let logical = raw.name.as_deref().and_then(|name| Logical::named(name, scale));
        let inner = |schema: Option<Box<Raw<'_>>>, what: &str| {
            Self::of(*schema.ok_or_else(|| format!("a {} has no {what}", raw.kind))?).map(Box::new)
        };
        let kind = match (&*raw.kind, logical) {
            ("int8" | "int16" | "int32" | "int64" | "bytes", Some(logical)) => Kind::Logical(logical),
            ("int8", None) => Kind::Integer(8),
            ("int16", None) => Kind::Integer(16),
            ("int32", None) => Kind::Integer(32),
            ("int64", None) => Kind::Integer(64),
            ("float" | "double", _) => Kind::Float,
            ("boolean", _) => Kind::Boolean,
            ("string", _) => raw.name.as_deref().and_then(TextLogical::named).map_or(Kind::Text, Kind::LogicalText),
            ("bytes", None) => Kind::Base64,
            ("array", _) => Kind::Array(inner(raw.items, "items")?),
            ("map", _) => {
                let keys = inner(raw.keys, "keys")?;
                let values = inner(raw.values, "values")?;
                if matches!((&keys.kind, keys.optional), (Kind::Text | Kind::LogicalText(_), false)) {
                    Kind::Map(values)
                } else {
                    Kind::MapOfPairs
                }
            }
            ("struct", _) if raw.name.as_deref() == Some("io.debezium.data.VariableScaleDecimal") => {
                Kind::VariableScaleDecimal
            }
            ("struct", _) => Kind::Struct(fields(raw.fields.unwrap_or_default())?),
            (other, _) => return Err(format!("{other:?} is not a type of Connect")),
        };
        let default = raw.default.map(default).transpose()?;
        Ok(Self { kind, optional: raw.optional, default })
    }
}

/// Checks a default as a value is checked: it replaces a value any number of times.
fn default(json: &RawValue) -> Result<Box<str>, String> {
    const LONGEST: usize = 4096;
    if json.get().len() > LONGEST {
        return Err(format!("a default has more than {LONGEST} bytes"));
    }
    json::read_text(json.get().into(), &Selection::default(), LONGEST)
        .map_err(|error| format!("a default: {error}"))?;
    Ok(json.get().into())
}

fn fields(raw: Vec<Raw<'_>>) -> Result<Vec<(Box<str>, Schema)>, String> {
    let mut seen = HashSet::new();
    let mut fields = Vec::with_capacity(raw.len());
    for mut raw in raw {
        let name = raw.field.take().ok_or("a field of a struct has no name")?;
        let schema = if seen.insert(ApiName::from(&*name)) {
            Schema::of(raw)
        } else {
            Err(format!("a struct has two fields {name} (names are compared without case)"))
        };
        let broken = |why| Schema { kind: Kind::Broken(why), optional: true, default: None };
        fields.push((name.into(), schema.unwrap_or_else(broken)));
    }
    Ok(fields)
}
