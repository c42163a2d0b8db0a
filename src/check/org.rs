//! What the org says: that it lets us in, that it has the SObjects and fields of the routes, and that this user may do
//! what the routes ask for.

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
    record::{Access, Operation, Refresh, SObject, TargetName},
    salesforce::{NoLogin, Salesforce, Version},
    sink::route::{Route, Routes},
};

/// Everything, asked once. Nothing more is asked of an org that does not let us in.
///
/// Each finding is in `findings` as soon as it is made: an org that stops to answer does not take those before it
/// along.
pub(super) async fn look(config: &Config, routes: &Routes, org: &Salesforce, findings: &mut Vec<Finding>) {
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
    let is_spoken = version.level != Level::Problem;
    findings.push(version);
    if !is_spoken {
        return;
    }
    findings.push(quota(config, org).await);
    self::routes(config, routes, org, findings).await;
}

/// What is to be said of each route, in their order. As many are looked at together as calls may be made.
pub(crate) async fn routes(config: &Config, routes: &Routes, org: &Salesforce, findings: &mut Vec<Finding>) {
    let looks: Vec<_> = routes
        .iter()
        .enumerate()
        .map(|(index, (_, compiled))| route(index, &config.routes[index], compiled, org))
        .collect();
    let mut looks = futures::stream::iter(looks).buffered(config.salesforce.max_concurrent_requests);
    while let Some(found) = looks.next().await {
        findings.extend(found);
    }
}

/// Whether the org speaks the API version of the configuration. Where it does not, all its other answers mislead.
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

/// The org does not describe a route's SObject, and may not know the API version either.
pub(crate) fn is_undescribed(finding: &Finding) -> bool {
    finding.level == Level::Problem && finding.problem.key.ends_with("].sobject")
}

async fn quota(config: &Config, org: &Salesforce) -> Finding {
    const KEY: &str = "salesforce.quota.reserve";
    let Some((used, max)) = org.usage().await else {
        return Finding::warning(KEY, "the org does not say how many of its daily API calls are used");
    };
    let told = format!("{used} of the org's {max} daily API calls are used");
    let reserve = u64::from(config.salesforce.quota.reserve);
    if used.saturating_mul(100) > (100 - reserve).saturating_mul(max) {
        let hint = "the daemon would make one call each salesforce.quota.probe_interval until fewer are";
        return Finding::warning(KEY, format!("{told}, and {reserve} % are left to others")).hint(hint);
    }
    Finding::ok(KEY, told)
}

/// What is to be said of one route. `Level::Problem` is what makes it impossible.
async fn route(index: usize, config: &config::Route, route: &Route, org: &Salesforce) -> Vec<Finding> {
    let key = |name: &str| format!("routes[{index}].{name}");
    let sobject = match org.describe(&route.sobject, Refresh::IfUnknown).await {
        Ok(sobject) => sobject,
        Err(cause) => {
            let hint = "or this user may not see it: Read on the object, by a permission set";
            let problem = Finding::problem(key("sobject"), format!("{}: {cause}", route.sobject));
            return vec![if cause.http_status == Some(404) { problem.hint(hint) } else { problem }];
        }
    };
    let mut findings = operations(config, &sobject, &key);
    let known = route.own_targets().chain(route.renamed_to()).map(TargetName::parse);
    findings.extend(known.filter(|target| target.key.is_none()).filter_map(|target| {
        let name = target.name;
        let missing = || Finding::problem(key("fields"), format!("{} has no field {name}", sobject.name));
        (!sobject.knows(name)).then(|| missing().hint("or this user may not see it: field-level security"))
    }));
    findings.extend(external_id(config, &sobject, &key));
    findings.extend(lock_parent(config, &sobject, &key));
    let parents = parents(config, route, &sobject, org, &key).await;
    findings.extend(parents.findings);
    findings.extend(required(config, &sobject, &key));
    findings.extend(create_only(config, &sobject, &key));
    findings.extend(notes(config, &sobject, &parents.sobjects, &key));
    if findings.iter().all(|finding| finding.level <= Level::Note) {
        let told = format!("{}: all that the route needs is there", sobject.name);
        findings.insert(0, Finding::ok(key("sobject"), told));
    }
    findings
}

