//! Rules of `[[routes]]` and of the dead-letter topic between them. Empty names are stand-ins of the loader, which has
//! reported them already.

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
        // Out of a glob the consumer keeps the dead-letter topic.
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
    // A field, or a parent by its external id.
    let mut check_target =
        |key: String, target: &str| TargetName::parse(target).parts().for_each(|part| check(key.clone(), part));
    if let Some(target) = &route.lock_parent {
        check_target(key("lock_parent"), target);
    }
    for (table, targets) in [
        ("rename", fields.rename.iter().collect::<Vec<_>>()),
        ("constant", fields.constant.keys().map(|target| (target, target)).collect()),
    ] {
        for (name, target) in targets {
            check_target(join(&key(&format!("fields.{table}")), name), target);
        }
    }
}

fn target(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    match &route.external_id_field {
        Some(field) if *field == *"id" => {
            let message = format!("{field:?} is the record id, not an external id");
            let hint = "leave external_id_field out: the identity is the record id then";
            problems.push(Problem::new(key("external_id_field"), message).hint(hint));
        }
        None if route.operation == Operation::Upsert => {
            let message = "\"upsert\" needs an external_id_field to find a record by";
            problems.push(Problem::new(key("operation"), message));
        }
        _ => {}
    }
}

/// Members are compared without case, so that two of them may be one.
fn renames(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    let mut seen = HashMap::new();
    for member in route.fields.rename.keys() {
        if let Some(first) = seen.insert(AnyCase(member), member) {
            let here = join(&key("fields.rename"), member);
            problems.push(Problem::new(here, format!("is the same as {first:?}: case does not count")));
        }
    }
}

/// A key field needs a format with members.
fn key_field(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    let structureless =
        matches!(route.key.format, KeyFormat::String | KeyFormat::Bytes | KeyFormat::Long | KeyFormat::Int);
    if !route.key.field.is_empty() && structureless {
        let message = "names a member, and a key of this format has none";
        problems.push(Problem::new(key("key.field"), message).hint("set key.format, or leave key.field out"));
    }
    // Letters have two cases, and white space is trimmed: two keys could become one.
    if !route.key.separator.chars().all(|c| c.is_ascii_punctuation()) {
        let message = format!("{:?} has more than ASCII punctuation", route.key.separator);
        problems.push(Problem::new(key("key.separator"), message).hint("such as \"|\""));
    }
}

/// What a route sets in each row is not what names the record, and is set once.
fn own_targets(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    let fields = &route.fields;
    let coordinates = [
        ("topic", &fields.topic),
        ("partition", &fields.partition),
        ("offset", &fields.offset),
        ("timestamp", &fields.timestamp),
    ];
    let coordinates =
        coordinates.into_iter().filter_map(|(place, name)| Some((key(&format!("fields.{place}")), name.as_ref()?)));
    let constants = fields.constant.keys().map(|name| (join(&key("fields.constant"), name), name));
    let mut seen = HashMap::new();
    for (here, name) in constants.chain(coordinates) {
        let names_record =
            AnyCase(name) == AnyCase("id") || route.external_id_field.as_ref().is_some_and(|field| *field == **name);
        if names_record {
            problems.push(Problem::new(here, format!("{name} names the record, and is the identity's to set")));
        } else if let Some(first) = seen.insert(AnyCase(name), here.clone()) {
            problems.push(Problem::new(here, format!("{name} is set by {first} already")));
        }
    }
}

/// The header's word is trimmed, loses one pair of quotes, and is compared without the case of a to z: two aliases may
/// be one, and some can never be met.
fn aliases(key: &impl Fn(&str) -> String, route: &Route, problems: &mut Vec<Problem>) {
    let mut seen = HashMap::new();
    for word in route.operation_aliases.keys() {
        let folded = word.to_ascii_lowercase();
        let quoted = word.len() > 1 && word.starts_with('"') && word.ends_with('"');
        let here = join(&key("operation_aliases"), word);
        if folded.trim().is_empty() {
            problems.push(Problem::new(here, "an alias must not be empty"));
        } else if quoted || word.trim() != word {
            let message = "is never met: white space and quotes around the header's word are taken off";
            problems.push(Problem::new(here, message));
        } else if OPERATIONS.contains(&folded.as_str()) {
            problems.push(Problem::new(here, "is an operation's own name"));
        } else if let Some(first) = seen.insert(folded, word) {
            problems.push(Problem::new(here, format!("is the same as {first:?}: case does not count")));
        }
    }
}
