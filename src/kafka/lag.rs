//! How far each partition is behind. The cluster is asked: what librdkafka remembers of it stands still while nothing
//! is fetched, which is when the lag matters most. A client of its own asks, so that no question holds up the
//! consumer's end.

use std::{
    sync::Weak,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaResult,
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    client::Clients,
    commit::{Owned, TopicPartition},
    consumer::ConsumerError,
    ear::Ear,
    rebalance::Lanes,
};

/// Between two looks at what is owned.
const TICK: Duration = Duration::from_millis(500);
/// Between two questions about the same partitions.
const INTERVAL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(3);

/// Tells the lag of each partition that is owned, on a thread of its own, until `cancel`.
pub(super) fn watch(
    clients: &Clients,
    owned: Owned,
    lanes: Weak<Lanes>,
    cancel: CancellationToken,
) -> Result<(), ConsumerError> {
    let client: BaseConsumer<Ear> =
        clients.admin().create_with_context(Ear::default()).map_err(ConsumerError::Create)?;
    let mut pass = clients.pass();
    std::thread::Builder::new().name("lag".into()).spawn(move || {
        let (mut asked, mut asked_of) = (Instant::now(), Vec::new());
        while !cancel.is_cancelled() {
            std::thread::park_timeout(TICK);
            Ear::listen(&client);
            pass.show(client.client());
            let partitions: Vec<_> = owned.lock().keys().cloned().collect();
            if partitions == asked_of && asked.elapsed() < INTERVAL {
                continue;
            }
            (asked, asked_of) = (Instant::now(), partitions.clone());
            match ends(&client, &partitions) {
                Ok(ends) => match lanes.upgrade() {
                    Some(lanes) => tell(&owned, &lanes, &ends),
                    None => return,
                },
                Err(error) => debug!(%error, "the ends of the partitions are not known now"),
            }
        }
    })?;
    Ok(())
}

/// The offset behind the last record that can be read, of each partition.
fn ends(client: &BaseConsumer<Ear>, partitions: &[TopicPartition]) -> KafkaResult<Vec<(TopicPartition, i64)>> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        // As a time, the end is the latest that there is.
        asked.add_partition_offset(topic, *partition, Offset::End)?;
    }
    let answered = client.offsets_for_times(asked, TIMEOUT)?;
    let end = |at: &TopicPartition| match answered.find_partition(&at.0, at.1)?.offset() {
        Offset::Offset(end) => Some((at.clone(), end)),
        _ => None,
    };
    Ok(partitions.iter().filter_map(end).collect())
}

fn tell(owned: &Owned, lanes: &Lanes, ends: &[(TopicPartition, i64)]) {
    // Under the lock: what is revoked meanwhile is not told again.
    let owned = owned.lock();
    for (at, end) in ends {
        if let Some(progress) = owned.get(at) {
            (lanes.lag)(&at.0, at.1, Some(end.saturating_sub(progress.next_offset()).max(0)));
        }
    }
}
