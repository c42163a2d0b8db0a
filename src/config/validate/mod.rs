//! Combinations that cannot work, each with a name. Every rule looks on its own, so that all are reported at once.

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
use super::{Config, InsertUnknown, OnQuota, Pipeline, Problem, Retry, source::Origins};
use crate::record::OnMissing;

/// Between the last thing that a drain waits for and its end there is this much for dead letters and the commit.
const DRAIN_MARGIN: Duration = Duration::from_secs(10);

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

pub(super) fn validate(config: &Config, origins: &Origins) -> Vec<Problem> {
    let mut problems = Vec::new();
    timing(config, &mut problems);
    pipeline(&config.pipeline, &mut problems);
    good_letters(config, &mut problems);
    retry(&config.retry, &mut problems);
    kafka::validate(&config.kafka, origins, &mut problems);
    oauth::validate(&config.kafka, &mut problems);
    salesforce::validate(&config.salesforce, &mut problems);
    schema_registry::validate(config, &mut problems);
    routes::validate(&config.routes, config.dead_letter.topic.as_deref(), &mut problems);
    problems
}

/// A drain waits for a call on the wire and, where that one ends without an answer, until its rows may be sent again;
/// the group waits for the drain.
fn timing(config: &Config, problems: &mut Vec<Problem>) {
    let drain = config.drain_timeout;
    let call = config.salesforce.request_timeout.saturating_add(config.salesforce.unknown_hold);
    let least = call.saturating_add(DRAIN_MARGIN);
    if drain < least {
        let message = format!(
            "{} is shorter than salesforce.request_timeout, salesforce.unknown_hold and {} together",
            format_duration(drain),
            format_duration(DRAIN_MARGIN)
        );
        let hint = format!("at least \"{}\"", format_duration(least));
        problems.push(Problem::new("drain_timeout", message).hint(hint));
    }
    if drain >= config.kafka.max_poll_interval {
        let message = format!(
            "{} is not longer than drain_timeout ({})",
            format_duration(config.kafka.max_poll_interval),
            format_duration(drain)
        );
        let hint = "a rebalance waits for the drain, and would cost the membership";
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
    for (key, size, most, said) in sizes {
        let size = size as u64;
        if size < KIB {
            problems.push(Problem::new(key, format!("must be at least 1 KiB, is {size} bytes")));
        } else if size > most {
            problems.push(Problem::new(key, format!("must be at most {said}, is {size} bytes")));
        }
    }
}

/// A record that nothing is wrong with is rejected only where it is kept.
fn good_letters(config: &Config, problems: &mut Vec<Problem>) {
    if config.dead_letter.topic.is_some() {
        return;
    }
    let asked = [
        ("pipeline.insert_unknown", config.pipeline.insert_unknown == InsertUnknown::DeadLetter),
        ("salesforce.quota.on_quota", config.salesforce.quota.on_quota == OnQuota::DeadLetter),
    ];
    let asked = asked.into_iter().filter(|(_, asked)| *asked).map(|(key, _)| key.to_owned());
    let routes = config.routes.iter().enumerate().filter(|(_, route)| route.on_missing == OnMissing::DeadLetter);
    for key in asked.chain(routes.map(|(index, _)| format!("routes[{index}].on_missing"))) {
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
