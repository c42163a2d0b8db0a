use std::{collections::HashMap, sync::Arc};

use super::Cause;

/// What a describe says of an SObject, as far as the pipeline asks: its name and its fields.
#[derive(Debug, Clone)]
pub struct SObject {
    /// As Salesforce spells it.
    pub name: Arc<str>,
    fields: HashMap<Box<str>, Field>,
}

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "the keys of a describe")]
pub struct Field {
    /// As Salesforce spells it.
    pub name: Arc<str>,
    /// The type's word in the describe: `string`, `double`, `reference`, …
    pub kind: Box<str>,
    pub createable: bool,
    pub updateable: bool,
    pub external_id: bool,
    pub id_lookup: bool,
    pub unique: bool,
    pub case_sensitive: bool,
}

/// An external id field, as far as it decides which values are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyField {
    pub name: Arc<str>,
    pub kind: KeyKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    Text { unique: bool, case_sensitive: bool },
    Number { unique: bool },
}

impl SObject {
    pub fn new(name: &str, fields: impl IntoIterator<Item = Field>) -> Self {
        let fields = fields.into_iter().map(|field| (field.name.to_ascii_lowercase().into(), field)).collect();
        Self { name: name.into(), fields }
    }

    /// API names are compared without case.
    pub fn field(&self, name: &str) -> Option<&Field> {
        if name.bytes().any(|b| b.is_ascii_uppercase()) {
            self.fields.get(name.to_ascii_lowercase().as_str())
        } else {
            self.fields.get(name)
        }
    }

    /// The field by which records are named, if it can do that.
    pub fn key_field(&self, name: &str) -> Result<KeyField, Cause> {
        let sobject = &self.name;
        let field = self.field(name).ok_or_else(|| Cause::new(format!("{sobject} has no field {name}")))?;
        if !field.external_id && !field.id_lookup {
            return Err(Cause::new(format!(
                "{sobject}.{} is neither an external id nor an id lookup field",
                field.name
            )));
        }
        match field.key_kind() {
            Some(kind) => Ok(KeyField { name: field.name.clone(), kind }),
            None => Err(Cause::new(format!("{sobject}.{} has the type {}, which is no key", field.name, field.kind))),
        }
    }
}

impl Field {
    /// A writable field; a unique one without case if it is an external id.
    #[cfg(test)]
    pub(crate) fn sample(name: &str, kind: &str, external_id: bool) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            createable: true,
            updateable: true,
            external_id,
            id_lookup: external_id,
            unique: external_id,
            case_sensitive: false,
        }
    }

    /// `None` where the field's type has no comparison that is known here.
    pub fn key_kind(&self) -> Option<KeyKind> {
        match &*self.kind {
            "string" | "email" | "phone" | "url" | "picklist" | "encryptedstring" => {
                Some(KeyKind::Text { unique: self.unique, case_sensitive: self.case_sensitive })
            }
            "double" | "int" | "long" | "currency" | "percent" => Some(KeyKind::Number { unique: self.unique }),
            _ => None,
        }
    }
}

impl KeyKind {
    pub fn unique(self) -> bool {
        match self {
            Self::Text { unique, .. } | Self::Number { unique } => unique,
        }
    }
}

/// The name of an SObject or a field: a letter, then letters, digits and underscores.
pub fn is_api_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
