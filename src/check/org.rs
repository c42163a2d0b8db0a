//! Checks of the org: the login, the API version, the quota, the SObjects and fields of the routes, and the permissions
//! of the user.

use futures::StreamExt as _;
use strum::VariantArray as _;

use super::{
    Finding, Level,
    fields::{create_only, required},
    key::external_id,
    notes::notes,
    parents::parents,
};
use crate::{
    config::{self, Config, Tombstone},
    record::{Access, Operation, SObject, TargetName},
    salesforce::{NoDescription, NoLogin, Salesforce, Version},
    sink::route::{Route, Routes},
};

/// Checks everything about the org once. If the login fails, nothing more is checked.
///
/// Each finding is added to `findings` as soon as it is known, so that an org that stops answering does not lose the
/// earlier ones.
pub(super) async fn check(config: &Config, routes: &Routes, org: &Salesforce, findings: &mut Vec<Finding>) {
    match org.login_once().await {
        Ok(instance) => findings.push(Finding::ok("salesforce.auth", format!("logged in to {instance}"))),
        Err(NoLogin::Refused(cause)) => {
            return findings.push(Finding::problem("salesforce.auth", format!("the login is refused: {cause}")));
        }
        Err(NoLogin::Later(cause)) => {
            return findings.push(Finding::unreachable("salesforce.login_url", cause.to_string()));
        }
    }
    let version = api_version(config, org).await;
    let is_supported = version.level != Level::Problem;
    findings.push(version);
    if !is_supported {
        return;
    }
    findings.push(quota(config, org).await);
    self::routes(config, routes, org, findings).await;
}

/// Checks all routes, at most `max_concurrent_requests` at a time. The findings are in the order of the routes.
pub(crate) async fn routes(config: &Config, routes: &Routes, org: &Salesforce, findings: &mut Vec<Finding>) {
    let checks: Vec<_> = routes
        .iter()
        .enumerate()
        .map(|(index, (_, compiled))| route(index, &config.routes[index], compiled, org))
        .collect();
    let mut results = futures::stream::iter(checks).buffered(config.salesforce.max_concurrent_requests);
    while let Some(found) = results.next().await {
        findings.extend(found);
    }
}

/// Checks that the org speaks the configured API version. If it does not, all of its other answers are misleading.
pub(crate) async fn api_version(config: &Config, org: &Salesforce) -> Finding {
    const KEY: &str = "salesforce.api_version";
    let version = &config.salesforce.api_version;
    match (org.versions().await, version.parse::<Version>()) {
        (Some((oldest, newest)), Ok(ours)) if ours < oldest || ours > newest => {
            let hint = "a sandbox may be a release ahead of production; old versions are retired";
            Finding::problem(KEY, format!("the org speaks {oldest}–{newest}, and not {ours}")).hint(hint)
        }
        (Some((oldest, newest)), _) => Finding::ok(KEY, format!("{version}: the org speaks {oldest}–{newest}")),
        (None, _) => Finding::warning(KEY, "the org does not say which API versions it speaks"),
    }
}

/// Whether a finding says that the org does not describe the SObject of a route. The org may then not know the API
/// version either.
pub(crate) fn is_undescribed(finding: &Finding) -> bool {
    finding.level == Level::Problem && finding.problem.key.ends_with("].sobject")
}

async fn quota(config: &Config, org: &Salesforce) -> Finding {
    const KEY: &str = "salesforce.quota.reserve";
    let Some((used, max)) = org.usage().await else {
        return Finding::warning(KEY, "the org does not say how many of its daily API calls are used");
    };
    let usage = format!("{used} of the org's {max} daily API calls are used");
    let reserve = u64::from(config.salesforce.quota.reserve);
    if used.saturating_mul(100) > (100 - reserve).saturating_mul(max) {
        let hint = "the daemon would make one call each salesforce.quota.probe_interval until fewer are used";
        return Finding::warning(KEY, format!("{usage}, and {reserve} % are left to other clients")).hint(hint);
    }
    Finding::ok(KEY, usage)
}

/// Checks one route. A finding of `Level::Problem` makes its job impossible.
async fn route(index: usize, config: &config::Route, route: &Route, org: &Salesforce) -> Vec<Finding> {
    let key = |name: &str| format!("routes[{index}].{name}");
    let sobject = match org.try_describe(&route.sobject).await {
        Ok(sobject) => sobject,
        Err(NoDescription::Refused { cause, .. }) => {
            return vec![Finding::refused(key("sobject"), &route.sobject, &cause)];
        }
        Err(NoDescription::Undescribed(cause)) => {
            let hint = "or this user may not see it: Read on the object, by a permission set";
            let problem = Finding::problem(key("sobject"), format!("{}: {cause}", route.sobject));
            return vec![if cause.http_status == Some(404) { problem.hint(hint) } else { problem }];
        }
    };
    let mut findings = operations(config, &sobject, &key);
    for target in route.own_targets().chain(route.renamed_to()).map(TargetName::parse) {
        if target.key.is_none() && !sobject.knows(target.name) {
            let message = format!("{} has no field {}", sobject.name, target.name);
            let hint = "or this user may not see it: field-level security";
            findings.push(Finding::problem(key("fields"), message).hint(hint));
        }
    }
    findings.extend(external_id(config, &sobject, &key));
    findings.extend(lock_parent(config, &sobject, &key));
    let parents = parents(config, route, &sobject, org, &key).await;
    findings.extend(parents.findings);
    findings.extend(required(config, &sobject, &key));
    findings.extend(create_only(config, &sobject, &key));
    findings.extend(notes(config, &sobject, &parents.sobjects, &key));
    if findings.iter().all(|finding| finding.level <= Level::Note) {
        let message = format!("{}: the org has all that the route needs", sobject.name);
        findings.insert(0, Finding::ok(key("sobject"), message));
    }
    findings
}

