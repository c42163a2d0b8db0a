//! What was seen of a run, held against the promises as it happens. A promise that is broken becomes a line.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    HOLD,
    oracle::{Said, Word, explains},
    plan::Plan,
};
use crate::{ops::metrics::Metrics, runtime::progress::Progress};

/// Whether by record id, and which one.
pub(super) type Who = (bool, u8);

/// A reading of one record: those of the same record by different lanes differ.
pub(super) type Serial = usize;

pub(super) struct Ledger {
    plan: Arc<Plan>,
    metrics: Metrics,
    start: Instant,
    seen: Mutex<Seen>,
    /// What records take at this moment, in rows and charged bytes.
    pub(super) alive: Arc<[AtomicUsize; 2]>,
}

#[derive(Default)]
struct Seen {
    broken: Vec<String>,
    readings: Vec<Reading>,
    /// Of each partition.
    lanes: Vec<Lane>,
    /// Generation and offset of the last change that the org has applied.
    applied: HashMap<(usize, Who), (u32, i64)>,
    wire: HashSet<Who>,
    /// Something may still come of an earlier call.
    held: HashMap<Who, Instant>,
    calls: usize,
    /// Calls that were answered row by row.
    answered: u64,
}

#[derive(Default)]
struct Lane {
    generation: u32,
    /// While it is assigned.
    progress: Option<Arc<Progress>>,
    durable: Vec<bool>,
    unclean: HashSet<u32>,
}

struct Reading {
    partition: usize,
    offset: i64,
    generation: u32,
    /// `None` where nobody waits for it.
    who: Option<Who>,
    said: Vec<Said>,
    /// Written (true) or dead-lettered.
    outcome: Option<bool>,
}

impl Ledger {
    pub(super) fn new(plan: Arc<Plan>, metrics: Metrics) -> Self {
        let lane = |records: usize| Lane { durable: vec![false; records], ..Lane::default() };
        let lanes = plan.partitions.iter().map(|partition| lane(partition.records.len())).collect();
        let seen = Mutex::new(Seen { lanes, ..Seen::default() });
        Self { plan, metrics, start: Instant::now(), seen, alive: Arc::default() }
    }

    pub(super) fn broken(&self) -> Vec<String> {
        self.lock().broken.clone()
    }

    pub(super) fn expect(&self, holds: bool, promise: impl FnOnce() -> String) {
        if !holds {
            self.lock().broken.push(format!("{:?}: {}", self.start.elapsed(), promise()));
        }
    }

    /// The books balance, and no offset has passed a record without a durable outcome.
    pub(super) fn observe(&self) {
        for books in self.metrics.routes() {
            let settled = books.written + books.dead_lettered + books.skipped + books.dropped;
            let balanced = i64::try_from(books.read - settled).is_ok_and(|rest| rest == books.in_flight);
            self.expect(balanced, || format!("the books do not balance: {books:?}"));
        }
        let passed = {
            let seen = self.lock();
            let passed = |lane: &Lane| {
                let next = lane.progress.as_ref().map_or(0, |progress| progress.next_offset());
                (0_i64..).zip(&lane.durable).find(|(offset, durable)| *offset < next && !**durable).map(|(at, _)| at)
            };
            seen.lanes.iter().map(passed).enumerate().find_map(|(lane, at)| Some((lane, at?)))
        };
        self.expect(passed.is_none(), || format!("an offset has passed a record without an outcome: {passed:?}"));
    }

    /// A partition is assigned.
    pub(super) fn assigned(&self, partition: usize, progress: Arc<Progress>) -> u32 {
        let mut seen = self.lock();
        let lane = &mut seen.lanes[partition];
        lane.generation += 1;
        lane.progress = Some(progress);
        lane.generation
    }

    /// The lane has ended. After a clean drain nothing lies done behind what is committed.
    pub(super) fn unassigned(&self, partition: usize, clean: bool, committed: i64) {
        self.observe();
        let behind = {
            let mut seen = self.lock();
            let lane = &mut seen.lanes[partition];
            lane.progress = None;
            let generation = lane.generation;
            if !clean {
                lane.unclean.insert(generation);
            }
            let clean = !lane.unclean.contains(&generation);
            let mine = |r: &&Reading| r.partition == partition && r.generation == generation;
            let behind = |r: &Reading| clean && r.outcome.is_some() && r.offset >= committed;
            seen.readings.iter().filter(mine).any(behind)
        };
        self.expect(!behind, || format!("partition {partition}: a clean drain to {committed} left outcomes behind it"));
    }

