//! Notes for the operator on settings of the org that a describe does not show: sharing and assignment rules.

use super::Finding;
use crate::{
    config::{Route, Tombstone},
    record::{ApiName, Operation, SObject},
};

/// Returns the notes on a route. `parents` are the SObjects of the parents that the route names.
pub(super) fn notes(
    config: &Route,
    sobject: &SObject,
    parents: &[ApiName],
    key: &dyn Fn(&str) -> String,
) -> Vec<Finding> {
    [sharing(config, sobject, parents, key), assignment(config, sobject, key)].into_iter().flatten().collect()
}

fn sharing(config: &Route, sobject: &SObject, parents: &[ApiName], key: &dyn Fn(&str) -> String) -> Option<Finding> {
    let touches_existing = config.operation != Operation::Insert
        || config.external_id_field.is_some()
        || config.operation_header.is_some()
        || config.tombstone == Tombstone::Delete;
    let name = &sobject.name;
    let mut needs = Vec::new();
    if touches_existing {
        needs.push(format!("View All and Modify All on {name}"));
    }
    let other_parents: Vec<_> =
        parents.iter().filter(|parent| !touches_existing || *parent != name).map(ApiName::as_str).collect();
    if !other_parents.is_empty() {
        needs.push(format!("View All on {}", other_parents.join(", ")));
    }
    if needs.is_empty() {
        return None;
    }
    let message = if touches_existing {
        format!(
            "{name}: this user does not see records that are not shared with it: a DELETE finds none and is done, an \
             UPDATE is NotFound, an UPSERT of one is refused as a duplicate"
        )
    } else {
        format!("{name}: this user does not see parents that are not shared with it: MissingParent")
    };
    let hint = format!("{}, by a permission set, unless all records are public to the user", needs.join("; "));
    Some(Finding::note(key("sobject"), message).hint(hint))
}

/// Notes how assignment rules apply. They give accounts, cases and leads an owner at create and, unless a header says
/// otherwise, at update (REST guide, "Assignment Rule Header").
fn assignment(config: &Route, sobject: &SObject, key: &dyn Fn(&str) -> String) -> Option<Finding> {
    let assigned = ["Account", "Case", "Lead"].iter().any(|name| sobject.name == **name);
    if !assigned || config.options.auto_assign.is_some() {
        return None;
    }
    let inserts = config.operation == Operation::Insert || config.operation_header.is_some();
    let effect = match (&config.external_id_field, inserts) {
        (None, true) => "plain inserts follow the org's assignment rules, updates do not",
        _ => "upserts and updates do not follow the org's assignment rules: owners stay as they are",
    };
    let hint = "options.auto_assign = \"true\", \"false\" or the record id of a rule changes this";
    Some(Finding::note(key("options.auto_assign"), format!("{}: {effect}", sobject.name)).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_depend_on_the_operations_and_parents_of_a_route() {
        let external = "external_id_field = 'Ext__c'\n";
        let on = "external_id_field = 'Ext__c'\noptions.auto_assign = 'true'";
        for (sobject, toml, parents, expected) in [
            ("Thing__c", "", &[][..], &[][..]),
            ("Thing__c", "", &["Account"], &["View All on Account, by"]),
            ("Thing__c", external, &[], &["View All and Modify All on Thing__c, by"]),
            ("Thing__c", external, &["Thing__c", "User"], &["on Thing__c; View All on User, by"]),
            ("Thing__c", "operation = 'delete'", &[], &["View All and Modify All on Thing__c"]),
            ("Thing__c", "tombstone = 'delete'", &[], &["View All and Modify All on Thing__c"]),
            ("Case", "", &[], &["plain inserts follow"]),
            ("Case", "operation = 'update'", &[], &["Modify All on Case", "owners stay"]),
            ("LEAD", external, &[], &["Modify All on LEAD", "upserts and updates do not"]),
            ("Lead", on, &[], &["Modify All on Lead"]),
        ] {
            let route: Route = toml::from_str(&format!("topic = 't'\nsobject = '{sobject}'\n{toml}")).unwrap();
            let parents: Vec<_> = parents.iter().map(|parent| ApiName::from(*parent)).collect();
            let found = notes(&route, &SObject::new(sobject, []), &parents, &str::to_owned);
            assert_eq!(found.len(), expected.len(), "{sobject} {toml}: {found:?}");
            for (finding, words) in found.iter().zip(expected) {
                assert!(finding.to_string().contains(words), "{sobject} {toml}: {finding}");
            }
        }
    }
}
