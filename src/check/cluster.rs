//! Checks of the Kafka cluster: the login, the topics, the group's offsets and the dead-letter topic.

use std::collections::BTreeMap;

use super::Finding;
use crate::{
    config::{Config, OnLostOffsets, OnRejection, TooLarge, TopicPattern},
    dead_letter,
    kafka::{self, Clients, Committed, DeadLetterTopic, DeadLetterTopicState, StartError, Topics},
    sink::route::Routes,
};

/// Checks everything about the cluster once.
pub(super) async fn check(config: &Config, clients: &Clients, routes: &Routes) -> Vec<Finding> {
    const SERVERS: &str = "kafka.bootstrap_servers";
    let found = match Topics::fetch(clients).await {
        Ok(found) => found,
        Err(StartError::Unreachable(error)) => {
            return vec![Finding::unreachable(SERVERS, format!("no answer: {error}"))];
        }
        Err(StartError::Token(error)) => return vec![Finding::unreachable("kafka.oauth.token_url", error.to_string())],
        Err(StartError::Denied(why)) => return vec![Finding::problem("kafka", why)],
        Err(error) => return vec![Finding::problem(SERVERS, error.to_string())],
    };
    let count = found.partitions.len();
    if let Err(error) = kafka::check_clients(clients, config.dead_letter.topic.is_some()) {
        return vec![Finding::problem("kafka.properties", format!("a client cannot be built from them: {error}"))];
    }
    let mut findings = vec![Finding::ok(SERVERS, format!("the cluster answers, with {count} topics"))];
    findings.extend(topics(routes, &found));
    let patterns: Vec<_> = routes.iter().map(|(pattern, _)| pattern).collect();
    let taken = found.taken(&patterns);
    findings.push(group(config, clients, &taken).await);
    findings.extend(dead_letters(config, &found, &taken).await);
    findings
}

/// Checks that the topics of the routes exist, and that each belongs to one route.
pub(crate) fn topics(routes: &Routes, found: &Topics) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, (pattern, route)) in routes.iter().enumerate() {
        let key = format!("routes[{index}].topic");
        let taken = found.taken(&[pattern]);
        findings.push(match pattern {
            TopicPattern::Exact(name) => match taken.get(name) {
                Some(partitions) => Finding::ok(key, format!("{name}: {partitions} partitions")),
                None => Finding::problem(key, format!("{name} does not exist"))
                    .hint("or this user may not describe it: create it, or allow Describe and Read"),
            },
            TopicPattern::Glob(_) if taken.is_empty() => {
                Finding::warning(key, format!("{} matches no existing topic", route.name))
                    .hint("topics that are created later are read when they appear")
            }
            TopicPattern::Glob(_) => Finding::ok(key, format!("{} matches {} topics", route.name, taken.len())),
        });
    }
    let patterns: Vec<_> = routes.iter().map(|(pattern, _)| pattern).collect();
    let ambiguous = found.taken(&patterns).into_keys().filter_map(|topic| routes.of_topic(&topic).err());
    findings.extend(ambiguous.map(|error| Finding::problem("routes", error.to_string())));
    findings
}

/// Returns the topics that routes name and that do not exist.
pub(crate) fn missing_topics(routes: &Routes, found: &Topics) -> Vec<String> {
    let named = routes.iter().filter_map(|(pattern, _)| match pattern {
        TopicPattern::Exact(name) if found.taken(&[pattern]).is_empty() => Some(name.clone()),
        _ => None,
    });
    named.collect()
}

async fn group(config: &Config, clients: &Clients, taken: &BTreeMap<String, i32>) -> Finding {
    const KEY: &str = "kafka.group_id";
    let group = &config.kafka.group_id;
    match kafka::fetch_committed(clients, taken).await {
        Ok(committed) => group_finding(KEY, config, &committed),
        Err(error) if error.is_denied() => {
            Finding::problem(KEY, format!("{group}: {error}")).hint("allow Read on the group, and Read on its topics")
        }
        Err(error) => Finding::unreachable(KEY, format!("{group}: {error}")),
    }
}

