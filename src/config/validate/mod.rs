//! Rules between keys: combinations that cannot work. Each rule checks by itself, so that all problems are reported at
//! once.

mod kafka;
mod oauth;
mod positive;
mod routes;
mod salesforce;
mod schema_registry;
mod transport;

use std::time::Duration;

use humantime_serde::re::humantime::format_duration;

use self::positive::positive;
use super::{Config, InsertUnknown, OnQuota, Pipeline, Problem, Retry, layers::Origins};
use crate::record::OnMissing;

/// The part of `drain_timeout` that is left for dead letters and the commit after the last call has ended.
const DRAIN_MARGIN: Duration = Duration::from_secs(10);

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

pub(super) fn validate(config: &Config, origins: &Origins) -> Vec<Problem> {
    let mut problems = Vec::new();
    timing(config, &mut problems);
    pipeline(&config.pipeline, &mut problems);
    dead_letters_of_good_records(config, &mut problems);
    retry(&config.retry, &mut problems);
    kafka::validate(&config.kafka, origins, &mut problems);
    oauth::validate(&config.kafka, &mut problems);
    salesforce::validate(&config.salesforce, &mut problems);
    schema_registry::validate(config, &mut problems);
    routes::validate(&config.routes, config.dead_letter.topic.as_deref(), &mut problems);
    problems
}

/// Checks that `drain_timeout` is long enough for a call in flight and, if that ends without an answer, for the time
/// until its rows may be sent again; and that the group waits for the drain.
fn timing(config: &Config, problems: &mut Vec<Problem>) {
    let drain = config.drain_timeout;
    let call_and_hold = config.salesforce.request_timeout.saturating_add(config.salesforce.unknown_hold);
    let shortest = call_and_hold.saturating_add(DRAIN_MARGIN);
    if drain < shortest {
        let message = format!(
            "{} is shorter than salesforce.request_timeout, salesforce.unknown_hold and {} together",
            format_duration(drain),
            format_duration(DRAIN_MARGIN)
        );
        let hint = format!("at least \"{}\"", format_duration(shortest));
        problems.push(Problem::new("drain_timeout", message).hint(hint));
    }
    if drain >= config.kafka.max_poll_interval {
        let message = format!(
            "{} is not longer than drain_timeout ({})",
            format_duration(config.kafka.max_poll_interval),
            format_duration(drain)
        );
        let hint = "a rebalance waits for the drain; a longer one costs the membership of the group";
        problems.push(Problem::new("kafka.max_poll_interval", message).hint(hint));
    }
}

fn pipeline(pipeline: &Pipeline, problems: &mut Vec<Problem>) {
    let sizes = [
        ("pipeline.max_in_flight_bytes", pipeline.max_in_flight_bytes, 1024 * GIB, "1 TiB"),
        ("pipeline.max_record_bytes", pipeline.max_record_bytes, 512 * MIB, "512 MiB"),
        ("pipeline.max_row_bytes", pipeline.max_row_bytes, 32 * MIB, "32 MiB"),
        ("pipeline.batch_bytes", pipeline.batch_bytes, 32 * MIB, "32 MiB"),
    ];
    for (key, bytes, largest, largest_text) in sizes {
        if (bytes as u64) < KIB {
            problems.push(Problem::new(key, format!("must be at least 1 KiB, is {bytes} bytes")));
        } else if bytes as u64 > largest {
            problems.push(Problem::new(key, format!("must be at most {largest_text}, is {bytes} bytes")));
        }
    }
}

/// Checks that a dead-letter topic is configured if a key asks to reject good records into it.
fn dead_letters_of_good_records(config: &Config, problems: &mut Vec<Problem>) {
    if config.dead_letter.topic.is_some() {
        return;
    }
    let mut keys = Vec::new();
    if config.pipeline.insert_unknown == InsertUnknown::DeadLetter {
        keys.push("pipeline.insert_unknown".to_owned());
    }
    if config.salesforce.quota.on_quota == OnQuota::DeadLetter {
        keys.push("salesforce.quota.on_quota".to_owned());
    }
    for (index, route) in config.routes.iter().enumerate() {
        if route.on_missing == OnMissing::DeadLetter {
            keys.push(format!("routes[{index}].on_missing"));
        }
    }
    for key in keys {
        let message = "\"dead_letter\" needs a dead_letter.topic";
        problems.push(Problem::new(key, message).hint("set dead_letter.topic, or leave this key out"));
    }
}

fn retry(retry: &Retry, problems: &mut Vec<Problem>) {
    positive("retry.initial_backoff", retry.initial_backoff, problems);
    if retry.max_backoff < retry.initial_backoff {
        let message = format!(
            "{} is shorter than retry.initial_backoff ({})",
            format_duration(retry.max_backoff),
            format_duration(retry.initial_backoff)
        );
        problems.push(Problem::new("retry.max_backoff", message));
    }
}
