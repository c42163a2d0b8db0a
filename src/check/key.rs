//! Checks the external id field of a route: how its values are compared, and whether records can be created and found
//! by it.

use super::Finding;
use crate::{
    config::{Route, Tombstone},
    record::{Field, KeyField, KeyKind, Operation, SObject},
};

pub(super) fn external_id(config: &Route, sobject: &SObject, key: &dyn Fn(&str) -> String) -> Vec<Finding> {
    let Some(name) = config.external_id_field.as_deref() else { return Vec::new() };
    let here = key("external_id_field");
    let field = match sobject.key_field(name) {
        Ok(field) => field,
        Err(cause) => return vec![Finding::problem(here, cause.to_string())],
    };
    let mut findings = vec![compared(config, sobject, &field, here.clone())];
    if let Some(described) = sobject.field(name) {
        findings.extend(created(config, sobject, described, here.clone()));
        findings.extend(found(config, sobject, described, here));
    }
    findings
}

fn compared(config: &Route, sobject: &SObject, field: &KeyField, here: String) -> Finding {
    if !field.kind.unique() {
        let upserts = if creates(config) { ", and an upsert by it needs View All Data" } else { "" };
        let message = format!(
            "{}.{} is not unique: a value that two records have is rejected{upserts}",
            sobject.name, field.name
        );
        return Finding::warning(here, message).hint("make the field unique, or grant View All Data to the user");
    }
    let kind = match field.kind {
        KeyKind::Text { case_sensitive: true, .. } => "text, unique, case-sensitive",
        KeyKind::Text { .. } => "text, unique without case",
        KeyKind::Number { .. } => "a number, unique",
    };
    Finding::ok(here, format!("{}.{}: {kind}", sobject.name, field.name))
}

/// Checks that the user can set the field, with which a new record is created.
fn created(config: &Route, sobject: &SObject, field: &Field, here: String) -> Option<Finding> {
    if field.createable || !creates(config) {
        return None;
    }
    let (reason, hint) = if field.auto_number {
        (
            "is numbered by the org itself",
            "an upsert by it finds records and cannot create one: use another field, or updates",
        )
    } else {
        (
            "cannot be set by this user",
            "grant Edit on the field, by a permission set; a formula cannot be the key of new records",
        )
    };
    let message = format!("{}.{} {reason}: it cannot be the key of a new record", sobject.name, field.name);
    Some(Finding::warning(here, message).hint(hint))
}

/// Checks that a query can filter by the field: an UPDATE and a DELETE query the record id first.
fn found(config: &Route, sobject: &SObject, field: &Field, here: String) -> Option<Finding> {
    if field.filterable {
        return None;
    }
    let message =
        format!("{}.{} cannot be filtered, and each UPDATE and DELETE queries by it", sobject.name, field.name);
    let hint =
        "a field that is encrypted probabilistically cannot be filtered: encrypt it deterministically, or use another";
    let is_queried = matches!(config.operation, Operation::Update | Operation::Delete);
    if is_queried || config.tombstone == Tombstone::Delete {
        Some(Finding::problem(here, message).hint(hint))
    } else {
        config.operation_header.is_some().then(|| Finding::warning(here, message).hint(hint))
    }
}

fn creates(config: &Route) -> bool {
    matches!(config.operation, Operation::Insert | Operation::Upsert) || config.operation_header.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Level;

    #[test]
    fn a_key_field_is_checked_for_what_the_route_does_with_it() {
        let good = || Field::sample("Ext__c", "string", true);
        let loose = Field { unique: false, ..good() };
        let numbered = Field { createable: false, auto_number: true, ..good() };
        let read_only = Field { createable: false, ..good() };
        let encrypted = Field { filterable: false, ..good() };
        let (upsert, update) = ("operation = 'upsert'", "operation = 'update'");
        let both = "operation = 'upsert'\ntombstone = 'delete'";
        let header = "operation = 'upsert'\noperation_header = 'op'";
        for (toml, field, level, words) in [
            (upsert, good(), Level::Ok, "unique without case"),
            (upsert, loose.clone(), Level::Warning, "needs View All Data"),
            (update, loose, Level::Warning, "is rejected"),
            (upsert, numbered.clone(), Level::Warning, "numbered by the org itself"),
            (update, numbered, Level::Ok, "unique without case"),
            (upsert, read_only, Level::Warning, "cannot be set by this user"),
            (upsert, encrypted.clone(), Level::Ok, "unique without case"),
            (update, encrypted.clone(), Level::Problem, "cannot be filtered"),
            (both, encrypted.clone(), Level::Problem, "cannot be filtered"),
            (header, encrypted, Level::Warning, "cannot be filtered"),
        ] {
            let text = format!("topic = 't'\nsobject = 'Thing__c'\nexternal_id_field = 'Ext__c'\n{toml}");
            let sobject = SObject::new("Thing__c", [field]);
            let found = external_id(&toml::from_str(&text).unwrap(), &sobject, &str::to_owned);
            let worst = found.iter().max_by_key(|finding| finding.level).unwrap();
            assert_eq!(worst.level, level, "{toml}: {found:?}");
            assert!(worst.problem.message.contains(words), "{toml}: {worst}");
        }
    }
}
