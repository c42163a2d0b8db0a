//! Rules of `[kafka]`: intervals that librdkafka takes, and properties that stay the daemon's own.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::positive::positive;
use crate::config::{GroupProtocol, Kafka, Origin, Problem, path::join, scalar, source::Origins};

/// What to use in place of a librdkafka property that the daemon sets itself.
#[derive(Clone, Copy)]
enum Instead {
    /// An option of ours.
    Option(&'static str),
    /// Nothing: why it cannot be changed.
    Nothing(&'static str),
    /// Nothing but these values is known to keep the promises.
    OneOf(&'static [&'static str]),
}

use Instead::{Nothing, OneOf, Option as Use};

const COMMITS: Instead = Nothing("offsets are committed when their records are settled; see kafka.commit_interval");
const DURABLE: Instead = Nothing("a dead letter must be durable before its offset is committed");
const BOUNDED: Instead = Nothing("it is part of the stated memory bound; see pipeline.max_in_flight_bytes");

/// Properties, with their aliases, on which a promise of the daemon rests.
const OWNED: &[(&str, Instead)] = &[
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
    ("enable.partition.eof", Nothing("the end of a partition is no event of the daemon")),
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
    ("message.max.bytes", Nothing("the producer takes what the dead-letter topic takes")),
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
    ("topic.blacklist", Nothing("it keeps the dead-letter topic out; a narrower routes.topic keeps others out")),
    ("transaction.timeout.ms", DURABLE),
    ("transactional.id", DURABLE),
];

/// What librdkafka refuses with `group.protocol = "consumer"`, since the broker decides it.
const OF_THE_BROKER: &[(&str, &str)] = &[
    ("group.protocol.type", "leave it out"),
    ("heartbeat.interval.ms", "leave it out; the broker's group.consumer.heartbeat.interval.ms says it"),
    ("partition.assignment.strategy", "use \"group.remote.assignor\" if the group's default is not to be"),
];

pub(super) fn validate(kafka: &Kafka, origins: &Origins, problems: &mut Vec<Problem>) {
    match kafka.group_protocol() {
        GroupProtocol::Classic => of_the_session(kafka, problems),
        GroupProtocol::Consumer => of_the_broker(kafka, origins, problems),
    }
    positive("kafka.commit_interval", kafka.commit_interval, problems);
    for (key, interval, most, said) in [
        ("kafka.session_timeout", kafka.session_timeout, Duration::from_secs(3600), "1h"),
        ("kafka.max_poll_interval", kafka.max_poll_interval, Duration::from_secs(24 * 3600), "24h"),
    ] {
        if interval < Duration::from_millis(1) {
            problems.push(Problem::new(key, "must be at least 1ms: librdkafka takes no less"));
        }
        if interval > most {
            problems.push(Problem::new(key, format!("must be at most {said}: librdkafka takes no more")));
        }
    }
    positive("kafka.lease", kafka.lease(), problems);
    for (property, value) in &kafka.properties {
        let Some((_, instead)) = OWNED.iter().find(|(name, _)| name == property) else { continue };
        let key = join("kafka.properties", property);
        problems.push(match instead {
            Use(option) => Problem::new(key, "is set by the daemon").hint(format!("use {option}")),
            Nothing(why) => Problem::new(key, "is set by the daemon").hint(*why),
            OneOf(words) => match value.reveal() {
                Ok(value) if words.contains(&value.expose_secret()) => continue,
                _ => Problem::new(key, format!("must be {}", scalar::list(words))),
            },
        });
    }
}

fn of_the_session(kafka: &Kafka, problems: &mut Vec<Problem>) {
    if kafka.max_poll_interval < kafka.session_timeout {
        problems.push(Problem::new("kafka.max_poll_interval", "is shorter than kafka.session_timeout"));
    }
    if kafka.lease() >= kafka.session_timeout {
        let why = "is not shorter than kafka.session_timeout: another member may own our partitions before it is over";
        problems.push(Problem::new("kafka.lease", why));
    }
}

fn of_the_broker(kafka: &Kafka, origins: &Origins, problems: &mut Vec<Problem>) {
    const SAID: &str = "is the broker's with group.protocol = \"consumer\"";
    if origins.of("kafka.session_timeout") != Origin::Default {
        let hint = "leave it out; the broker's group.consumer.session.timeout.ms says it";
        problems.push(Problem::new("kafka.session_timeout", SAID).hint(hint));
    }
    for (property, hint) in OF_THE_BROKER.iter().filter(|(property, _)| kafka.properties.contains_key(*property)) {
        problems.push(Problem::new(join("kafka.properties", property), SAID).hint(*hint));
    }
}
