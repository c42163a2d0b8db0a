//! Required fields, and whether a record can fill them at all.

use super::Finding;
use crate::{
    config::{Fields, Route},
    record::{AnyCase, Operation, SObject},
};

/// What a create needs. A field that the mapping keeps out makes each of them fail, mostly.
pub(super) fn required(config: &Route, sobject: &SObject, key: &dyn Fn(&str) -> String) -> Vec<Finding> {
    let creates =
        matches!(config.operation, Operation::Insert | Operation::Upsert) || config.operation_header.is_some();
    if !creates {
        return Vec::new();
    }
    let is_key = |name: &str| config.external_id_field.as_ref().is_some_and(|field| *field == *name);
    let needed: Vec<_> = sobject.required().filter(|name| !is_key(name)).collect();
    let kept_out: Vec<_> = needed.iter().copied().filter(|name| !may_fill(&config.fields, sobject, name)).collect();
    if kept_out.is_empty() {
        let own = |name: &&str| config.fields.constant.keys().all(|own| AnyCase(own) != AnyCase(name));
        let from_record: Vec<_> = needed.into_iter().filter(own).collect();
        return match from_record.as_slice() {
            [] => Vec::new(),
            names => vec![Finding::ok(key("fields"), format!("a record that creates must bring {}", names.join(", ")))],
        };
    }
    let told = format!("{} requires {}, which the mapping keeps out", sobject.name, kept_out.join(", "));
    let hint = "take it into fields.include, or set it by fields.constant";
    // The org has the last word: what it describes as required it may refuse, as the Name of a person account.
    vec![Finding::warning(key("fields"), told).hint(hint)]
}

/// Fields that an upsert can bring only where it creates its record.
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
    let told = match (names.as_slice(), more) {
        ([], _) => return None,
        (names, 0) => names.join(", "),
        (names, more) => format!("{} and {more} more", names[..NAMED].join(", ")),
    };
    let told = format!("{} can be created and not updated: {told}", sobject.name);
    let hint = "an upsert that finds its record goes once more without them; fields.exclude saves that call";
    Some(Finding::warning(key("fields"), told).hint(hint))
}

/// Whether any record can bring a value for this field, or the route sets it.
fn may_fill(fields: &Fields, sobject: &SObject, name: &str) -> bool {
    let is = |other: &str| AnyCase(other) == AnyCase(name);
    // A parent by its external id fills the reference.
    let fills = |target: &str| match target.split_once('.') {
        Some((relationship, _)) => sobject.relationship(relationship).is_some_and(|field| is(&field.name)),
        None => is(target) || sobject.relationship(target).is_some_and(|field| is(&field.name)),
    };
    let taken = |member: &str| {
        let named = |names: &[String]| names.iter().any(|name| AnyCase(name) == AnyCase(member));
        (fields.include.is_empty() || named(&fields.include)) && !named(&fields.exclude)
    };
    let coordinates = [&fields.topic, &fields.partition, &fields.offset, &fields.timestamp];
    let relationship = sobject.field(name).and_then(|field| field.relationship.as_deref());
    let own_names = [Some(name), relationship];
    let renamed_away = |member: &str| fields.rename.keys().any(|from| AnyCase(from) == AnyCase(member));
    fields.constant.keys().any(|own| fills(own))
        || coordinates.into_iter().flatten().any(|own| is(own))
        || fields.rename.iter().any(|(member, target)| fills(target) && taken(member))
        || own_names.into_iter().flatten().any(|member| taken(member) && !renamed_away(member))
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
    fn a_required_field_that_is_kept_out_stops_no_route() {
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
    fn an_upsert_is_warned_of_fields_that_can_only_be_created() {
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
    fn what_a_mapping_leaves_of_the_record() {
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
