//! Rules of `[[routes]]`, and of the dead-letter topic. Empty names are placeholders of keys that the loader has
//! already reported.

use std::collections::HashMap;

use crate::config::path::join;
use crate::config::topic::{TopicPattern, check_name};
use crate::{
    config::{KeyFormat, Problem, Route},
    record::{AnyCase, ApiName, Operation, TargetName},
};

const OPERATIONS: [&str; 4] = ["insert", "update", "delete", "upsert"];

pub(super) fn validate(routes: &[Route], dead_letters: Option<&str>, problems: &mut Vec<Problem>) {
    if let Some(Err(error)) = dead_letters.map(check_name) {
        problems.push(Problem::new("dead_letter.topic", error.to_string()));
    }
    let mut seen = HashMap::new();
    for (i, route) in routes.iter().enumerate() {
        let key = |name: &str| format!("routes[{i}].{name}");
        if !route.topic.is_empty() {
            topic(&key("topic"), i, route, dead_letters, &mut seen, problems);
        }
        names(&key, route, problems);
        target(&key, route, problems);
        renames(&key, route, problems);
        key_field(&key, route, problems);
        own_targets(&key, route, problems);
        aliases(&key, route, problems);
        for (name, error) in route.options.read().1 {
            problems.push(Problem::new(key(&format!("options.{name}")), error.to_string()));
        }
    }
}

fn topic<'a>(
    key: &str,
    index: usize,
    route: &'a Route,
    dead_letters: Option<&str>,
    seen: &mut HashMap<&'a str, usize>,
    problems: &mut Vec<Problem>,
) {
    if let Some(first) = seen.get(route.topic.as_str()) {
        let message = format!("{:?} is already the topic of routes[{first}]", route.topic);
        problems.push(Problem::new(key, message));
    } else {
        seen.insert(&route.topic, index);
    }
    match TopicPattern::parse(&route.topic) {
        Err(error) => problems.push(Problem::new(key, error.to_string())),
        // A glob may match the dead-letter topic: the consumer excludes it.
        Ok(TopicPattern::Exact(topic)) if topic.starts_with("__") => {
            let message = format!("{topic:?} would not be read: topics whose names begin with __ are Kafka's own");
            problems.push(Problem::new(key, message));
        }
        Ok(TopicPattern::Exact(topic)) if dead_letters == Some(&topic) => {
            let message = format!("{topic:?} is also dead_letter.topic: the daemon would read its own dead letters");
            problems.push(Problem::new(key, message));
        }
        Ok(_) => {}
    }
}

fn names(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    let mut check = |key: String, name: &str| {
        if !name.is_empty() && !ApiName::is_valid(name) {
            let message = format!("{name:?} is not an API name");
            problems.push(Problem::new(key, message).hint("such as Contact or ExternalId__c"));
        }
    };
    check(key("sobject"), &route.sobject);
    if let Some(field) = &route.external_id_field {
        check(key("external_id_field"), field);
    }
    let fields = &route.fields;
    let coordinates = [&fields.topic, &fields.partition, &fields.offset, &fields.timestamp];
    for (place, name) in ["topic", "partition", "offset", "timestamp"].into_iter().zip(coordinates) {
        if let Some(name) = name {
            check(key(&format!("fields.{place}")), name);
        }
    }
    // A target is a field, or a parent by its external id.
    let mut targets: Vec<(String, &str)> = Vec::new();
    if let Some(target) = &route.lock_parent {
        targets.push((key("lock_parent"), target));
    }
    for (member, target) in &fields.rename {
        targets.push((join(&key("fields.rename"), member), target));
    }
    for target in fields.constant.keys() {
        targets.push((join(&key("fields.constant"), target), target));
    }
    for (target_key, target) in targets {
        for part in TargetName::parse(target).parts() {
            check(target_key.clone(), part);
        }
    }
}

fn target(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    match &route.external_id_field {
        Some(field) if *field == *"id" => {
            let message = format!("{field:?} is the record id, not an external id");
            let hint = "leave external_id_field out: the identity is then the record id";
            problems.push(Problem::new(key("external_id_field"), message).hint(hint));
        }
        None if route.operation == Operation::Upsert => {
            let message = "\"upsert\" needs an external_id_field to find a record by";
            problems.push(Problem::new(key("operation"), message));
        }
        _ => {}
    }
}

/// Checks that no two members are equal without case: members are compared without case.
fn renames(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    let mut seen = HashMap::new();
    for member in route.fields.rename.keys() {
        if let Some(first) = seen.insert(AnyCase(member), member) {
            let problem_key = join(&key("fields.rename"), member);
            problems.push(Problem::new(problem_key, format!("is the same as {first:?}: case does not count")));
        }
    }
}

/// Checks that `key.field` is set only for a format with members, and that the separator is ASCII punctuation.
fn key_field(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    let has_no_members =
        matches!(route.key.format, KeyFormat::String | KeyFormat::Bytes | KeyFormat::Long | KeyFormat::Int);
    if !route.key.field.is_empty() && has_no_members {
        let message = "names a member, and a key of this format has none";
        problems.push(Problem::new(key("key.field"), message).hint("set key.format, or leave key.field out"));
    }
    // Letters are compared without case, and white space is trimmed: two keys could become one.
    if !route.key.separator.chars().all(|c| c.is_ascii_punctuation()) {
        let message = format!("{:?} has more than ASCII punctuation", route.key.separator);
        problems.push(Problem::new(key("key.separator"), message).hint("such as \"|\""));
    }
}

/// Checks that the fields that a route sets in each row do not name the record, and that each is set once.
fn own_targets(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    let fields = &route.fields;
    let coordinates = [
        ("fields.topic", &fields.topic),
        ("fields.partition", &fields.partition),
        ("fields.offset", &fields.offset),
        ("fields.timestamp", &fields.timestamp),
    ];
    let mut targets: Vec<(String, &String)> = Vec::new();
    for name in fields.constant.keys() {
        targets.push((join(&key("fields.constant"), name), name));
    }
    for (coordinate, name) in coordinates {
        targets.extend(name.as_ref().map(|name| (key(coordinate), name)));
    }
    let mut seen = HashMap::new();
    for (target_key, name) in targets {
        let names_record =
            AnyCase(name) == AnyCase("id") || route.external_id_field.as_ref().is_some_and(|field| *field == **name);
        if names_record {
            let message = format!("{name} names the record: only the identity sets it");
            problems.push(Problem::new(target_key, message));
        } else if let Some(first) = seen.insert(AnyCase(name), target_key.clone()) {
            problems.push(Problem::new(target_key, format!("{name} is set by {first} already")));
        }
    }
}

/// Checks that each alias can match, and matches one operation. The word of the header is trimmed, loses one pair of
/// quotes, and is compared without the case of a to z.
fn aliases(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    let mut seen = HashMap::new();
    for word in route.operation_aliases.keys() {
        let folded = word.to_ascii_lowercase();
        let quoted = word.len() > 1 && word.starts_with('"') && word.ends_with('"');
        let alias_key = join(&key("operation_aliases"), word);
        if folded.trim().is_empty() {
            problems.push(Problem::new(alias_key, "an alias must not be empty"));
        } else if quoted || word.trim() != word {
            let message = "never matches: white space and quotes around the header's word are removed";
            problems.push(Problem::new(alias_key, message));
        } else if OPERATIONS.contains(&folded.as_str()) {
            problems.push(Problem::new(alias_key, "is an operation's own name"));
        } else if let Some(first) = seen.insert(folded, word) {
            problems.push(Problem::new(alias_key, format!("is the same as {first:?}: case does not count")));
        }
    }
}
