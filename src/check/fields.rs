//! Checks that a record can fill the required fields of its SObject.

use super::Finding;
use crate::{
    config::{Fields, Route},
    record::{AnyCase, Operation, SObject},
};

/// Checks the fields that a create requires. If the mapping leaves one out, most creates fail.
pub(super) fn required(config: &Route, sobject: &SObject, key: &dyn Fn(&str) -> String) -> Vec<Finding> {
    let creates =
        matches!(config.operation, Operation::Insert | Operation::Upsert) || config.operation_header.is_some();
    if !creates {
        return Vec::new();
    }
    let mut left_out = Vec::new();
    let mut from_record = Vec::new();
    for name in sobject.required() {
        if config.external_id_field.as_ref().is_some_and(|field| *field == *name) {
            continue;
        }
        if !may_fill(&config.fields, sobject, name) {
            left_out.push(name);
        } else if config.fields.constant.keys().all(|constant| AnyCase(constant) != AnyCase(name)) {
            from_record.push(name);
        }
    }
    if !left_out.is_empty() {
        let message = format!("{} requires {}, which the mapping leaves out", sobject.name, left_out.join(", "));
        let hint = "add it to fields.include, or set it by fields.constant";
        // Only a warning: an org may refuse a field that it describes as required, as the Name of a person account.
        return vec![Finding::warning(key("fields"), message).hint(hint)];
    }
    if from_record.is_empty() {
        return Vec::new();
    }
    vec![Finding::ok(key("fields"), format!("a record that creates must have {}", from_record.join(", ")))]
}

/// Warns of fields that an upsert can write only if it creates its record.
pub(super) fn create_only(config: &Route, sobject: &SObject, key: &dyn Fn(&str) -> String) -> Option<Finding> {
    const NAMED: usize = 5;
    let key_field = config.external_id_field.as_ref()?;
    let upserts =
        matches!(config.operation, Operation::Insert | Operation::Upsert) || config.operation_header.is_some();
    let names: Vec<_> = sobject
        .create_only()
        .filter(|name| upserts && *key_field != **name && may_fill(&config.fields, sobject, name))
        .collect();
    let more = names.len().saturating_sub(NAMED);
    let list = match (names.as_slice(), more) {
        ([], _) => return None,
        (names, 0) => names.join(", "),
        (names, more) => format!("{} and {more} more", names[..NAMED].join(", ")),
    };
    let message = format!("{} can be created and not updated: {list}", sobject.name);
    let hint = "an upsert that finds its record is sent once more without them; fields.exclude saves that call";
    Some(Finding::warning(key("fields"), message).hint(hint))
}

/// Whether a record can have a value for the field `name`, or the route sets it.
fn may_fill(fields: &Fields, sobject: &SObject, name: &str) -> bool {
    let coordinates = [&fields.topic, &fields.partition, &fields.offset, &fields.timestamp];
    let is_set_by_route = fields.constant.keys().any(|target| fills(target, sobject, name))
        || coordinates.into_iter().flatten().any(|target| AnyCase(target) == AnyCase(name));
    let is_renamed_to =
        fields.rename.iter().any(|(member, target)| fills(target, sobject, name) && is_included(fields, member));
    // Without a rename a member fills the field of its own name, or the reference of that relationship.
    let relationship = sobject.field(name).and_then(|field| field.relationship.as_deref());
    let is_own_name = [Some(name), relationship]
        .into_iter()
        .flatten()
        .any(|member| is_included(fields, member) && !contains(fields.rename.keys(), member));
    is_set_by_route || is_renamed_to || is_own_name
}

/// Whether a value for `target` is written into the field `name`. A parent by its external id fills the reference.
fn fills(target: &str, sobject: &SObject, name: &str) -> bool {
    let (relationship, is_parent) = match target.split_once('.') {
        Some((relationship, _)) => (relationship, true),
        None => (target, false),
    };
    let reference = sobject.relationship(relationship);
    (!is_parent && AnyCase(target) == AnyCase(name))
        || reference.is_some_and(|field| AnyCase(&field.name) == AnyCase(name))
}

