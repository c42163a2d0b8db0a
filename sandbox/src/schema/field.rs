//! One field of an object, by the keys of its describe that matter to a save or a query.

use serde::Deserialize;

/// The types of a describe (field types overview of the Object Reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FieldType {
    Id,
    String,
    TextArea,
    Picklist,
    MultiPicklist,
    Combobox,
    EncryptedString,
    Boolean,
    Int,
    Long,
    Double,
    Currency,
    Percent,
    Date,
    DateTime,
    Time,
    Reference,
    Email,
    Phone,
    Url,
    Address,
    Location,
    Base64,
    #[serde(rename = "anyType")]
    AnyType,
}

/// A field as a describe gives it; what a schema file omits is the default of a plain custom field.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, clippy::struct_field_names, reason = "the keys of a describe")]
pub(crate) struct Field {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(rename = "type")]
    pub(crate) kind: FieldType,
    /// Characters of a text; 0 means no limit.
    #[serde(default)]
    pub(crate) length: usize,
    /// Digits of a number in all; 0 means no limit.
    #[serde(default)]
    pub(crate) precision: i64,
    #[serde(default)]
    pub(crate) scale: i64,
    /// Digits of an `int`.
    #[serde(default)]
    pub(crate) digits: i64,
    #[serde(default = "yes")]
    pub(crate) nillable: bool,
    #[serde(default = "yes")]
    pub(crate) createable: bool,
    #[serde(default = "yes")]
    pub(crate) updateable: bool,
    #[serde(default)]
    pub(crate) defaulted_on_create: bool,
    #[serde(default)]
    pub(crate) external_id: bool,
    #[serde(default)]
    pub(crate) id_lookup: bool,
    #[serde(default)]
    pub(crate) unique: bool,
    #[serde(default)]
    pub(crate) case_sensitive: bool,
    #[serde(default)]
    pub(crate) calculated: bool,
    #[serde(default)]
    pub(crate) auto_number: bool,
    #[serde(default)]
    pub(crate) custom: bool,
    #[serde(default)]
    pub(crate) name_field: bool,
    #[serde(default)]
    pub(crate) compound_field_name: Option<String>,
    #[serde(default)]
    pub(crate) reference_to: Vec<String>,
    #[serde(default)]
    pub(crate) relationship_name: Option<String>,
    #[serde(default)]
    pub(crate) restricted_picklist: bool,
    #[serde(default)]
    pub(crate) picklist_values: Vec<PicklistValue>,
    /// Whether a query may filter by its values; none may by those of a long text.
    #[serde(default = "yes")]
    pub(crate) filterable: bool,
    /// The session's user does not see it; never of a schema.
    #[serde(skip)]
    pub(crate) hidden: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PicklistValue {
    pub(crate) value: String,
    #[serde(default = "yes")]
    pub(crate) active: bool,
    #[serde(default)]
    pub(crate) default_value: bool,
}

fn yes() -> bool {
    true
}

impl Field {
    /// What follows from the type need not be said: an id, an auto-number and a formula cannot be written, and a
    /// boolean is never null.
    pub(super) fn complete(&mut self) {
        if self.label.is_empty() {
            self.label.clone_from(&self.name);
        }
        let is_id = self.kind == FieldType::Id;
        let by_org = is_id || self.auto_number;
        if by_org || self.calculated {
            (self.createable, self.updateable) = (false, false);
        }
        if by_org || self.kind == FieldType::Boolean {
            (self.nillable, self.defaulted_on_create) = (false, true);
        }
        self.filterable &= !(self.kind == FieldType::TextArea && self.length > 255 || self.kind == FieldType::Base64);
        self.id_lookup |= is_id || self.external_id;
        if self.length == 0 && matches!(self.kind, FieldType::Id | FieldType::Reference) {
            self.length = 18;
        }
    }

    /// Required on create, by the rule of a describe; a boolean never is.
    pub(crate) fn required(&self) -> bool {
        !self.hidden
            && self.createable
            && !self.nillable
            && !self.defaulted_on_create
            && self.kind != FieldType::Boolean
    }

    /// The value of a picklist that a record gets where its row names none.
    pub(crate) fn default_choice(&self) -> Option<&str> {
        if self.kind != FieldType::Picklist {
            return None;
        }
        self.picklist_values.iter().find(|entry| entry.default_value && entry.active).map(|entry| entry.value.as_str())
    }

    /// May name a row in an upsert or a nested parent.
    pub(crate) fn usable_key(&self) -> bool {
        self.external_id || self.id_lookup
    }

    /// Whether an upsert may compare its values with their case where a query does not: an external id that is not
    /// unique without case (Apex guide, "Upserting Records").
    pub(crate) fn may_mind_case(&self) -> bool {
        self.external_id && self.is_text() && (!self.unique || self.case_sensitive)
    }

    /// Has an index in the store.
    pub(crate) fn indexed(&self) -> bool {
        self.kind != FieldType::Id && (self.external_id || self.id_lookup || self.unique)
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(
            self.kind,
            FieldType::Int | FieldType::Long | FieldType::Double | FieldType::Currency | FieldType::Percent
        )
    }

    /// Whether values are JSON strings that are not dates, ids or binary.
    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self.kind,
            FieldType::String
                | FieldType::TextArea
                | FieldType::Picklist
                | FieldType::MultiPicklist
                | FieldType::Combobox
                | FieldType::EncryptedString
                | FieldType::Email
                | FieldType::Phone
                | FieldType::Url
                | FieldType::AnyType
        )
    }

    /// The type's name in describes and in error texts.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.kind {
            FieldType::Id => "id",
            FieldType::String => "string",
            FieldType::TextArea => "textarea",
            FieldType::Picklist => "picklist",
            FieldType::MultiPicklist => "multipicklist",
            FieldType::Combobox => "combobox",
            FieldType::EncryptedString => "encryptedstring",
            FieldType::Boolean => "boolean",
            FieldType::Int => "int",
            FieldType::Long => "long",
            FieldType::Double => "double",
            FieldType::Currency => "currency",
            FieldType::Percent => "percent",
            FieldType::Date => "date",
            FieldType::DateTime => "datetime",
            FieldType::Time => "time",
            FieldType::Reference => "reference",
            FieldType::Email => "email",
            FieldType::Phone => "phone",
            FieldType::Url => "url",
            FieldType::Address => "address",
            FieldType::Location => "location",
            FieldType::Base64 => "base64",
            FieldType::AnyType => "anyType",
        }
    }
}
