use std::sync::Arc;

use super::{Action, CallOptions, Fields, Identity, Operation, OrderKey, SObject};

/// One row of one call: an action, its target and its fields.
#[derive(Debug, Clone)]
pub struct Command {
    /// The operation that the record or its route asked for; the dead letter names it.
    pub operation: Operation,
    /// The call that carries it out.
    pub action: Action,
    pub sobject: Arc<SObject>,
    /// The record that it is about. Only a create has none.
    pub target: Option<Identity>,
    /// The fields without the target and without `attributes`, which the daemon writes itself, once.
    pub fields: Fields,
    /// The record that the org locks along with it, where the route names it.
    pub parent: Option<OrderKey>,
    pub options: Arc<CallOptions>,
    pub on_missing: OnMissing,
}

/// The outcome of a DELETE by external id that finds no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// Written: the record is gone, as it was to be.
    #[default]
    Written,
    /// Rejected: the record may be there and not be shared with the daemon's user.
    DeadLetter,
}

impl Command {
    /// The approximate size of the row in a call's body, in bytes.
    pub fn row_len(&self) -> usize {
        /// The size of type, braces, the target's name and punctuation.
        const FRAME: usize = 128;
        let target = self.target.as_ref().map_or(0, |target| match target {
            Identity::RecordId(_) => 18,
            Identity::ExternalId(external) => external.text().len(),
        });
        FRAME + target + self.fields.row_len()
    }
}