/// What the user may not do, and the route may ask for.
fn operations(config: &config::Route, sobject: &SObject, key: &dyn Fn(&str) -> String) -> Vec<Finding> {
    let external = config.external_id_field.is_some();
    let Access { createable, updateable, deletable } = sobject.access;
    let missing = |operation: Operation| -> Vec<&'static str> {
        let needs = match operation {
            Operation::Insert if !external => vec![(createable, "create")],
            Operation::Insert | Operation::Upsert => vec![(createable, "create"), (updateable, "update")],
            Operation::Update => vec![(updateable, "update")],
            Operation::Delete => vec![(deletable, "delete")],
        };
        needs.into_iter().filter(|(may, _)| !may).map(|(_, what)| what).collect()
    };
    let told = |what: &[&str]| format!("{}: this user may not {} its records", sobject.name, what.join(" or "));
    let hint = "grant it on the object, by a permission set; and see that the object allows it at all";
    let mut findings = Vec::new();
    let own = missing(config.operation);
    if !own.is_empty() {
        let finding = match config.operation_header {
            // Its records may all bring another operation.
            Some(_) => Finding::warning(key("operation"), told(&own)),
            None => Finding::problem(key("operation"), told(&own)),
        };
        findings.push(finding.hint(hint));
    }
    let more = [
        (config.operation_header.is_some(), "operation_header", Operation::VARIANTS),
        (config.tombstone == Tombstone::Delete, "tombstone", &[Operation::Delete]),
    ];
    for (_, name, operations) in more.into_iter().filter(|(asked, ..)| *asked) {
        let asked = operations.iter().filter(|op| **op != config.operation && (external || **op != Operation::Upsert));
        let mut what: Vec<_> =
            asked.flat_map(|operation| missing(*operation)).filter(|what| !own.contains(what)).collect();
        what.dedup();
        if !what.is_empty() {
            findings.push(Finding::warning(key(name), told(&what)).hint(hint));
        }
    }
    findings
}

fn lock_parent(config: &config::Route, sobject: &SObject, key: &dyn Fn(&str) -> String) -> Option<Finding> {
    let (key, target) = (key("lock_parent"), config.lock_parent.as_deref()?);
    let target = TargetName::parse(target);
    let name = target.name;
    Some(match target.field(sobject) {
        // What it lacks is said with the other parents.
        None if target.key.is_some() => return None,
        None => Finding::problem(key, format!("{} has no field {name}", sobject.name))
            .hint("or this user may not see it: field-level security"),
        Some(field) if field.reference_to.is_empty() => {
            let told = format!("{}.{} has the type {}, and leads to no parent", sobject.name, field.name, field.kind);
            Finding::problem(key, told).hint("name a lookup or master-detail field, such as AccountId")
        }
        Some(field) => {
            let told = format!("{}.{} leads to {}", sobject.name, field.name, field.possible_parents());
            Finding::ok(key, told)
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
    fn what_a_route_may_ask_for_is_what_its_user_must_be_allowed() {
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
            let found: Vec<_> =
                found.iter().map(|finding| (finding.level, finding.problem.key.as_str(), finding)).collect();
            let expected: Vec<_> = expected.to_vec();
            assert_eq!(found.len(), expected.len(), "{toml} {access:?}: {found:?}");
            for ((level, key, finding), (wanted, wanted_key, what)) in found.iter().zip(&expected) {
                let told = format!("this user may not {what} its records");
                assert_eq!((level, key), (wanted, wanted_key), "{toml} {access:?}");
                assert!(finding.problem.message.ends_with(&told), "{toml} {access:?}: {finding}");
            }
        }
    }
}
