//! The records of one partition as its lane reads them. Each reading has a number, which the org finds in its row.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use tokio::time::sleep;

use super::{
    MAX_ROW_BYTES,
    ledger::{Ledger, Serial},
    plan::{Asks, Partition, Plan},
};
use crate::record::{Header, Position, Record, RecordId};

/// The records from `offset` on, each when its time has come; then nothing more.
pub(super) fn records(
    plan: Arc<Plan>,
    ledger: Arc<Ledger>,
    partition: usize,
    offset: i64,
) -> impl Stream<Item = Result<Record, Infallible>> + Send {
    let records = stream::unfold(usize::try_from(offset).unwrap(), move |offset| {
        let (plan, ledger) = (plan.clone(), ledger.clone());
        async move {
            let after = plan.partitions[partition].records.get(offset)?.after;
            sleep(Duration::from_millis(after)).await;
            Some((Ok(read(&plan, &ledger, partition, offset)), offset + 1))
        }
    });
    records.chain(stream::pending())
}

fn read(plan: &Plan, ledger: &Ledger, partition: usize, offset: usize) -> Record {
    let of = &plan.partitions[partition];
    let Partition { native, ref records, .. } = *of;
    let entry = &records[offset];
    let waits = of.refusal(offset).is_none() && !(native && entry.asks == Asks::Insert);
    let position = i64::try_from(offset).unwrap();
    let serial = ledger.read(partition, position, waits.then_some((native, entry.identity)));
    let key = if native { format!("00100000000000{}", entry.identity) } else { spelt(entry.identity, serial) };
    let padding = if entry.asks == Asks::Oversized { MAX_ROW_BYTES } else { entry.padding };
    let value = match entry.asks {
        Asks::Delete if !native => None,
        Asks::Undecodable => Some("{\"V__c\":".to_owned()),
        _ => {
            let parent =
                entry.parent.map_or_else(String::new, |parent| format!(",\"Parent__c\":\"{}\"", id(parent, serial)));
            Some(format!("{{\"V__c\":{serial},\"Pad__c\":\"{}\"{parent}}}", "x".repeat(padding)))
        }
    };
    let operation = match entry.asks {
        Asks::Insert => "INSERT",
        Asks::Delete if !native => "DELETE",
        Asks::Upsert => "UPSERT",
        Asks::Update | Asks::Delete | Asks::Undecodable | Asks::Oversized => "UPDATE",
    };
    let mut record = Record {
        position: Position { topic: "t".into(), partition: i32::try_from(partition).unwrap(), offset: position },
        timestamp: None,
        key: Some(key.clone().into()),
        value: value.map(Into::into),
        headers: vec![Header { name: "op".to_owned(), value: Some(operation.into()) }],
        excess: None,
    };
    let budget = plan.bounds.budget_bytes;
    record.key = Some(Bytes::from_owner(Weighed::new(key, record.charge().min(budget), ledger.alive.clone())));
    ledger.weigh(budget.min(MAX_ROW_BYTES + 2_048));
    record
}

/// One identity in many spellings that have one order key: the number is in the white space after the name.
fn spelt(identity: u8, serial: Serial) -> String {
    let bits = format!("{:b}", serial + 1).replace('0', " ").replace('1', "\t");
    let name = if serial.is_multiple_of(2) { 'k' } else { 'K' };
    format!("{name}{identity}{bits}")
}

/// One parent in its two lengths.
fn id(parent: u8, serial: Serial) -> String {
    let short = format!("00100000000000{parent}");
    if serial.is_multiple_of(2) { short } else { short.parse::<RecordId>().unwrap().to_string() }
}

pub(super) fn serial_of(text: &str) -> Serial {
    let bits = text.trim_start_matches(|c: char| !c.is_whitespace());
    let digit = |c| usize::from(c == '\t');
    bits.chars().fold(0, |number, c| number * 2 + digit(c)) - 1
}

/// A record's key that tells how long the record is held.
struct Weighed {
    key: String,
    charge: usize,
    alive: Arc<[AtomicUsize; 2]>,
}

impl Weighed {
    fn new(key: String, charge: usize, alive: Arc<[AtomicUsize; 2]>) -> Self {
        alive[0].fetch_add(1, Ordering::Relaxed);
        alive[1].fetch_add(charge, Ordering::Relaxed);
        Self { key, charge, alive }
    }
}

impl AsRef<[u8]> for Weighed {
    fn as_ref(&self) -> &[u8] {
        self.key.as_bytes()
    }
}

impl Drop for Weighed {
    fn drop(&mut self) {
        self.alive[0].fetch_sub(1, Ordering::Relaxed);
        self.alive[1].fetch_sub(self.charge, Ordering::Relaxed);
    }
}
