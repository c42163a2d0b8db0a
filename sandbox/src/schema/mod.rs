//! What the org knows: its objects and their fields, read from describe-like JSON (docs/sandbox.md).
//!
//! The built-in schema is such JSON too (`built_in/`), cut from recorded describes. A schema never changes while an
//! org runs; what the session's user sees of it does ([`Schema::seen_with`]).

mod describe;
mod field;
pub(crate) mod number;
mod read;
mod rights;

use std::{collections::HashMap, io, path::PathBuf, sync::Arc};

pub(crate) use describe::{basic, full, global};
pub(crate) use field::{Field, FieldType};
use serde::Deserialize;

/// Where an org's schema comes from.
#[derive(Debug, Clone, Default)]
pub enum SchemaSource {
    /// `Account`, `Contact`, `Lead`, `Opportunity`, `Case`, `Campaign`, `CampaignMember`, `MyObject__c` with a field of
    /// every type and four external ids, and `Detail__c`, whose master cannot be changed.
    #[default]
    BuiltIn,
    /// Describe-like JSON: one object, an array of objects, or `{"sobjects": […]}`.
    Json(String),
    /// A file with such JSON.
    File(PathBuf),
}

const BUILT_IN: [&str; 9] = [
    include_str!("built_in/account.json"),
    include_str!("built_in/contact.json"),
    include_str!("built_in/lead.json"),
    include_str!("built_in/opportunity.json"),
    include_str!("built_in/case.json"),
    include_str!("built_in/my_object.json"),
    include_str!("built_in/detail.json"),
    include_str!("built_in/campaign.json"),
    include_str!("built_in/campaign_member.json"),
];

/// One object of the org.
#[derive(Debug, Clone)]
pub(crate) struct SObject {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) label_plural: String,
    pub(crate) key_prefix: String,
    pub(crate) custom: bool,
    pub(crate) fields: Vec<Field>,
    /// Fields that no two records may have the same values of all of.
    pub(crate) unique_together: Vec<Together>,
    /// The session's user may not change its records; never of a schema.
    pub(crate) read_only: bool,
    by_name: HashMap<String, usize>,
}

/// Fields that are unique together, and what the org says of a second record.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Together {
    pub(crate) fields: Vec<String>,
    pub(crate) message: String,
}

/// All objects; an object's place in `sobjects` is the place of its table in the store.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    pub(crate) sobjects: Vec<Arc<SObject>>,
    by_name: HashMap<String, usize>,
}

impl SObject {
    /// Names by which fields are found; labels that are not given are names.
    fn complete(mut self) -> Self {
        for (place, field) in self.fields.iter().enumerate().filter(|(_, field)| !field.hidden) {
            self.by_name.insert(field.name.clone(), place);
            self.by_name.insert(field.name.to_lowercase(), place);
        }
        for label in [&mut self.label, &mut self.label_plural] {
            if label.is_empty() {
                label.clone_from(&self.name);
            }
        }
        self
    }

    /// The place of a field; names are compared without case.
    pub(crate) fn field(&self, name: &str) -> Option<usize> {
        // The usual case is a name as the describe spells it: no copy for it.
        self.by_name.get(name).or_else(|| self.by_name.get(&name.to_lowercase())).copied()
    }

    /// The reference field whose parent is named `relationship` (`Account__r`, `Account`).
    pub(crate) fn relationship(&self, relationship: &str) -> Option<usize> {
        self.fields.iter().position(|f| {
            !f.hidden && f.relationship_name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(relationship))
        })
    }
}

impl Schema {
    /// A document that cannot be taken is an error of kind `InvalidData`, with its file, line and column.
    pub(crate) fn load(source: &SchemaSource) -> io::Result<Self> {
        let sobjects = match source {
            SchemaSource::BuiltIn => {
                BUILT_IN.into_iter().map(|text| parse("built-in", text)).collect::<io::Result<Vec<_>>>()?.concat()
            }
            SchemaSource::Json(text) => parse("schema", text)?,
            SchemaSource::File(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path);
                parse(&name, &text.map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?)?
            }
        };
        let by_name =
            sobjects.iter().enumerate().map(|(place, sobject)| (sobject.name.to_lowercase(), place)).collect();
        Ok(Self { sobjects, by_name })
    }

    /// The objects that the session's user sees.
    pub(crate) fn visible(&self) -> impl Iterator<Item = &Arc<SObject>> {
        self.sobjects.iter().filter(|sobject| self.place(&sobject.name).is_some())
    }

    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(&name.to_lowercase()).copied()
    }

    pub(crate) fn sobject(&self, name: &str) -> Option<&Arc<SObject>> {
        self.place(name).map(|place| &self.sobjects[place])
    }
}

/// `name` is what errors call the document.
fn parse(name: &str, text: &str) -> io::Result<Vec<Arc<SObject>>> {
    let sobjects = read::read(text);
    let sobjects = sobjects.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{name}:{error}")))?;
    Ok(sobjects.into_iter().map(Arc::new).collect())
}