/// Reports the rights that the user lacks and the route may need.
fn operations(config: &config::Route, sobject: &SObject, key: &dyn Fn(&str) -> String) -> Vec<Finding> {
    let is_external = config.external_id_field.is_some();
    let missing = |operation| missing_rights(operation, is_external, sobject.access);
    let message = |rights: &[&str]| format!("{}: this user may not {} its records", sobject.name, rights.join(" or "));
    let hint = "grant it on the object, by a permission set, and check that the object allows it at all";
    let mut findings = Vec::new();
    let of_route = missing(config.operation);
    if !of_route.is_empty() {
        let finding = match config.operation_header {
            // All records may have a header with another operation.
            Some(_) => Finding::warning(key("operation"), message(&of_route)),
            None => Finding::problem(key("operation"), message(&of_route)),
        };
        findings.push(finding.hint(hint));
    }
    let mut other_operations: Vec<(&str, &[Operation])> = Vec::new();
    if config.operation_header.is_some() {
        other_operations.push(("operation_header", Operation::VARIANTS));
    }
    if config.tombstone == Tombstone::Delete {
        other_operations.push(("tombstone", &[Operation::Delete]));
    }
    for (name, operations) in other_operations {
        let mut rights = Vec::new();
        for operation in operations {
            // Without an external id an UPSERT is rejected before it needs a right.
            let is_possible = is_external || *operation != Operation::Upsert;
            if is_possible && *operation != config.operation {
                rights.extend(missing(*operation).into_iter().filter(|right| !of_route.contains(right)));
            }
        }
        rights.dedup();
        if !rights.is_empty() {
            findings.push(Finding::warning(key(name), message(&rights)).hint(hint));
        }
    }
    findings
}

/// Returns the rights that an operation needs and the user lacks: create, update, delete.
fn missing_rights(operation: Operation, is_external: bool, access: Access) -> Vec<&'static str> {
    let Access { createable, updateable, deletable } = access;
    let needs = match operation {
        Operation::Insert if !is_external => vec![(createable, "create")],
        Operation::Insert | Operation::Upsert => vec![(createable, "create"), (updateable, "update")],
        Operation::Update => vec![(updateable, "update")],
        Operation::Delete => vec![(deletable, "delete")],
    };
    needs.into_iter().filter(|(is_granted, _)| !is_granted).map(|(_, right)| right).collect()
}

fn lock_parent(config: &config::Route, sobject: &SObject, key: &dyn Fn(&str) -> String) -> Option<Finding> {
    let target = TargetName::parse(config.lock_parent.as_deref()?);
    let (lock_key, name) = (key("lock_parent"), target.name);
    Some(match target.field(sobject) {
        // A missing relationship is reported with the other parents.
        None if target.key.is_some() => return None,
        None => Finding::problem(lock_key, format!("{} has no field {name}", sobject.name))
            .hint("or this user may not see it: field-level security"),
        Some(field) if field.reference_to.is_empty() => {
            let message =
                format!("{}.{} has the type {}, which refers to no parent", sobject.name, field.name, field.kind);
            Finding::problem(lock_key, message).hint("name a lookup or master-detail field, such as AccountId")
        }
        Some(field) => {
            Finding::ok(lock_key, format!("{}.{} refers to {}", sobject.name, field.name, field.possible_parents()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(toml: &str) -> config::Route {
        toml::from_str(&format!("topic = 't'\nsobject = 'Thing__c'\n{toml}")).unwrap()
    }

    #[test]
    fn the_user_needs_the_rights_of_all_operations_of_a_route() {
        let all = Access::default();
        let no_create = Access { createable: false, ..all };
        let no_update = Access { updateable: false, ..all };
        let no_delete = Access { deletable: false, ..all };
        let external = "external_id_field = 'Ext__c'\n";
        for (toml, access, expected) in [
            ("operation = 'insert'", all, &[][..]),
            ("operation = 'insert'", no_update, &[]),
            ("operation = 'insert'", no_create, &[(Level::Problem, "operation", "create")]),
            (external, no_update, &[(Level::Problem, "operation", "update")]),
            ("operation = 'update'", no_create, &[]),
            ("operation = 'update'", no_update, &[(Level::Problem, "operation", "update")]),
            ("operation = 'delete'", no_delete, &[(Level::Problem, "operation", "delete")]),
            ("operation = 'update'\ntombstone = 'delete'", no_delete, &[(Level::Warning, "tombstone", "delete")]),
            ("operation_header = 'op'", no_create, &[(Level::Warning, "operation", "create")]),
            ("operation_header = 'op'", no_update, &[(Level::Warning, "operation_header", "update")]),
            ("operation_header = 'op'", no_delete, &[(Level::Warning, "operation_header", "delete")]),
        ] {
            let sobject = SObject::new("Thing__c", []).with_access(access);
            let found = operations(&route(toml), &sobject, &str::to_owned);
            assert_eq!(found.len(), expected.len(), "{toml} {access:?}: {found:?}");
            for (finding, (level, key, right)) in found.iter().zip(expected) {
                let words = format!("this user may not {right} its records");
                assert_eq!((finding.level, finding.problem.key.as_str()), (*level, *key), "{toml} {access:?}");
                assert!(finding.problem.message.ends_with(&words), "{toml} {access:?}: {finding}");
            }
        }
    }
}
