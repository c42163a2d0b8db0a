//! How far each partition is behind. The cluster is asked: what librdkafka remembers of it stands still while nothing
//! is fetched, which is when the lag matters most. A client of its own asks, so that no question holds up the
//! consumer's end.
//!
//! The lag is that to the high watermark, after which nothing was written. Reading ends before it where a transaction is
//! open: nothing from its first record on can be read, of other producers neither, until it ends or the brokers abort
//! it. So a second client asks where that is, for partitions that do not move.

use std::{
    collections::BTreeMap,
    sync::Weak,
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
    commit::{Owned, TopicPartition},
    open_transactions::{Open, OpenTransactions},
    poll_thread::ConsumerError,
    rebalance::Lanes,
};
use crate::kafka::client::{Clients, error_context::Ear, token::Pass};

/// Between two looks at what is owned.
const TICK: Duration = Duration::from_millis(500);
/// Between two questions about the same partitions.
const INTERVAL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(3);

/// A client that asks, and its token.
struct Asker {
    client: BaseConsumer<Ear>,
    pass: Pass,
}

/// What the thread knows.
struct Watch {
    clients: Clients,
    /// Reads what is uncommitted as well.
    all: Asker,
    /// Reads as the lanes do. There is none before it is needed.
    committed: Option<Asker>,
    owned: Owned,
    lanes: Weak<Lanes>,
    /// The next offset of each partition at the last look.
    last: BTreeMap<TopicPartition, i64>,
    open: OpenTransactions,
}

/// Tells the lag of each partition that is owned, on a thread of its own, until `cancel`.
pub(super) fn watch(
    clients: &Clients,
    owned: Owned,
    lanes: Weak<Lanes>,
    cancel: CancellationToken,
) -> Result<(), ConsumerError> {
    let all = Asker::new(clients, true).map_err(ConsumerError::Create)?;
    let clients = clients.clone();
    let (last, open) = (BTreeMap::new(), OpenTransactions::default());
    let mut watch = Watch { clients, all, committed: None, owned, lanes, last, open };
    std::thread::Builder::new().name("lag".into()).spawn(move || {
        let (mut asked, mut asked_of) = (Instant::now(), Vec::new());
        while !cancel.is_cancelled() {
            std::thread::park_timeout(TICK);
            watch.all.listen();
            if let Some(committed) = &mut watch.committed {
                committed.listen();
            }
            let partitions: Vec<_> = watch.owned.lock().keys().cloned().collect();
            if partitions == asked_of && asked.elapsed() < INTERVAL {
                continue;
            }
            (asked, asked_of) = (Instant::now(), partitions.clone());
            match watch.look(&partitions) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => debug!(%error, "the ends of the partitions are not known now"),
            }
        }
    })?;
    Ok(())
}

impl Asker {
    fn new(clients: &Clients, uncommitted: bool) -> KafkaResult<Self> {
        let config = if uncommitted { clients.admin_of_all() } else { clients.admin().clone() };
        Ok(Self { client: config.create_with_context(Ear::default())?, pass: clients.pass() })
    }

    fn listen(&mut self) {
        Ear::listen(&self.client);
        self.pass.show(self.client.client());
    }

    /// Where partitions end for this client.
    fn ends(&mut self, partitions: &[TopicPartition]) -> KafkaResult<Boundaries> {
        self.pass.show(self.client.client());
        let asked: Vec<_> = partitions.iter().map(|at| (at.clone(), Offset::End)).collect();
        boundaries::ask(&self.client, &asked, Instant::now() + TIMEOUT)
    }
}

impl Watch {
    /// False when the consumer is gone.
    fn look(&mut self, partitions: &[TopicPartition]) -> Result<bool, KafkaError> {
        let ends = self.all.ends(partitions)?;
        let Some(lanes) = self.lanes.upgrade() else { return Ok(false) };
        let mut still = Vec::new();
        {
            // Under the lock: what is revoked meanwhile is not told again.
            let owned = self.owned.lock();
            self.last.retain(|at, _| owned.contains_key(at));
            for (at, end) in &ends {
                let Some(progress) = owned.get(at) else { continue };
                let next = progress.next_offset();
                let lag = end.offset.saturating_sub(next).max(0);
                (lanes.lag)(&at.0, at.1, Some(lag));
                if self.last.insert(at.clone(), next) == Some(next) && lag > 0 {
                    still.push(at.clone());
                }
            }
        }
        let open = self.open_transactions(&still, &ends);
        (lanes.open_transactions)(self.open.look(Instant::now(), open));
        Ok(true)
    }

    /// Those of the partitions in which reading waits for the end of a transaction.
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
        let owned = self.owned.lock();
        let open = stable.into_iter().filter_map(|(at, stable)| {
            let (next, end) = (owned.get(&at)?.next_offset(), ends.get(&at)?.offset);
            let waits = stable.offset <= next && stable.offset < end;
            waits.then_some((at, Open { offset: stable.offset, records: end - stable.offset }))
        });
        open.collect()
    }
}
