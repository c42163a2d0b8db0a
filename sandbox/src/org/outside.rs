//! Records that somebody else in the org makes, changes and deletes: an administrator, another integration. No session,
//! no rights, no faults; the journal says `outside`.

use serde_json::value::RawValue;

use super::Inner;
use crate::{
    http::CallOptions,
    rows,
    settings::{Choices, Settings, Turns},
    store::{Rules, Transaction},
    value::RecordId,
};

impl Inner {
    /// `text`: one row or an array of rows of the object. One with an `Id` changes its record, another one makes a
    /// record. All or none.
    pub(crate) fn put(&self, sobject: &str, text: &str) -> Result<Vec<RecordId>, String> {
        let place = self.whole.place(sobject).ok_or("no such object")?;
        let is_array = text.trim_start().starts_with('[');
        let rows: Result<Vec<&RawValue>, _> =
            if is_array { serde_json::from_str(text) } else { serde_json::from_str(text).map(|row| vec![row]) };
        let rows = rows.map_err(|error| error.to_string())?;
        let (settings, turns) = (Settings::default(), Turns::default());
        let choices = Choices::new(&settings, &turns);
        let rows = rows::outside(&self.whole, &choices, place, text, &rows).map_err(|error| error.to_json())?;
        self.as_outsider(|tx| rows::put(tx, rows))
    }

    /// Deletes a record of any object.
    pub(crate) fn remove(&self, id: &str) -> Result<Vec<RecordId>, String> {
        self.as_outsider(|tx| rows::remove(tx, id).map(|id| vec![id]))
    }

    fn as_outsider<E: std::fmt::Display>(
        &self,
        act: impl FnOnce(&mut Transaction<'_>) -> Result<Vec<RecordId>, E>,
    ) -> Result<Vec<RecordId>, String> {
        let settings = Settings::default();
        let rules = Rules { settings: &settings, schema: &self.whole };
        let mut store = self.store();
        let mut tx = Transaction::new(&mut store, rules, (0, CallOptions::default()), self.clock.now_millis());
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
