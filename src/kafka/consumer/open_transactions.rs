//! Transactions that stay open. A producer that dies in the middle of one leaves it open until its time-out
//! (`transaction.timeout.ms`, a minute unless set, up to `transaction.max.timeout.ms`, 15 minutes unless set); one that
//! hangs for ever is a defect of brokers that has occurred (KAFKA-9144, KIP-890).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime},
};

use tracing::{info, warn};

use super::{observer::OpenTransaction, offsets::TopicPartition};

/// A transaction that is open longer than the producers' default time-out is worth a line.
const LONG: Duration = Duration::from_secs(60);

/// The place of an open transaction, and the number of offsets from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    /// The offset of its first record.
    pub(super) offset: i64,
    /// The number of offsets from that one on.
    pub(super) records: i64,
}

/// The open transactions that reading waits for, each with the time when it was seen first.
#[derive(Debug, Default)]
pub(super) struct OpenTransactions(BTreeMap<TopicPartition, Seen>);

#[derive(Debug)]
struct Seen {
    open: Open,
    since: Instant,
    since_time: SystemTime,
    is_logged: bool,
}

impl OpenTransactions {
    /// Takes in what is open now, logs once what has been open for long, and returns what is to be reported.
    pub(super) fn update(&mut self, now: Instant, open: BTreeMap<TopicPartition, Open>) -> Vec<OpenTransaction> {
        self.0.retain(|(topic, partition), seen| {
            let stays = open.get(&(topic.clone(), *partition)).is_some_and(|open| open.offset == seen.open.offset);
            if !stays && seen.is_logged {
                info!(
                    event = "open_transaction_ended", %topic, partition, offset = seen.open.offset,
                    "the open transaction has ended, reading goes on"
                );
            }
            stays
        });
        for (at, open) in open {
            let since_time = SystemTime::now();
            let seen = self.0.entry(at.clone()).or_insert(Seen { open, since: now, since_time, is_logged: false });
            seen.open = open;
            if !seen.is_logged && now.duration_since(seen.since) >= LONG {
                seen.is_logged = true;
                let Open { offset, records } = open;
                let (topic, partition) = at;
                warn!(
                    event = "open_transaction",
                    %topic, partition, offset, records,
                    "a producer keeps a transaction open, nothing from its first record on can be read"
                );
            }
        }
        let reported = self.0.iter().map(|((topic, partition), seen)| OpenTransaction {
            topic: topic.to_string(),
            partition: *partition,
            offset: seen.open.offset,
            records: seen.open.records,
            since: seen.since_time,
        });
        reported.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn open(offset: i64, records: i64) -> BTreeMap<TopicPartition, Open> {
        BTreeMap::from([((Arc::from("t"), 0), Open { offset, records })])
    }

    #[test]
    fn an_open_transaction_is_reported_at_once_and_logged_once_it_lasts() {
        let (mut all, start) = (OpenTransactions::default(), Instant::now());
        let logged = |all: &OpenTransactions| all.0.values().filter(|seen| seen.is_logged).count();
        let reported = all.update(start, open(5, 7));
        assert_eq!((reported.len(), reported[0].offset, reported[0].records), (1, 5, 7));
        let reported = all.update(start + LONG / 2, open(5, 9));
        assert_eq!((reported[0].records, logged(&all)), (9, 0));
        all.update(start + LONG, open(5, 9));
        assert_eq!(logged(&all), 1);
        // The next one begins anew.
        let reported = all.update(start + LONG, open(14, 1));
        assert_eq!((reported[0].offset, logged(&all)), (14, 0));
        assert!(all.update(start + LONG * 2, BTreeMap::new()).is_empty());
    }
}