fn is_included(fields: &Fields, member: &str) -> bool {
    (fields.include.is_empty() || contains(&fields.include, member)) && !contains(&fields.exclude, member)
}

fn contains<'a>(names: impl IntoIterator<Item = &'a String>, name: &str) -> bool {
    names.into_iter().any(|listed| AnyCase(listed) == AnyCase(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Level, record::Field};

    fn sobject() -> SObject {
        let account = Field {
            relationship: Some("Account".into()),
            reference_to: vec!["Account".into()],
            ..Field::sample("AccountId", "reference", false)
        };
        SObject::new("Contact", [Field::sample("LastName", "string", false), account])
    }

    /// Account.Name is described as required, and a person account must not bring it.
    #[test]
    fn a_required_field_that_the_mapping_leaves_out_is_a_warning() {
        let route = |toml: &str| toml::from_str(&format!("topic = 't'\nsobject = 'Contact'\n{toml}")).unwrap();
        let required_name = Field { required: true, ..Field::sample("LastName", "string", false) };
        let sobject = SObject::new("Contact", [required_name]);
        for (toml, level) in
            [("operation = 'insert'\nfields.include = ['Email']", Level::Warning), ("operation = 'insert'", Level::Ok)]
        {
            let found = required(&route(toml), &sobject, &str::to_owned);
            assert_eq!(found.iter().map(|finding| finding.level).collect::<Vec<_>>(), [level], "{toml}");
        }
    }

    #[test]
    fn fields_that_can_only_be_created_are_a_warning_for_upserts() {
        let master = Field { updateable: false, ..Field::sample("Master__c", "reference", false) };
        let key = Field { updateable: false, ..Field::sample("Ext__c", "string", true) };
        let detail = SObject::new("Detail__c", [Field::sample("Name", "string", false), master, key]);
        for (route, expected) in [
            (
                "external_id_field = 'Ext__c'\noperation = 'upsert'",
                Some("Detail__c can be created and not updated: Master__c"),
            ),
            ("external_id_field = 'Ext__c'\noperation = 'upsert'\nfields.exclude = ['Master__c']", None),
            ("external_id_field = 'Ext__c'\noperation = 'update'", None),
            ("operation = 'insert'", None),
        ] {
            let route: Route = toml::from_str(&format!("topic = 't'\nsobject = 'Detail__c'\n{route}")).unwrap();
            let found = create_only(&route, &detail, &str::to_owned).map(|finding| finding.problem.message);
            assert_eq!(found.as_deref(), expected);
        }
    }

    #[test]
    fn a_mapping_decides_which_fields_a_record_can_fill() {
        for (fields, name, filled) in [
            ("", "LastName", true),
            ("include = ['lastname']", "LastName", true),
            ("include = ['Email']", "LastName", false),
            ("exclude = ['LASTNAME']", "LastName", false),
            ("exclude = ['LastName']\nconstant = { lastName = 'x' }", "LastName", true),
            ("exclude = ['LastName']\ntopic = 'LastName'", "LastName", true),
            ("rename = { LastName = 'Other' }", "LastName", false),
            ("rename = { last_name = 'LastName' }", "LastName", true),
            ("rename = { last_name = 'LastName' }\ninclude = ['x']", "LastName", false),
            ("include = ['Account']", "AccountId", true),
            ("include = ['acc']\nrename = { acc = 'Account.Ext__c' }", "AccountId", true),
            ("include = ['acc']\nrename = { acc = 'Owner.Ext__c' }", "AccountId", false),
        ] {
            let parsed: Fields = toml::from_str(fields).unwrap();
            assert_eq!(may_fill(&parsed, &sobject(), name), filled, "{name} with {fields}");
        }
    }
}
