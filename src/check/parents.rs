//! Checks parents by their external id: each two-part target of a route (`Account.Ext__c`, `User:Owner.Ext__c`) must
//! refer to one SObject, and to a field that identifies its records.

use super::Finding;
use crate::{
    config,
    record::{ApiName, SObject, TargetName},
    salesforce::{NoDescription, Salesforce},
    sink::route::Route,
};

/// The findings, and the SObjects of the parents that a route names.
pub(super) struct Parents {
    pub(super) findings: Vec<Finding>,
    pub(super) sobjects: Vec<ApiName>,
}

pub(super) async fn parents(
    config: &config::Route,
    route: &Route,
    sobject: &SObject,
    org: &Salesforce,
    key: &(dyn Fn(&str) -> String + Sync),
) -> Parents {
    let mut parents = Parents { findings: Vec::new(), sobjects: Vec::new() };
    let fields = route.own_targets().chain(route.renamed_to()).map(|text| ("fields", text));
    let lock = config.lock_parent.as_deref().map(|text| ("lock_parent", text));
    let mut seen = Vec::new();
    for (place, text) in fields.chain(lock) {
        let target = TargetName::parse(text);
        let (Some(field), false) = (target.key, seen.contains(&(place, text))) else { continue };
        seen.push((place, text));
        let is_lock = place == "lock_parent";
        let parent = match parent(sobject, target, field) {
            Ok(parent) => parent,
            // A row may name any of the possible parents: each is locked.
            Err(NoParent { is_ambiguous: true, .. }) if is_lock => continue,
            Err(NoParent { message, hint, .. }) => {
                parents.findings.push(Finding::problem(key(place), message).hint(hint));
                continue;
            }
        };
        let described = org.try_describe(parent).await;
        let cause = match described.map(|described| described.key_field(field).map(|_| ())) {
            Ok(Ok(())) => {
                if !parents.sobjects.contains(parent) {
                    parents.sobjects.push(parent.clone());
                }
                continue;
            }
            Err(NoDescription::Refused { cause, .. }) => {
                parents.findings.push(Finding::refused(key(place), parent, &cause));
                continue;
            }
            Ok(Err(cause)) | Err(NoDescription::Undescribed(cause)) => cause,
        };
        let finding = if is_lock { Finding::warning } else { Finding::problem };
        let hint = "or this user may not see it: Read on the parent and on its external id field, by a permission set";
        parents.findings.push(finding(key(place), format!("{text}: {parent}: {cause}")).hint(hint));
    }
    parents
}

/// Why a target does not refer to one SObject.
struct NoParent {
    message: String,
    hint: String,
    /// Whether the target refers to several SObjects.
    is_ambiguous: bool,
}

fn parent<'a>(sobject: &'a SObject, target: TargetName<'_>, field: &str) -> Result<&'a ApiName, NoParent> {
    let name = target.name;
    let Some(reference) = sobject.relationship(name) else {
        let by_field = sobject.field(name).and_then(|field| field.relationship.as_deref());
        let hint = by_field.map_or_else(
            || "or this user may not see it: field-level security".to_owned(),
            |relationship| format!("the relationship is called {relationship}"),
        );
        let message = format!("{} has no relationship {name}", sobject.name);
        return Err(NoParent { message, hint, is_ambiguous: false });
    };
    target.parent(reference).ok_or_else(|| {
        let possible = reference.possible_parents();
        let first = reference.reference_to.first().map_or("", ApiName::as_str);
        NoParent {
            message: format!("{}.{name} refers to one of {possible}", sobject.name),
            hint: format!("say which, as in {first}:{name}.{field}"),
            is_ambiguous: target.sobject.is_none(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Field;

    #[test]
    fn a_parent_target_must_refer_to_one_sobject() {
        let reference = |name: &str, relationship: &str, to: &[&str]| Field {
            relationship: Some(relationship.into()),
            reference_to: to.iter().map(|name| (*name).into()).collect(),
            ..Field::sample(name, "reference", false)
        };
        let fields =
            [reference("AccountId", "Account", &["Account"]), reference("OwnerId", "Owner", &["Group", "User"])];
        let contact = SObject::new("Contact", fields);
        for (text, expected) in [
            ("Account.Ext__c", Ok("Account")),
            ("account:account.Ext__c", Ok("Account")),
            ("User:Owner.Ext__c", Ok("User")),
            ("Owner.Ext__c", Err("refers to one of Group, User (say which, as in Group:Owner.Ext__c)")),
            ("Lead:Owner.Ext__c", Err("refers to one of Group, User (say which, as in Group:Owner.Ext__c)")),
            ("AccountId.Ext__c", Err("has no relationship AccountId (the relationship is called Account)")),
            (
                "Nothing__r.Ext__c",
                Err("has no relationship Nothing__r (or this user may not see it: field-level security)"),
            ),
        ] {
            let target = TargetName::parse(text);
            match (parent(&contact, target, target.key.unwrap()), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Ok(found), Err(_)) => panic!("{text} refers to {found}"),
                (Err(NoParent { message, hint, .. }), expected) => {
                    let reported = format!("{message} ({hint})");
                    assert!(expected.is_err_and(|words| reported.ends_with(words)), "{text}: {reported}");
                }
            }
        }
    }
}
