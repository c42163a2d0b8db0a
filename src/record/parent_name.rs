use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Command, Identity};

/// The external id by which rows name their parent, coarsely: a field and a value, without the SObject, folded. Only
/// good for a guess at whether a record is the parent that a row waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ParentName {
    field: String,
    value: String,
}

impl ParentName {
    fn new(field: &str, value: &str) -> Self {
        Self { field: field.to_lowercase(), value: value.trim().to_lowercase() }
    }
}

impl Command {
    /// The name that children of this row's record would give it.
    pub fn name(&self) -> Option<ParentName> {
        match self.target.as_ref()? {
            Identity::ExternalId(external) => Some(ParentName::new(&external.field().name, external.text())),
            Identity::RecordId(_) => None,
        }
    }

    /// The parents that the row names by their external ids. In its fields they are objects with one member, beside
    /// `attributes`.
    pub fn parent_names(&self) -> Vec<ParentName> {
        let mut names = Vec::new();
        for (_, json) in self.fields.iter().filter(|(_, json)| json.starts_with('{')) {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).unwrap_or_default();
            for (field, value) in members.iter().filter(|(field, _)| *field != "attributes") {
                let text: Result<String, _> = serde_json::from_str(value.get());
                names.push(ParentName::new(field, text.as_deref().unwrap_or(value.get())));
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::record::{Action, CallOptions, ExternalId, Field, Fields, OnMissing, Operation, SObject};

    #[test]
    fn a_child_names_its_parent_as_the_parent_is_named() {
        let sobject = Arc::new(SObject::new("Account", [Field::sample("Ext__c", "string", true)]));
        let key = Arc::new(sobject.key_field("Ext__c").unwrap());
        let mut fields = Fields::default();
        fields.push("Name".into(), "\"{}\"");
        fields.push("Parent".into(), r#"{"attributes":{"type":"Account"},"ext__C":"a \"1\""}"#);
        fields.push("Other__r".into(), r#"{"Number__c":7}"#);
        let command = Command {
            operation: Operation::Upsert,
            action: Action::Upsert,
            sobject: sobject.clone(),
            target: Some(Identity::ExternalId(ExternalId::new(key, " A \"1\"").unwrap())),
            fields,
            parent: None,
            options: Arc::new(CallOptions::default()),
            on_missing: OnMissing::default(),
        };
        let parents = command.parent_names();
        assert_eq!(parents, [command.name().unwrap(), ParentName::new("number__c", "7")]);
    }
}