    /// Partition and offset.
    pub(super) fn place(&self, serial: Serial) -> (usize, usize) {
        let row = &self.lock().readings[serial];
        (row.partition, usize::try_from(row.offset).unwrap())
    }

    /// What was read with this record may be read again.
    pub(super) fn unclean_of(&self, serial: Serial) {
        let mut seen = self.lock();
        let row = &seen.readings[serial];
        let (partition, generation) = (row.partition, row.generation);
        seen.lanes[partition].unclean.insert(generation);
    }

    /// What comes of this generation may be repeated.
    pub(super) fn unclean(&self, partition: usize) {
        let mut seen = self.lock();
        let lane = &mut seen.lanes[partition];
        let generation = lane.generation;
        lane.unclean.insert(generation);
    }

    pub(super) fn is_unclean(&self, partition: usize) -> bool {
        let seen = self.lock();
        let lane = &seen.lanes[partition];
        lane.unclean.contains(&lane.generation)
    }

    pub(super) fn read(&self, partition: usize, offset: i64, who: Option<Who>) -> Serial {
        let mut seen = self.lock();
        let generation = seen.lanes[partition].generation;
        seen.readings.push(Reading { partition, offset, generation, who, said: Vec::new(), outcome: None });
        seen.readings.len() - 1
    }

    /// Each lane holds at most one record beyond the budget, of which there are two: of what is ready or on the wire, and
    /// of what waits for something. A record that is larger than all of one is as large as that.
    pub(super) fn weigh(&self, largest: usize) {
        self.observe();
        let lanes = self.lock().lanes.iter().filter(|lane| lane.progress.is_some()).count();
        let bounds = &self.plan.bounds;
        let [rows, bytes] = [0, 1].map(|index| self.alive[index].load(Ordering::Relaxed));
        let within = rows <= 2 * bounds.budget_rows + lanes && bytes <= 2 * bounds.budget_bytes + lanes * largest;
        self.expect(within, || format!("{rows} rows and {bytes} bytes in {lanes} lanes are beyond the budget"));
    }

    /// A call is sent.
    pub(super) fn sent(&self, call: &[Serial], bytes: usize) {
        self.observe();
        let bounds = &self.plan.bounds;
        let fits = call.len() <= bounds.batch_rows && (call.len() == 1 || bytes <= bounds.batch_bytes);
        self.expect(fits, || format!("a call of {} rows and {bytes} bytes", call.len()));
        let calls = {
            let mut seen = self.lock();
            seen.calls += 1;
            seen.calls
        };
        self.expect(calls <= bounds.calls, || format!("{calls} calls at once"));
        for serial in call {
            self.row_sent(*serial);
        }
    }

    fn row_sent(&self, serial: Serial) {
        let mut seen = self.lock();
        let now = Instant::now();
        let answered = seen.answered;
        let row = &mut seen.readings[serial];
        if let Some(last) = row.said.last_mut() {
            last.survived = answered > last.answered;
        }
        let row = &seen.readings[serial];
        let lane = &seen.lanes[row.partition];
        let mut problems = Vec::new();
        if row.outcome.is_some() {
            problems.push("it has an outcome");
        }
        if lane.generation != row.generation || lane.progress.is_none() {
            problems.push("its lane is gone");
        }
        let same = |r: &&Reading| r.who == row.who && r.partition == row.partition && r.generation == row.generation;
        if let Some(who) = row.who {
            if seen.wire.contains(&who) {
                problems.push("its identity is on the wire");
            }
            if seen.held.get(&who).is_some_and(|until| now < *until) {
                problems.push("an earlier call of its identity may still be applied");
            }
            if seen.readings.iter().filter(same).any(|r| r.offset < row.offset && r.outcome.is_none()) {
                problems.push("an earlier change of its identity has no outcome");
            }
        }
        let text = format!("{:?}: {}[{}] is sent, but {problems:?}", self.start.elapsed(), row.partition, row.offset);
        let who = row.who;
        seen.wire.extend(who);
        if !problems.is_empty() {
            seen.broken.push(text);
        }
    }

