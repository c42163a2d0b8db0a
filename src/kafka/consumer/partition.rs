//! One partition's queue as a stream of records.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use rdkafka::{
    Message as _,
    consumer::{BaseConsumer, Consumer as _, base_consumer::PartitionQueue},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedHeaders, BorrowedMessage, Headers as _},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{
    error::ReadError,
    lanes::PartitionStream,
    lost_offsets::{Gap, GapState},
    rebalance::RebalanceContext,
};
use crate::{
    record::{Excess, Header, Position, Record, Timestamp, headers_bytes},
    runtime::progress::{NextOffset, Progress},
};

/// The interval at which a queue is polled without a wake-up, since one can get lost (rust-rdkafka#840).
const TICK: Duration = Duration::from_secs(1);
/// The time between two checks whether what was read is settled.
const SETTLED: Duration = Duration::from_millis(100);

struct PartitionReader {
    queue: PartitionQueue<RebalanceContext>,
    consumer: Arc<BaseConsumer<RebalanceContext>>,
    nonempty: Arc<Notify>,
    topic: Arc<str>,
    partition: i32,
    next: i64,
    progress: Arc<Progress>,
    /// The conditions for reading the first record; `None` once they are met.
    conditions: Option<ReadConditions>,
}

/// Conditions for reading the first record of a partition.
pub(super) struct ReadConditions {
    /// The time until which records of an earlier owner that are in flight may still arrive.
    pub(super) hold_until: tokio::time::Instant,
    /// Cancelled once librdkafka has been told to check the leader epoch of the first offset, or need not check it.
    pub(super) readable: CancellationToken,
}

/// Streams the records from where `progress` is.
pub(super) fn records(
    mut queue: PartitionQueue<RebalanceContext>,
    consumer: Arc<BaseConsumer<RebalanceContext>>,
    topic: Arc<str>,
    partition: i32,
    progress: Arc<Progress>,
    conditions: ReadConditions,
) -> PartitionStream {
    let nonempty = Arc::new(Notify::new());
    let wake = nonempty.clone();
    queue.set_nonempty_callback(move || wake.notify_one());
    let next = progress.next_offset();
    let conditions = Some(conditions);
    let reader = PartitionReader { queue, consumer, nonempty, topic, partition, next, progress, conditions };
    Box::pin(futures::stream::unfold(reader, async |mut reader| reader.next().await.map(|item| (item, reader))))
}

