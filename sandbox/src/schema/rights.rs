//! What the session's user sees of a schema, and may change.

use std::sync::Arc;

use super::{SObject, Schema};

impl Schema {
    /// This schema, less the hidden objects and fields, with others that can be read only; each is named `Object` or
    /// `Object.Field`. Places stay what they are. A name that the schema does not have is an error.
    pub(crate) fn seen_with(&self, hidden: &[String], read_only: &[String]) -> Result<Self, String> {
        let mut seen = self.clone();
        for name in read_only {
            match self.find(name)? {
                (place, None) => Arc::make_mut(&mut seen.sobjects[place]).read_only = true,
                (place, Some(field)) => {
                    let field = &mut Arc::make_mut(&mut seen.sobjects[place]).fields[field];
                    (field.createable, field.updateable) = (false, false);
                }
            }
        }
        for name in hidden {
            match self.find(name)? {
                (place, None) => seen.by_name.retain(|_, other| *other != place),
                (place, Some(field)) => Arc::make_mut(&mut seen.sobjects[place]).hide(field),
            }
        }
        Ok(seen)
    }

    fn find(&self, name: &str) -> Result<(usize, Option<usize>), String> {
        let unknown = || format!("the org has no {name}: expected Object or Object.Field");
        let (sobject, field) = name.split_once('.').map_or((name, None), |(sobject, field)| (sobject, Some(field)));
        let place = self.place(sobject).ok_or_else(unknown)?;
        let field = field.map(|field| self.sobjects[place].field(field).ok_or_else(unknown)).transpose()?;
        Ok((place, field))
    }
}

impl SObject {
    fn hide(&mut self, field: usize) {
        self.fields[field].hidden = true;
        self.by_name.retain(|_, other| *other != field);
    }
}
