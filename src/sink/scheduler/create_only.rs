//! Fields that can be created and not updated: an upsert that finds its record goes again without them.

use std::collections::HashSet;

use tracing::warn;

use crate::record::ApiName;

/// The fields that the log has named already.
#[derive(Debug, Default)]
pub(super) struct CreateOnly(HashSet<(ApiName, ApiName)>);

impl CreateOnly {
    /// Logs the first time that a field is left out.
    pub(super) fn left_out(&mut self, sobject: &ApiName, fields: &[ApiName]) {
        for field in fields {
            if self.0.insert((sobject.clone(), field.clone())) {
                warn!(
                    event = "create_only_field_left_out",
                    %sobject,
                    %field,
                    "a field can be created and not updated: rows whose records are there already go again without it"
                );
            }
        }
    }
}