    /// A call is over: its rows, and what the org says of them.
    pub(super) fn answered(&self, call: &[(Serial, Word)], sent: Instant) {
        for (serial, _) in call.iter().filter(|(_, word)| *word == Word::Written) {
            self.applied(*serial);
        }
        let mut seen = self.lock();
        seen.calls -= 1;
        let by_row = |word: &Word| !matches!(word, Word::Later | Word::Barred | Word::Unknown | Word::Deferred);
        let alone = call.len() == 1;
        for (serial, word) in call {
            let (at, answered) = (Instant::now(), seen.answered);
            let row = &mut seen.readings[*serial];
            row.said.push(Said { at, word: *word, alone, answered, survived: false });
            let (partition, offset, who) = (row.partition, row.offset, row.who);
            if *word == Word::Written {
                row.outcome = Some(true);
                seen.lanes[partition].durable[usize::try_from(offset).unwrap()] = true;
            }
            if let Some(who) = who {
                seen.wire.remove(&who);
                match word {
                    Word::Unknown => drop(seen.held.insert(who, sent + HOLD)),
                    Word::Fatal => drop(seen.held.insert(who, at + HOLD)),
                    _ => {}
                }
            }
        }
        seen.answered += u64::from(call.iter().any(|(_, word)| by_row(word)));
        drop(seen);
        self.observe();
    }

    /// The org has made the change: per identity in the order of the partition, but for what is repeated after a loss.
    pub(super) fn applied(&self, serial: Serial) {
        let mut seen = self.lock();
        let row = &seen.readings[serial];
        let Some(who) = row.who else { return };
        let (lane, place) = (row.partition, (row.generation, row.offset));
        let Some(last) = seen.applied.insert((lane, who), place) else { return };
        let unclean = |generation: u32| seen.lanes[lane].unclean.contains(&generation);
        let repeats = (last.0..place.0).any(unclean);
        if place.0 < last.0 || (place.1 < last.1 && !repeats) {
            let text = format!("{:?}: {who:?} of {lane}: {place:?} is applied behind {last:?}", self.start.elapsed());
            seen.broken.push(text);
        }
    }

    /// A dead letter is durable.
    pub(super) fn dead(&self, partition: usize, offset: i64, reason: &str) {
        let explained = {
            let mut seen = self.lock();
            let mine = |r: &Reading| r.partition == partition && r.offset == offset;
            let serial = seen.readings.iter().rposition(mine);
            let answered = seen.answered;
            seen.lanes[partition].durable[usize::try_from(offset).unwrap()] = true;
            serial.is_some_and(|serial| {
                let row = &mut seen.readings[serial];
                if let Some(last) = row.said.last_mut() {
                    last.survived = answered > last.answered;
                }
                let new = row.outcome.replace(false).is_none();
                let refusal = self.plan.partitions[partition].refusal(usize::try_from(offset).unwrap());
                new && explains(reason, &row.said, refusal, self.plan.bounds.max_attempts)
            })
        };
        self.expect(explained, || format!("{partition}[{offset}] is a dead letter for {reason}, for no reason"));
        self.observe();
    }

    /// At the end every record has its outcome, and each bad one is a dead letter.
    pub(super) fn finish(&self) {
        self.observe();
        let lost: Vec<_> = {
            let seen = self.lock();
            let last = |partition: usize, offset: usize| {
                let mine = |r: &&Reading| r.partition == partition && usize::try_from(r.offset) == Ok(offset);
                seen.readings.iter().filter(mine).filter_map(|r| r.outcome).next_back()
            };
            let all = self.plan.partitions.iter().enumerate().flat_map(|(p, plan)| {
                let bad = move |offset| plan.refusal(offset).is_some() || plan.records[offset].nature.is_bad();
                (0..plan.records.len()).map(move |offset| (p, offset, bad(offset)))
            });
            all.filter(|(p, offset, bad)| last(*p, *offset).is_none_or(|written| written && *bad)).collect()
        };
        self.expect(lost.is_empty(), || format!("records without the outcome that is theirs: {lost:?}"));
        let (books, readings) = (self.metrics.routes(), self.lock().readings.len());
        let in_flight: i64 = books.iter().map(|books| books.in_flight).sum();
        let read: u64 = books.iter().map(|books| books.read).sum();
        self.expect(in_flight == 0 && read == readings as u64, || format!("{readings} readings, and {books:?}"));
        let alive = self.alive[0].load(Ordering::Relaxed);
        self.expect(alive == 0, || format!("{alive} records are still held"));
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}