/// Says where the group continues, or why it cannot.
fn group_finding(key: &str, config: &Config, committed: &Committed) -> Finding {
    let group = &config.kafka.group_id;
    let Committed { all, known, lost, unanswered } = committed;
    if let [first, ..] = &lost[..] {
        let count = lost.len();
        let message = format!("{group}: the committed offsets of {count} partitions are lost: {first}");
        return match config.kafka.on_lost_offsets {
            OnLostOffsets::Stop => Finding::problem(key, message).hint(
                "kafka.on_lost_offsets = \"earliest\" continues after the gap, and counts it; or set the group's offsets",
            ),
            OnLostOffsets::Earliest => Finding::warning(key, message).hint("it continues after the gap, and counts it"),
        };
    }
    if *unanswered > 0 {
        let message = format!("{group}: the broker does not say where {unanswered} of its partitions begin and end");
        return Finding::unreachable(key, message);
    }
    if *all == 0 {
        return Finding::warning(key, format!("{group}: no topic of a route exists, so it has no partitions yet"));
    }
    let start = format!("{:?}", config.kafka.start).to_lowercase();
    Finding::ok(
        key,
        match all - known {
            0 => format!("{group} continues at its committed offsets in all {all} partitions"),
            new => format!("{group} begins at the {start} in {new} of {all} partitions"),
        },
    )
}

/// Checks the dead-letter topic, if one is configured.
pub(crate) async fn dead_letters(config: &Config, found: &Topics, taken: &BTreeMap<String, i32>) -> Vec<Finding> {
    const KEY: &str = "dead_letter.topic";
    let Some(name) = &config.dead_letter.topic else {
        let message = match config.dead_letter.on_rejection {
            OnRejection::Stop => "not set: the first rejected record stops the daemon",
            OnRejection::Skip => "not set: rejected records are logged and skipped, and lost",
        };
        return vec![Finding::warning(KEY, message).hint("name a topic: it is created if it is missing")];
    };
    let inputs: Vec<_> = taken.keys().map(String::as_str).collect();
    let overhead = dead_letter::MAX_OVERHEAD;
    let topic = DeadLetterTopic { config: &config.dead_letter, name, inputs: &inputs, overhead };
    match DeadLetterTopicState::inspect(found, topic).await {
        Ok(DeadLetterTopicState::Missing) => vec![Finding::ok(KEY, format!("{name} will be created"))],
        Ok(DeadLetterTopicState::Exists { max_bytes, inputs, is_compacted }) => {
            let mut findings = Vec::new();
            if is_compacted {
                let message = format!("{name} is compacted: a later letter of the same key removes an earlier one");
                findings.push(Finding::warning(KEY, message).hint("set its cleanup.policy to delete"));
            }
            let needed = inputs + overhead;
            if max_bytes < needed {
                let message = format!(
                    "{name} takes messages of {max_bytes} bytes, and the routes' topics of {inputs}: a large record and \
                     the headers of its letter do not fit"
                );
                let consequence = match config.dead_letter.too_large {
                    TooLarge::Reference => "a larger letter goes without its value",
                    TooLarge::Stop => "a larger letter stops the daemon",
                };
                let hint = format!(
                    "raise its max.message.bytes to {needed}; until then {consequence} (dead_letter.too_large)"
                );
                findings.push(Finding::warning(KEY, message).hint(hint));
            }
            if findings.is_empty() {
                findings.push(Finding::ok(KEY, format!("{name} is there")));
            }
            findings
        }
        Err(error) => {
            vec![Finding::problem(KEY, error.to_string()).hint("create it, or allow Create, Describe and Write")]
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{check::Level, config};

    #[test]
    fn a_group_with_partitions_of_unknown_ends_is_unreachable() {
        const TEXT: &str = "
            kafka = { bootstrap_servers = 'broker:9092', group_id = 'g' }
            salesforce.login_url = 'https://crm.example.com'
            salesforce.auth = { flow = 'client_credentials', client_id = 'id', client_secret = 'secret' }
            [[routes]]
            topic = 't'
            sobject = 'Contact'
        ";
        let loaded = config::load_text(TEXT, Path::new("test.toml"), []).unwrap_or_else(|error| panic!("{error}"));
        for (unanswered, level, words) in [
            (0, Level::Ok, "begins at the earliest in 1 of 4"),
            (2, Level::Unreachable, "does not say where 2 of its partitions begin"),
        ] {
            let committed = Committed { all: 4, known: 3, lost: Vec::new(), unanswered };
            let finding = group_finding("kafka.group_id", &loaded.config, &committed);
            assert!(finding.level == level && finding.to_string().contains(words), "{finding}");
        }
    }
}
