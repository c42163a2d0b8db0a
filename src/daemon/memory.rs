//! The bound of the daemon's memory: one sum, which is logged at each assignment. docs/architecture.md has it in words.

use std::collections::HashSet;

use crate::{
    config::{self, Config},
    dead_letter,
    kafka::{FETCH_BYTES, QUEUED_BYTES, QUEUED_MESSAGES, producer_queue},
    record::{Cause, RecordBounds, SObject},
    salesforce::MAX_ANSWER,
    sink::MAX_AHEAD,
};

/// The properties of the topics that are known at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Topics {
    /// The largest `max.message.bytes` of those that are read: what a batch may have as it is packed.
    pub(crate) batch: usize,
    /// Whether there is a dead-letter topic.
    pub(crate) letters: bool,
}

/// The bound as a function of the number of partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemoryBound {
    fixed: usize,
    per_partition: usize,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The budget of records that are ready or on the wire, and the equally large one of records that wait for something.
const BUDGETS: usize = 2;
/// The process by itself: code, TLS roots, threads, what the allocator does not give back.
const PROCESS: usize = 24 * MIB;
/// The size of librdkafka's structures for one message in a queue.
const MESSAGE: usize = 600;
/// The size of key and headers of one message in a queue. librdkafka's limits do not count them: where they are larger
/// on average, the bound is too low by the difference, times [`QUEUED_MESSAGES`], for each partition.
const KEY_AND_HEADERS: usize = KIB;
/// An offset that waits for an earlier one.
const AHEAD: usize = 128;
/// The headers that a letter has beside its record's own.
const LETTER_HEADERS: usize = dead_letter::MAX_OVERHEAD;

/// The largest record, where a batch of its topic has up to `batch` bytes.
pub(crate) fn record_bounds(config: &Config, batch: usize) -> RecordBounds {
    let taken = config.pipeline.max_record_bytes;
    RecordBounds { taken, held: taken.max(batch) }
}

/// The largest dead letter, in bytes.
pub(crate) fn largest_letter(records: RecordBounds) -> usize {
    records.held + LETTER_HEADERS
}

impl MemoryBound {
    pub(crate) fn new(config: &Config, topics: Topics) -> Self {
        let pipeline = &config.pipeline;
        let record = record_bounds(config, topics.batch);
        Self {
            fixed: PROCESS
                // Records between Kafka and their outcome, with all that is made of them.
                + BUDGETS * pipeline.max_in_flight_bytes
                // Why each of them waits, or is rejected.
                + BUDGETS * pipeline.max_in_flight_rows * Cause::MOST
                + calls(config)
                + letters(topics, record)
                + descriptions(config),
            per_partition: queue(topics.batch, record) + lane(config, record),
        }
    }

    /// The bound for this number of partitions, in bytes.
    pub(crate) fn of(self, partitions: usize) -> usize {
        self.fixed + partitions * self.per_partition
    }
}

/// Attempts under way, each with one call on the wire. A describe is one of them: it is read as it comes, and what is
/// kept of it on the way has less than [`MAX_ANSWER`].
fn calls(config: &Config) -> usize {
    let body = config.pipeline.batch_bytes.max(config.pipeline.max_row_bytes);
    // A compressed body stands beside the one that it was made of.
    let bodies = if config.salesforce.compression == config::Compression::None { 1 } else { 2 };
    config.salesforce.max_concurrent_requests * (bodies * body + MAX_ANSWER)
}

/// Letters on their way: the producer's copies of records, and the headers of both. One batch, which may be the largest
/// letter alone, is being compressed beside that.
fn letters(topics: Topics, record: RecordBounds) -> usize {
    let largest = largest_letter(record);
    if topics.letters { producer_queue(largest) + largest } else { 0 }
}

/// The size of the org's descriptions that are kept: for each SObject of a route its own, and that of a parent, or an
/// older one that some lane still uses.
fn descriptions(config: &Config) -> usize {
    let names: HashSet<_> = config.routes.iter().map(|route| &route.sobject).collect();
    2 * names.len() * SObject::MOST
}

