//! A schema document to objects. Whatever is wrong is said with its line and column, and by the names of its object and
//! field where they are known.

use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Field, FieldType, SObject, Together};
use crate::value::{Body, Object};

/// An error in a schema: `LINE:COLUMN: what`, to follow the name of its file.
#[derive(Debug, thiserror::Error)]
#[error("{line}:{column}: {what}")]
pub(super) struct SchemaError {
    line: usize,
    column: usize,
    what: String,
}

/// An object before its fields are read: each of them keeps its place in the text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Draft<'t> {
    name: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    label_plural: String,
    key_prefix: String,
    #[serde(default)]
    custom: bool,
    #[serde(default)]
    unique_together: Vec<Together>,
    #[serde(borrow)]
    fields: Vec<&'t RawValue>,
}

/// The objects of a document: one object, an array of them, or `{"sobjects": […]}`.
pub(super) fn read(text: &str) -> Result<Vec<SObject>, SchemaError> {
    let text = Text(Body(text));
    let (mut names, mut prefixes) = (HashSet::new(), HashSet::new());
    let mut sobjects = Vec::new();
    for raw in text.listed()? {
        let sobject = text.sobject(raw)?;
        if !names.insert(sobject.name.to_lowercase()) {
            return Err(text.wrong(raw, format!("{}: there are two objects of this name", sobject.name)));
        }
        if !prefixes.insert(sobject.key_prefix.clone()) {
            let what = format!("{}: another object has the keyPrefix \"{}\"", sobject.name, sobject.key_prefix);
            return Err(text.wrong(raw, what));
        }
        sobjects.push(sobject);
    }
    Ok(sobjects)
}

struct Text<'t>(Body<'t>);

impl<'t> Text<'t> {
    fn listed(&self) -> Result<Vec<&'t RawValue>, SchemaError> {
        let top: &RawValue = serde_json::from_str(self.0.0).map_err(|error| self.at(self.0.0, "", &error))?;
        let list = match Object::parse(top.get()) {
            Ok(object) => match object.get("sobjects") {
                Some(list) => list,
                None => return Ok(vec![top]),
            },
            Err(_) => top,
        };
        let objects: Vec<&RawValue> =
            serde_json::from_str(list.get()).map_err(|error| self.at(list.get(), "", &error))?;
        if objects.is_empty() { Err(self.wrong(list, "there are no objects")) } else { Ok(objects) }
    }

    fn sobject(&self, raw: &'t RawValue) -> Result<SObject, SchemaError> {
        let draft: Draft<'_> =
            serde_json::from_str(raw.get()).map_err(|error| self.at(raw.get(), &named(raw, "object"), &error))?;
        let name = &draft.name;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(self.wrong(raw, format!("the name \"{name}\" is not made of letters, digits and _")));
        }
        if draft.key_prefix.len() != 3 || !draft.key_prefix.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let what = format!("{name}: keyPrefix must be 3 letters or digits, not \"{}\"", draft.key_prefix);
            return Err(self.wrong(raw, what));
        }
        let (mut fields, mut seen) = (Vec::with_capacity(draft.fields.len()), HashSet::new());
        for raw in draft.fields {
            let field = self.field(name, raw)?;
            if !seen.insert(field.name.to_lowercase()) {
                return Err(self.wrong(raw, format!("{name}.{}: there are two fields of this name", field.name)));
            }
            fields.push(field);
        }
        if !fields.iter().any(|field| field.kind == FieldType::Id && field.name == "Id") {
            return Err(
                self.wrong(raw, format!("{name}: an object needs a field {{\"name\": \"Id\", \"type\": \"id\"}}"))
            );
        }
        let Draft { name, label, label_plural, key_prefix, custom, unique_together, .. } = draft;
        let by_name = HashMap::new();
        let sobject = SObject {
            name,
            label,
            label_plural,
            key_prefix,
            custom,
            fields,
            unique_together,
            read_only: false,
            by_name,
        };
        Ok(sobject.complete())
    }

    fn field(&self, sobject: &str, raw: &'t RawValue) -> Result<Field, SchemaError> {
        let read: Result<Field, _> = serde_json::from_str(raw.get());
        let mut field =
            read.map_err(|error| self.at(raw.get(), &format!("{sobject}.{}", named(raw, "field")), &error))?;
        if field.kind == FieldType::Reference && field.reference_to.is_empty() {
            let what = format!("{sobject}.{}: a reference needs referenceTo, the names of its objects", field.name);
            return Err(self.wrong(raw, what));
        }
        field.complete();
        Ok(field)
    }

    /// An error about the whole of `raw`.
    fn wrong(&self, raw: &RawValue, what: impl Display) -> SchemaError {
        let (line, column) = self.0.position(raw.get());
        SchemaError { line, column, what: what.to_string() }
    }

    /// A parser's error about `part`, whose own line and column count from where `part` begins.
    fn at(&self, part: &str, whose: &str, error: &serde_json::Error) -> SchemaError {
        let (line, column) = self.0.position(part);
        let column = if error.line() > 1 { error.column() } else { column - 1 + error.column() };
        let text = error.to_string();
        let cause = text.split(" at line ").next().unwrap_or_default();
        let what = if whose.is_empty() { cause.to_owned() } else { format!("{whose}: {cause}") };
        SchemaError { line: line - 1 + error.line().max(1), column: column.max(1), what }
    }
}

/// The name that `raw` has, or what it is.
fn named(raw: &RawValue, what: &str) -> String {
    let object = Object::parse(raw.get()).ok();
    let name = object.and_then(|object| serde_json::from_str::<String>(object.get("name")?.get()).ok());
    name.unwrap_or_else(|| format!("(unnamed {what})"))
}
