use std::sync::Arc;

use indexmap::IndexMap;

use super::{Action, AnyCase, ApiName, Cause, ConnectStage, Fields, Reason, Rejection};

/// The description of an SObject, as far as the sink uses it: its name and its fields.
#[derive(Debug, Clone)]
pub struct SObject {
    /// The name as Salesforce spells it.
    pub name: ApiName,
    /// The first three characters of its records' ids; some SObjects have none of their own.
    pub key_prefix: Option<Box<str>>,
    pub access: Access,
    fields: IndexMap<ApiName, Field>,
    /// The name of a relationship → the place of its reference field in `fields`.
    relationships: IndexMap<ApiName, usize>,
}

/// The operations that the user may do on an SObject's records. Allowed is what the description does not say: the org
/// will say it of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    pub createable: bool,
    pub updateable: bool,
    pub deletable: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self { createable: true, updateable: true, deletable: true }
    }
}

/// The descriptions that a route needs of the org: its SObject, the field that names records, and the parents that its
/// records have named.
#[derive(Debug, Clone)]
pub struct Schema {
    pub sobject: Arc<SObject>,
    /// The external id field, in external id mode.
    pub key_field: Option<Arc<KeyField>>,
    pub parents: Vec<Arc<SObject>>,
}

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "the keys of a describe")]
pub struct Field {
    /// The name as Salesforce spells it.
    pub name: ApiName,
    /// The type's word in the describe: `string`, `double`, `reference`, …
    pub kind: Box<str>,
    pub class: ValueClass,
    /// The name by which the parent of a reference is written and queried, and the SObjects that may be its parent.
    pub relationship: Option<ApiName>,
    pub reference_to: Vec<ApiName>,
    /// The digits after the decimal point, of a number field.
    pub scale: Option<u32>,
    pub createable: bool,
    pub updateable: bool,
    /// A create must bring it.
    pub required: bool,
    /// A query may ask for its values.
    pub filterable: bool,
    /// The org itself numbers its records.
    pub auto_number: bool,
    pub external_id: bool,
    pub id_lookup: bool,
    pub unique: bool,
    pub case_sensitive: bool,
}

/// The class of values that a field takes: values are coerced to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueClass {
    Text,
    MultiPicklist,
    Number,
    /// A number without a fraction.
    Integer,
    Boolean,
    Date,
    DateTime,
    Time,
    /// String-typed values that are not free text: record ids and base64.
    Bytes,
    /// Values that are sent as they are.
    Other,
}

/// An external id field, as far as it decides which values are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyField {
    pub name: ApiName,
    pub kind: KeyKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `case_sensitive`: values in two cases name two records. An upsert matches without case only where the field is
    /// unique and not case-sensitive (Apex guide, "upsert"), or a standard e-mail field; a query finds more.
    Text { unique: bool, case_sensitive: bool },
    /// `scale`: the number of digits after the decimal point; what has more, the org would round to another number.
    Number { unique: bool, scale: Option<u32> },
}

impl SObject {
    /// The memory that the largest description takes, in bytes: 800 fields, with their names, types and places in two
    /// maps.
    pub const MOST: usize = 800 * 384;

    pub fn new(name: &str, fields: impl IntoIterator<Item = Field>) -> Self {
        let fields: IndexMap<_, _> = fields.into_iter().map(|field| (field.name.clone(), field)).collect();
        let places = fields.values().enumerate();
        let relationships = places.filter_map(|(place, field)| Some((field.relationship.clone()?, place))).collect();
        Self { name: name.into(), key_prefix: None, access: Access::default(), fields, relationships }
    }

    /// The same SObject with what the user may do with its records.
    #[must_use]
    pub fn with_access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// The same SObject with the prefix of the ids of its records.
    #[must_use]
    pub fn with_key_prefix(self, key_prefix: Option<Box<str>>) -> Self {
        Self { key_prefix, ..self }
    }

    /// The fields that a create must bring, by name.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<_> = self.fields.values().filter(|field| field.required).map(|field| &*field.name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// The fields that a create may bring and an update may not, by name.
    pub fn create_only(&self) -> impl Iterator<Item = &str> {
        let fields = self.fields.values().filter(|field| field.createable && !field.updateable);
        let mut names: Vec<_> = fields.map(|field| &*field.name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Finds a field by its name, in any case.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(&AnyCase(name))
    }

    /// Whether it has a field or a relationship of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.field(name).is_some() || self.relationship(name).is_some()
    }