/// The size of what librdkafka holds of one partition. Its limits count values only, and let one fetch more come in
/// when they are not reached: 64 KiB or one batch, packed; beside it what that unpacks to.
fn queue(batch: usize, record: RecordBounds) -> usize {
    QUEUED_BYTES + QUEUED_MESSAGES * (MESSAGE + KEY_AND_HEADERS) + FETCH_BYTES.max(batch) + record.held
}

/// The size of what a lane holds beside its share of the budget: one record, and offsets that are done after one that
/// is not.
fn lane(config: &Config, record: RecordBounds) -> usize {
    let pipeline = &config.pipeline;
    // The JSON of what is taken from that record, before it has its share of the budget.
    let makes_json = config.routes.iter().any(|route| route.value.format != config::ValueFormat::Json);
    let made = if makes_json { pipeline.max_row_bytes } else { 0 };
    record.held + made + (MAX_AHEAD + pipeline.max_in_flight_rows) * AHEAD
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const LEAST: &str = "
        kafka = { bootstrap_servers = 'broker:9092', group_id = 'g' }
        salesforce.login_url = 'https://crm.example.com'
        salesforce.auth = { flow = 'client_credentials', client_id = 'id', client_secret = 'secret' }
    ";
    /// Kafka's default.
    const BATCH: usize = 1_048_588;

    fn bound(more: &str, routes: &[&str], topics: Topics) -> MemoryBound {
        let routes = routes.iter().enumerate().map(|(n, route)| format!("[[routes]]\ntopic = 't{n}'\n{route}\n"));
        let text = [format!("{LEAST}\n{more}\n")].into_iter().chain(routes).collect::<String>();
        let loaded = config::load_text(&text, Path::new("test.toml"), []).unwrap_or_else(|error| panic!("{error}"));
        MemoryBound::new(&loaded.config, topics)
    }

    #[test]
    fn each_key_that_is_part_of_the_sum_moves_it_by_what_it_says() {
        let json = "sobject = 'Contact'";
        let topics = Topics { batch: BATCH, letters: true };
        let default = bound("", &[json], topics);
        let with = |more| bound(more, &[json], topics);
        let grows = |more, fixed: usize, per_partition: usize| {
            let grown = with(more);
            let by = (grown.fixed - default.fixed, grown.per_partition - default.per_partition);
            assert_eq!(by, (fixed, per_partition), "{more}");
        };
        grows("pipeline.max_in_flight_bytes = '17MiB'", 2 * MIB, 0);
        grows("pipeline.max_in_flight_rows = 3000", 2 * 1000 * Cause::MOST, 1000 * AHEAD);
        grows("pipeline.max_row_bytes = '5MiB'", 4 * MIB, 0);
        grows("pipeline.max_record_bytes = '17MiB'", 2 * MIB, 2 * MIB);
        grows("salesforce.max_concurrent_requests = 5", 8 * MIB, 0);
        grows("salesforce.compression = 'gzip'", 4 * 4 * MIB, 0);
        let none = bound("", &[json], Topics { letters: false, ..topics });
        assert_eq!(default.fixed - none.fixed, 2 * (16 * MIB + LETTER_HEADERS) + MIB);
        let larger = bound("", &[json], Topics { batch: BATCH + MIB, ..topics });
        assert_eq!(
            larger.per_partition - default.per_partition,
            MIB,
            "one fetch; the record is bounded by its own key"
        );
        let made = bound("", &[json, "sobject = 'Lead'\nvalue.format = 'json_with_schema'"], topics);
        assert_eq!(made.per_partition - default.per_partition, 4 * MIB);
        assert_eq!(made.fixed - default.fixed, 2 * SObject::MOST);
        let twice = bound("", &[json, "sobject = 'contact'"], topics);
        assert_eq!(twice, default, "one description of one SObject");
    }

    #[test]
    fn the_documents_say_what_the_defaults_come_to() {
        let bound = bound("", &["sobject = 'Contact'"], Topics { batch: BATCH, letters: true });
        let mib = |partitions| bound.of(partitions).div_ceil(MIB);
        let text = include_str!("../../docs/operations.md");
        let said = format!("it is {} MiB for 6 partitions and {} MiB for 20", mib(6), mib(20));
        assert!(text.contains(&said), "docs/operations.md lacks: {said}");
    }
}
