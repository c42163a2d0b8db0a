//! Records that others in the org make, change and delete: an administrator, another integration. No session, no
//! rights, no faults; the journal says `outside`.

use serde_json::value::RawValue;

use crate::{
    protocol::CallOptions,
    rows,
    schema::Schema,
    settings::{Choices, Settings, Turns},
    store::{Rules, Store, Transaction},
    value::RecordId,
};

/// The whole org, without the limits of a user.
pub(super) struct Outsider<'o> {
    pub(super) schema: &'o Schema,
    pub(super) store: &'o mut Store,
    pub(super) now_ms: u64,
}

impl Outsider<'_> {
    /// Makes and changes records of an object, all or none. `text` is one row or an array of rows; a row with an `Id`
    /// changes its record, any other row makes one.
    pub(super) fn put(self, sobject: &str, text: &str) -> Result<Vec<RecordId>, String> {
        let place = self.schema.place(sobject).ok_or("no such object")?;
        let is_array = text.trim_start().starts_with('[');
        let rows: Result<Vec<&RawValue>, _> =
            if is_array { serde_json::from_str(text) } else { serde_json::from_str(text).map(|row| vec![row]) };
        let rows = rows.map_err(|error| error.to_string())?;
        let (settings, turns) = (Settings::default(), Turns::default());
        let choices = Choices::new(&settings, &turns);
        let rows = rows::outside(self.schema, &choices, place, text, &rows).map_err(|error| error.to_json())?;
        self.transaction(|tx| rows::put(tx, rows))
    }

    /// Deletes a record of any object.
    pub(super) fn remove(self, id: &str) -> Result<Vec<RecordId>, String> {
        self.transaction(|tx| rows::remove(tx, id).map(|id| vec![id]))
    }

    fn transaction<E: std::fmt::Display>(
        self,
        act: impl FnOnce(&mut Transaction<'_>) -> Result<Vec<RecordId>, E>,
    ) -> Result<Vec<RecordId>, String> {
        let settings = Settings::default();
        let rules = Rules { settings: &settings, schema: self.schema };
        let mut tx = Transaction::new(self.store, rules, (0, CallOptions::default()), self.now_ms);
        match act(&mut tx) {
            Ok(ids) => {
                tx.commit();
                Ok(ids)
            }
            Err(error) => {
                tx.rollback();
                Err(error.to_string())
            }
        }
    }
}