    /// Says why a row of these fields cannot be written, if there are fields that it may not hold. Names are those of
    /// fields, and of relationships.
    pub fn rejects(&self, action: Action, fields: &Fields) -> Option<Rejection> {
        let (mut names, mut messages) = (Vec::new(), Vec::new());
        for (name, _) in fields.iter() {
            let message = match self.field(name).or_else(|| self.relationship(name)) {
                None => format!("{} has no field {name}", self.name),
                Some(field) if !field.is_writable(action) => field.not_writable(),
                Some(_) => continue,
            };
            names.push(name.to_string());
            messages.push(message);
        }
        let cause = Cause { fields: names, ..Cause::new(messages.join("; ")) };
        (!messages.is_empty()).then_some(Rejection { reason: Reason::InvalidField, stage: ConnectStage::Put, cause })
    }

    /// The reference field whose parent has this name: `Account` is that of `AccountId`.
    pub fn relationship(&self, name: &str) -> Option<&Field> {
        let (_, field) = self.fields.get_index(*self.relationships.get(&AnyCase(name))?)?;
        Some(field)
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
            None => {
                Err(Cause::new(format!("{sobject}.{} has the type {}, which is not a key", field.name, field.kind)))
            }
        }
    }
}

impl Schema {
    /// A parent that was described.
    pub fn parent(&self, sobject: &str) -> Option<&Arc<SObject>> {
        // A record may be its parent's kin: contacts report to contacts.
        std::iter::once(&self.sobject).chain(&self.parents).find(|parent| parent.name == *sobject)
    }
}

impl ValueClass {
    /// The class of a type, by its word in a describe (REST guide, "field types").
    pub fn of(kind: &str) -> Self {
        match kind {
            "string" | "textarea" | "email" | "phone" | "url" | "picklist" | "combobox" | "encryptedstring" => {
                Self::Text
            }
            "multipicklist" => Self::MultiPicklist,
            "double" | "currency" | "percent" => Self::Number,
            "int" | "long" => Self::Integer,
            "id" | "reference" | "base64" => Self::Bytes,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            "time" => Self::Time,
            _ => Self::Other,
        }
    }
}

impl Field {
    /// Whether a row may hold it.
    pub fn is_writable(&self, action: Action) -> bool {
        match action {
            Action::Create => self.createable,
            Action::Update => self.updateable,
            Action::Upsert | Action::Delete => self.createable || self.updateable,
        }
    }

    /// The SObjects that the record it refers to may be of, for messages.
    pub fn possible_parents(&self) -> String {
        self.reference_to.iter().map(ApiName::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Says why the field cannot be written.
    pub fn not_writable(&self) -> String {
        format!("the field {} cannot be written by this user", self.name)
    }

    /// A writable field of which nothing else is described: optional, and neither unique nor an external id.
    pub fn writable(name: &str, kind: &str) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            class: ValueClass::of(kind),
            relationship: None,
            reference_to: Vec::new(),
            scale: None,
            createable: true,
            updateable: true,
            required: false,
            filterable: true,
            auto_number: false,
            external_id: false,
            id_lookup: false,
            unique: false,
            case_sensitive: false,
        }
    }

    /// A writable field; a unique one without case if it is an external id.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn sample(name: &str, kind: &str, external_id: bool) -> Self {
        Self { external_id, id_lookup: external_id, unique: external_id, ..Self::writable(name, kind) }
    }

    /// The comparison of keys; `None` where that of the field's type is not known here.
    pub fn key_kind(&self) -> Option<KeyKind> {
        match &*self.kind {
            "string" | "email" | "phone" | "url" | "picklist" | "encryptedstring" => {
                let is_standard_email = self.kind.as_ref() == "email" && self.id_lookup && !self.external_id;
                let folds = self.unique || is_standard_email;
                Some(KeyKind::Text { unique: self.unique, case_sensitive: self.case_sensitive || !folds })
            }
            "double" | "currency" | "percent" => Some(KeyKind::Number { unique: self.unique, scale: self.scale }),
            "int" | "long" => Some(KeyKind::Number { unique: self.unique, scale: Some(0) }),
            _ => None,
        }
    }
}

impl KeyKind {
    pub fn unique(self) -> bool {
        match self {
            Self::Text { unique, .. } | Self::Number { unique, .. } => unique,
        }
    }
}
