//! Reports the lag of each partition. The cluster is asked: what librdkafka remembers of it stands still while nothing
//! is fetched, which is when the lag matters most. A client of its own asks, so that no question delays the consumer's
//! end.
//!
//! The lag is the distance to the high watermark, after which nothing was written. Reading ends before it where a
//! transaction is open: nothing from its first record on can be read, of other producers neither, until it ends or the
//! brokers abort it. So a second client asks where that is, for partitions that do not move.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, KafkaResult},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    boundaries::{self, Boundaries},
    error::ConsumerError,
    observer::Observer,
    offsets::{AssignedOffsets, TopicPartition},
    open_transactions::{Open, OpenTransactions},
};
use crate::kafka::client::{Clients, error_context::ErrorCapture, token::TokenFeed};

/// The time between two checks of what is owned.
const TICK: Duration = Duration::from_millis(500);
/// The time between two requests about the same partitions.
const INTERVAL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(3);

/// A client that asks for boundaries, and its tokens.
struct Asker {
    client: BaseConsumer<ErrorCapture>,
    tokens: TokenFeed,
}

/// The state of the thread.
struct LagWatch {
    clients: Clients,
    observer: Observer,
    assigned: AssignedOffsets,
    /// Reads what is uncommitted as well.
    uncommitted: Asker,
    /// Reads as the lanes do. It is not created before it is needed.
    committed: Option<Asker>,
    /// The next offset of each partition at the last check.
    last: BTreeMap<TopicPartition, i64>,
    open: OpenTransactions,
}

/// Reports the lag of each partition that is owned, on a thread of its own, until `cancel`.
pub(super) fn watch(
    clients: &Clients,
    assigned: AssignedOffsets,
    observer: Observer,
    cancel: CancellationToken,
) -> Result<(), ConsumerError> {
    let watch = LagWatch {
        clients: clients.clone(),
        observer,
        assigned,
        uncommitted: Asker::new(clients, true).map_err(ConsumerError::Create)?,
        committed: None,
        last: BTreeMap::new(),
        open: OpenTransactions::default(),
    };
    std::thread::Builder::new().name("lag".into()).spawn(move || watch.run(&cancel))?;
    Ok(())
}

impl Asker {
    fn new(clients: &Clients, uncommitted: bool) -> KafkaResult<Self> {
        let config = if uncommitted { clients.admin_of_all() } else { clients.admin().clone() };
        Ok(Self { client: config.create_with_context(ErrorCapture::default())?, tokens: clients.token_feed() })
    }

    fn poll_events(&mut self) {
        ErrorCapture::poll_events(&self.client);
        self.tokens.apply_to(self.client.client());
    }

    /// Fetches where partitions end for this client.
    fn ends(&mut self, partitions: &[TopicPartition]) -> KafkaResult<Boundaries> {
        self.tokens.apply_to(self.client.client());
        let asked: Vec<_> = partitions.iter().map(|at| (at.clone(), Offset::End)).collect();
        boundaries::fetch(&self.client, &asked, boundaries::TIMEOUT, Instant::now() + TIMEOUT)
    }
}

impl LagWatch {
    fn run(mut self, cancel: &CancellationToken) {
        let (mut asked, mut asked_of) = (Instant::now(), Vec::new());
        while !cancel.is_cancelled() {
            std::thread::park_timeout(TICK);
            self.uncommitted.poll_events();
            if let Some(committed) = &mut self.committed {
                committed.poll_events();
            }
            let partitions: Vec<_> = self.assigned.lock().keys().cloned().collect();
            if partitions == asked_of && asked.elapsed() < INTERVAL {
                continue;
            }
            (asked, asked_of) = (Instant::now(), partitions.clone());
            if let Err(error) = self.check(&partitions) {
                debug!(%error, "the ends of the partitions are not known now");
            }
        }
    }

    fn check(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        let ends = self.uncommitted.ends(partitions)?;
        let mut still = Vec::new();
        {
            // Under the lock: what is revoked meanwhile is not reported again.
            let assigned = self.assigned.lock();
            self.last.retain(|at, _| assigned.contains_key(at));
            for (at, end) in &ends {
                let Some(progress) = assigned.get(at) else { continue };
                let next = progress.next_offset();
                let lag = end.offset.saturating_sub(next).max(0);
                self.observer.lag(&at.0, at.1, Some(lag));
                if self.last.insert(at.clone(), next) == Some(next) && lag > 0 {
                    still.push(at.clone());
                }
            }
        }
        let open = self.open_transactions(&still, &ends);
        self.observer.open_transactions(self.open.update(Instant::now(), open));
        Ok(())
    }

    /// The partitions of `still` in which reading waits for the end of a transaction.
    fn open_transactions(&mut self, still: &[TopicPartition], ends: &Boundaries) -> BTreeMap<TopicPartition, Open> {
        if still.is_empty() || !self.clients.reads_committed() {
            return BTreeMap::new();
        }
        if self.committed.is_none() {
            self.committed = Asker::new(&self.clients, false).ok();
        }
        let stable = match self.committed.as_mut().map(|asker| asker.ends(still)) {
            Some(Ok(stable)) => stable,
            Some(Err(error)) => {
                debug!(%error, "where transactions are open is not known now");
                return BTreeMap::new();
            }
            None => return BTreeMap::new(),
        };
        let assigned = self.assigned.lock();
        let open = stable.into_iter().filter_map(|(at, stable)| {
            let (next, end) = (assigned.get(&at)?.next_offset(), ends.get(&at)?.offset);
            let waits = stable.offset <= next && stable.offset < end;
            waits.then_some((at, Open { offset: stable.offset, records: end - stable.offset }))
        });
        open.collect()
    }
}
