//! The reasons why a record does not become a command.

use crate::{
    format::NeedsSchema,
    record::{ApiName, Cause, ConnectStage, Identity, Operation, Reason, Rejection},
};

/// A refusal, with the parts of the command that are known.
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
    /// The record can be read once the registry has delivered a schema. Its operation is known already.
    NeedsSchema(NeedsSchema, Operation),
}

impl From<Refused> for Unread {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// Why a record does not become a command. The description of an SObject may be out of date, so that a refusal by it is
/// checked again with a new one.
#[derive(Debug)]
pub enum Refusal {
    /// The record is rejected, whatever the org's descriptions say.
    Rejected(Rejection),
    /// The key does not fit the description of the SObject.
    Key { sobject: ApiName, rejection: Rejection },
    /// The fields of the row that do not fit the descriptions. There is at least one.
    Fields(Vec<WrongField>),
    /// The SObject of a parent has to be described first.
    Undescribed(ApiName),
}

/// A field of a row that the org would refuse according to its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// The SObject whose description does not fit.
    pub sobject: ApiName,
    /// The field's name in the record or the route.
    pub field: String,
    pub message: String,
    /// Whether the SObject has neither a field nor a relationship of this name.
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
    /// Returns the rejection that is the outcome if new descriptions do not change the refusal.
    pub fn into_rejection(self) -> Rejection {
        match self {
            Self::Rejected(rejection) | Self::Key { rejection, .. } => rejection,
            Self::Undescribed(sobject) => {
                Rejection::new(Reason::InvalidField, format!("the org does not describe {sobject} to this user"))
            }
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
