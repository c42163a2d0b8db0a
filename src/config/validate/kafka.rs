//! Rules of `[kafka]`: the ranges of intervals in librdkafka, and the properties that only the daemon sets.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::positive::positive;
use crate::config::{GroupProtocol, Kafka, Origin, Problem, layers::Origins, path::join, scalar};

/// What an operator may do about a librdkafka property that the daemon owns.
#[derive(Clone, Copy)]
enum Owned {
    /// Set this key of the daemon's configuration instead.
    Use(&'static str),
    /// Leave the property out, for this reason.
    Fixed(&'static str),
    /// Set the property to one of these values. Others may break a promise of the daemon.
    OneOf(&'static [&'static str]),
}

use Owned::{Fixed, OneOf, Use};

const COMMITS: Owned = Fixed("offsets are committed when their records are settled; see kafka.commit_interval");
const DURABLE: Owned = Fixed("a dead letter must be durable before its offset is committed");
const BOUNDED: Owned = Fixed("it is part of the stated memory bound; see pipeline.max_in_flight_bytes");

/// Properties of librdkafka, with their aliases, on which a promise of the daemon depends.
const OWNED: &[(&str, Owned)] = &[
    ("acks", DURABLE),
    ("auto.commit.enable", COMMITS),
    ("auto.commit.interval.ms", Use("kafka.commit_interval")),
    ("auto.offset.reset", Use("kafka.start")),
    ("bootstrap.servers", Use("kafka.bootstrap_servers")),
    ("client.id", Use("name")),
    ("delivery.report.only.error", DURABLE),
    ("delivery.timeout.ms", DURABLE),
    ("enable.auto.commit", COMMITS),
    ("enable.auto.offset.store", COMMITS),
    ("enable.gapless.guarantee", DURABLE),
    ("enable.idempotence", DURABLE),
    ("enable.partition.eof", Fixed("the daemon does not handle the event at the end of a partition")),
    ("fetch.max.bytes", BOUNDED),
    ("fetch.message.max.bytes", BOUNDED),
    ("fetch.queue.backoff.ms", BOUNDED),
    ("group.id", Use("kafka.group_id")),
    ("group.instance.id", Use("kafka.group_instance_id")),
    ("group.protocol", OneOf(&["classic", "consumer"])),
    ("log_level", Use("log.level")),
    ("max.in.flight", DURABLE),
    ("max.in.flight.requests.per.connection", DURABLE),
    ("max.partition.fetch.bytes", BOUNDED),
    ("max.poll.interval.ms", Use("kafka.max_poll_interval")),
    ("message.max.bytes", Fixed("the producer's limit is that of the dead-letter topic")),
    ("message.send.max.retries", DURABLE),
    ("message.timeout.ms", DURABLE),
    ("metadata.broker.list", Use("kafka.bootstrap_servers")),
    ("offset.store.method", COMMITS),
    ("offset.store.path", COMMITS),
    ("offset.store.sync.interval.ms", COMMITS),
    ("partition.assignment.strategy", OneOf(&["cooperative-sticky", "range"])),
    ("queue.buffering.max.kbytes", BOUNDED),
    ("queue.buffering.max.messages", BOUNDED),
    ("queued.max.messages.kbytes", BOUNDED),
    ("queued.min.messages", BOUNDED),
    ("queuing.strategy", DURABLE),
    ("request.required.acks", DURABLE),
    ("retries", DURABLE),
    ("session.timeout.ms", Use("kafka.session_timeout")),
    ("topic.blacklist", Fixed("it excludes the dead-letter topic; a narrower routes.topic excludes others")),
    ("transaction.timeout.ms", DURABLE),
    ("transactional.id", DURABLE),
];

/// Properties that librdkafka refuses with `group.protocol = "consumer"`, since the broker sets them; and hints.
const SET_BY_BROKER: &[(&str, &str)] = &[
    ("group.protocol.type", "leave it out"),
    ("heartbeat.interval.ms", "leave it out; the broker's group.consumer.heartbeat.interval.ms sets it"),
    ("partition.assignment.strategy", "use \"group.remote.assignor\" to change the group's default"),
];

pub(super) fn validate(kafka: &Kafka, origins: &Origins, problems: &mut Vec<Problem>) {
    match kafka.group_protocol() {
        GroupProtocol::Classic => classic_protocol(kafka, problems),
        GroupProtocol::Consumer => consumer_protocol(kafka, origins, problems),
    }
    positive("kafka.commit_interval", kafka.commit_interval, problems);
    for (key, interval, longest, longest_text) in [
        ("kafka.session_timeout", kafka.session_timeout, Duration::from_secs(3600), "1h"),
        ("kafka.max_poll_interval", kafka.max_poll_interval, Duration::from_secs(24 * 3600), "24h"),
    ] {
        if interval < Duration::from_millis(1) {
            problems.push(Problem::new(key, "must be at least 1ms: librdkafka takes no less"));
        }
        if interval > longest {
            problems.push(Problem::new(key, format!("must be at most {longest_text}: librdkafka takes no more")));
        }
    }
    positive("kafka.lease", kafka.lease(), problems);
    for (property, value) in &kafka.properties {
        let Some((_, owned)) = OWNED.iter().find(|(name, _)| name == property) else { continue };
        let key = join("kafka.properties", property);
        problems.push(match owned {
            Use(option) => Problem::new(key, "is set by the daemon").hint(format!("use {option}")),
            Fixed(reason) => Problem::new(key, "is set by the daemon").hint(*reason),
            OneOf(words) => match value.reveal() {
                Ok(word) if words.contains(&word.expose_secret()) => continue,
                _ => Problem::new(key, format!("must be {}", scalar::list(words))),
            },
        });
    }
}

fn classic_protocol(kafka: &Kafka, problems: &mut Vec<Problem>) {
    if kafka.max_poll_interval < kafka.session_timeout {
        problems.push(Problem::new("kafka.max_poll_interval", "is shorter than kafka.session_timeout"));
    }
    if kafka.lease() >= kafka.session_timeout {
        let message =
            "is not shorter than kafka.session_timeout: another member may own the partitions before the lease ends";
        problems.push(Problem::new("kafka.lease", message));
    }
}

fn consumer_protocol(kafka: &Kafka, origins: &Origins, problems: &mut Vec<Problem>) {
    const MESSAGE: &str = "is set by the broker with group.protocol = \"consumer\"";
    if origins.of("kafka.session_timeout") != Origin::Default {
        let hint = "leave it out; the broker's group.consumer.session.timeout.ms sets it";
        problems.push(Problem::new("kafka.session_timeout", MESSAGE).hint(hint));
    }
    for (property, hint) in SET_BY_BROKER {
        if kafka.properties.contains_key(*property) {
            problems.push(Problem::new(join("kafka.properties", property), MESSAGE).hint(*hint));
        }
    }
}
