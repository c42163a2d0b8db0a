//! Why a record asks for nothing that can be done.

use crate::{
    format::NeedsSchema,
    record::{ApiName, Cause, ConnectStage, Identity, Operation, Reason, Rejection},
};

/// Why there is no command, and what is known of it all the same.
#[derive(Debug)]
pub struct Refused {
    pub refusal: Refusal,
    pub operation: Option<Operation>,
    pub target: Option<Identity>,
}

/// Why a record has not been read.
#[derive(Debug)]
pub enum Unread {
    Refused(Refused),
    /// It can be read once the registry has given a schema; what it asks for is known already.
    NeedsSchema(NeedsSchema, Operation),
}

impl From<Refused> for Unread {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

#[derive(Debug)]
pub enum Refusal {
    Rejected(Rejection),
    /// The key does not fit the SObject's description, unless that is out of date.
    Key {
        sobject: ApiName,
        rejection: Rejection,
    },
    /// All fields of the row that do not fit the org's description, unless that is out of date. At least one.
    Fields(Vec<WrongField>),
    /// A parent's SObject has to be described first.
    Undescribed(ApiName),
}

/// A field of a row that the org would not take, as far as its description says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// The SObject whose description is meant.
    pub sobject: ApiName,
    /// The field as the record, or the route, names it.
    pub field: String,
    pub message: String,
    /// The SObject has neither a field nor a relationship of this name.
    pub is_unknown: bool,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<WrongField> for Refusal {
    fn from(wrong: WrongField) -> Self {
        Self::Fields(vec![wrong])
    }
}

impl WrongField {
    pub(super) fn new(sobject: &ApiName, field: &str, message: String) -> Self {
        Self { sobject: sobject.clone(), field: field.to_owned(), message, is_unknown: false }
    }

    pub(super) fn unknown(sobject: &ApiName, field: &str) -> Self {
        let message = format!("{sobject} has no field {field}");
        Self { is_unknown: true, ..Self::new(sobject, field, message) }
    }
}

impl Refusal {
    /// The rejection that follows once nothing more can be learnt of the org.
    pub fn into_rejection(self) -> Rejection {
        match self {
            Self::Rejected(rejection) | Self::Key { rejection, .. } => rejection,
            Self::Undescribed(sobject) => Rejection::at_delivery(
                Reason::InvalidField,
                format!("the org does not describe {sobject} to this user"),
            ),
            Self::Fields(wrong) => {
                let messages: Vec<_> = wrong.iter().map(|wrong| wrong.message.as_str()).collect();
                let message = messages.join("; ");
                let fields = wrong.into_iter().map(|wrong| wrong.field).collect();
                let cause = Cause { fields, ..Cause::new(message) };
                Rejection { reason: Reason::InvalidField, stage: ConnectStage::Put, cause }
            }
        }
    }
}