impl PartitionReader {
    async fn next(&mut self) -> Option<Result<Record, ReadError>> {
        if let Some(ReadConditions { hold_until, readable }) = &self.conditions {
            tokio::time::sleep_until(*hold_until).await;
            readable.cancelled().await;
            self.conditions = None;
        }
        loop {
            let error = match self.poll() {
                // A pause of librdkafka's own, in a rebalance, can fetch again what was just taken.
                Some(Ok((record, _))) if record.position.offset < self.next => continue,
                Some(Ok((record, leader_epoch))) => {
                    self.progress.read(record.position.offset, leader_epoch);
                    self.next = record.position.offset + 1;
                    return Some(Ok(record));
                }
                Some(Err(error)) => error,
                None => {
                    self.pass_over_markers();
                    // What arrives between the poll and the wait has left a permit in the notification.
                    drop(tokio::time::timeout(TICK, self.nonempty.notified()).await);
                    continue;
                }
            };
            let (topic, partition) = (self.topic.clone(), self.partition);
            match error {
                KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset) => {
                    return self.lost_offsets().await;
                }
                // librdkafka may read on after it.
                source @ KafkaError::MessageConsumption(
                    RDKafkaErrorCode::BadMessage | RDKafkaErrorCode::BadCompression | RDKafkaErrorCode::NotImplemented,
                ) => {
                    let next = self.next;
                    return self.halt(&ReadError::Unreadable { topic, partition, next, source }).await;
                }
                source @ KafkaError::MessageConsumptionFatal(_) => {
                    return Some(Err(ReadError::Fatal { topic, partition, source }));
                }
                // A denial that lasts shows in the commits.
                error => warn!(
                    event = "partition_unreadable", %topic, partition, %error,
                    "partition cannot be read now"
                ),
            }
        }
    }

    /// Polls the queue, and copies the message: one that is kept would pin its whole fetch response (librdkafka#1382).
    fn poll(&self) -> Option<Result<(Record, Option<i32>), KafkaError>> {
        let copy = |message: BorrowedMessage<'_>| (self.copy(&message), kafka_ffi::leader_epoch(&message));
        self.queue.poll(Duration::ZERO).map(|message| message.map(copy))
    }

    /// Moves on past offsets that hold no record. To be called when the queue has returned nothing: what it held after
    /// the last record, if anything, was not a record.
    ///
    /// The markers that end transactions lie in the queue like records, those of an aborted transaction after all that
    /// it wrote; a poll takes them out, returns nothing for them, and moves librdkafka's position past them. That
    /// position skips nothing that this reader has not read:
    /// * Nothing but a poll of this queue moves it forward (`rd_kafka_update_app_pos`: for a message that
    ///   `rd_kafka_event_message_next` gives out, and for a marker in `rd_kafka_op_handle_std`), and nothing but this
    ///   reader polls the queue. So what arrives between the poll and this check does not count, and neither does what
    ///   lies in the queue.
    /// * The queue is in the order of the partition, and begins anew only at an offset that this reader has not passed: a
    ///   pause of librdkafka's own fetches from this position on, and a seek from where the partition was assigned.
    /// * A position of an earlier assignment would be wrong: the group's offset may have been set back since. librdkafka
    ///   forgets it when the fetcher has stopped, which is some time after the partition was unassigned
    ///   (`rd_kafka_toppar_fetch_stopped`). So no lane starts before that: see `fetcher::has_stopped`.
    fn pass_over_markers(&mut self) {
        let Some(position) = kafka_ffi::position(&self.consumer, &self.topic, self.partition) else { return };
        if position.offset > self.next {
            let kafka_ffi::Position { offset, leader_epoch } = position;
            self.progress.passed_over(self.next, NextOffset { offset, leader_epoch });
            self.next = offset;
        }
    }

    fn copy(&self, message: &BorrowedMessage<'_>) -> Record {
        let position = Position { topic: self.topic.clone(), partition: self.partition, offset: message.offset() };
        let headers = message.headers().map_or_else(Vec::new, |all| headers(all, &position));
        let bounds = self.consumer.context().record_bounds;
        let excess = Excess::of(bounds, message.key_len(), message.payload_len(), headers_bytes(&headers));
        Record {
            headers: if excess.headers.is_none() { headers } else { Vec::new() },
            position,
            timestamp: match message.timestamp() {
                rdkafka::Timestamp::NotAvailable => None,
                rdkafka::Timestamp::CreateTime(millis) => Some(Timestamp::Create(millis)),
                rdkafka::Timestamp::LogAppendTime(millis) => Some(Timestamp::LogAppend(millis)),
            },
            key: message.key().filter(|_| excess.key.is_none()).map(Bytes::copy_from_slice),
            value: message.payload().filter(|_| excess.value.is_none()).map(Bytes::copy_from_slice),
            excess: excess.if_any(),
        }
    }

    /// Ends this lane's reading at a gap. What was read before the gap is settled first, since it cannot be read again.
    /// Then the poll thread starts another lane after the gap, or the daemon stops.
    async fn lost_offsets<T>(&self) -> T {
        while self.progress.next_offset() < self.next {
            tokio::time::sleep(SETTLED).await;
        }
        let passes = self.consumer.context().passes_lost_offsets();
        loop {
            let watermarks = self.watermarks().await;
            let lost = ReadError::LostOffsets {
                topic: self.topic.clone(),
                partition: self.partition,
                next: self.next,
                watermarks,
            };
            match watermarks {
                _ if !passes => return self.halt(&lost).await,
                Some((low, _)) => {
                    error!(event = "offsets_lost", %lost, low, "offsets are lost, reading goes on after them");
                    let at = (self.topic.clone(), self.partition);
                    let gap = Gap { next: self.next, low, state: GapState::Met };
                    self.consumer.context().lost_offsets.insert(at, gap);
                    return std::future::pending().await;
                }
                None => {
                    warn!(
                        event = "low_watermark_unknown", %lost,
                        "offsets are lost, and where the partition begins is not known: asking again"
                    );
                    tokio::time::sleep(TICK).await;
                }
            }
        }
    }

    /// Stops the daemon, whose drain ends this lane: what is in flight still gets its outcome.
    async fn halt<T>(&self, why: &ReadError) -> T {
        error!(event = "lane_failed", topic = %self.topic, partition = self.partition, error = %why, "lane failed");
        self.consumer.context().stop.now(why.to_string());
        std::future::pending().await
    }

    /// The earliest offset, and the one after the last.
    async fn watermarks(&self) -> Option<(i64, i64)> {
        const TIMEOUT: Duration = Duration::from_secs(5);
        let (consumer, topic, partition) = (self.consumer.clone(), self.topic.clone(), self.partition);
        let asked = tokio::task::spawn_blocking(move || consumer.fetch_watermarks(&topic, partition, TIMEOUT)).await;
        asked.ok().and_then(Result::ok)
    }
}

/// Copies the headers. rdkafka panics on a header whose name is not UTF-8, and gives no other access to it: such a
/// header is left out.
fn headers(all: &BorrowedHeaders, position: &Position) -> Vec<Header> {
    let copy = |header: rdkafka::message::Header<'_, &[u8]>| Header {
        name: header.key.to_owned(),
        value: header.value.map(Bytes::copy_from_slice),
    };
    let one = |index| {
        catch_unwind(AssertUnwindSafe(|| all.try_get(index).map(copy))).unwrap_or_else(|_| {
            warn!(
                event = "header_name_not_utf8", %position, index,
                "a header's name is not UTF-8: the header is left out"
            );
            None
        })
    };
    (0..all.count()).filter_map(one).collect()
}
