//! What may happen in one run: the records, the pipeline's bounds, what the org and the dead-letter topic do, and when
//! partitions are taken away. All times are milliseconds of virtual time.

use proptest::{collection::vec, prelude::*};

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) bounds: Bounds,
    pub(super) partitions: Vec<Partition>,
    /// One for each call in its turn; behind the last one the org is well.
    pub(super) answers: Vec<Answer>,
    /// One for each dead letter in its turn; behind the last one the topic takes all of them at once.
    pub(super) letters: Vec<Letter>,
    /// Times without a commit that succeeds.
    pub(super) silences: Vec<Silence>,
}

#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub(super) batch_rows: usize,
    pub(super) batch_bytes: usize,
    pub(super) linger: u64,
    pub(super) calls: usize,
    pub(super) max_attempts: u32,
    pub(super) budget_rows: usize,
    pub(super) budget_bytes: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Partition {
    /// Without an external id field: plain inserts, and updates by record id.
    pub(super) native: bool,
    pub(super) records: Vec<Entry>,
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Since the record before it was read.
    pub(super) after: u64,
    pub(super) identity: u8,
    pub(super) asks: Asks,
    pub(super) nature: Nature,
    /// The parent that its row locks, unless the row is a delete.
    pub(super) parent: Option<u8>,
    /// Bytes of an otherwise idle field.
    pub(super) padding: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Insert,
    Update,
    Upsert,
    Delete,
    /// No JSON.
    Undecodable,
    /// Beyond `max_row_bytes`.
    Oversized,
}

/// What the org has against a record, whenever it takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    Good,
    /// The row is rejected.
    Rejected,
    /// The call is refused, and the answer names the row.
    Named,
    /// The call is refused, and nothing says why.
    Unnamed,
    /// A trigger fails the whole transaction.
    Transaction,
    /// For ever.
    Locked,
    /// Its parent never comes.
    Orphan,
    /// Another record has a value that only one may have, for ever.
    Twin,
    /// So many calls with it fail as if the org were away.
    Poison(u8),
}

#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) latency: u64,
    pub(super) fate: Fate,
}

#[derive(Debug, Clone)]
pub(super) enum Fate {
    Well,
    /// One for each row, from the beginning again where there are more rows.
    Rows(Vec<RowFate>),
    /// Of two rows or more.
    Transaction,
    /// The same, refused without a name.
    Refused,
    Later,
    Barred,
    /// Nobody hears the answer; `applied`: so many thousandths of the hold after it was sent.
    Unknown {
        applied: Option<u64>,
    },
    Fatal,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum RowFate {
    Written,
    Again,
    MissingParent,
    Parked,
    Apart,
    Deferred,
}

#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) latency: u64,
    pub(super) taken: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Silence {
    /// Since the end of the one before it.
    pub(super) after: u64,
    pub(super) lasts: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Event {
    /// Since the partition was assigned.
    pub(super) after: u64,
    /// Else it is revoked, and drained.
    pub(super) lost: bool,
    /// Until it is assigned again.
    pub(super) gap: u64,
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    (bounds(), vec(partition(), 1..=3), vec(answer(), 0..=24), vec(letter(), 0..=6), vec(silence(), 0..=2)).prop_map(
        |(bounds, partitions, answers, letters, silences)| Plan { bounds, partitions, answers, letters, silences },
    )
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let sizes = (1..=5_usize, 200..4_000_usize, 0..=50_u64, 1..=3_usize);
    let budget = (1..=12_usize, 2_048..16_384_usize);
    (sizes, 1..=3_u32, budget).prop_map(|((batch_rows, batch_bytes, linger, calls), max_attempts, budget)| Bounds {
        batch_rows,
        batch_bytes,
        linger,
        calls,
        max_attempts,
        budget_rows: budget.0,
        budget_bytes: budget.1,
    })
}

fn partition() -> impl Strategy<Value = Partition> {
    let native = prop::bool::weighted(0.25);
    (native, vec(entry(), 1..=14), vec(event(), 0..=3)).prop_map(|(native, records, events)| Partition {
        native,
        records,
        events,
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let asks = prop_oneof![
        3 => Just(Asks::Insert),
        4 => Just(Asks::Update),
        6 => Just(Asks::Upsert),
        3 => Just(Asks::Delete),
        1 => Just(Asks::Undecodable),
        1 => Just(Asks::Oversized),
    ];
    let nature = prop_oneof![
        20 => Just(Nature::Good),
        2 => Just(Nature::Rejected),
        1 => Just(Nature::Named),
        1 => Just(Nature::Unnamed),
        1 => Just(Nature::Transaction),
        1 => Just(Nature::Locked),
        1 => Just(Nature::Orphan),
        1 => Just(Nature::Twin),
        1 => (1..8_u8).prop_map(Nature::Poison),
    ];
    let after = prop_oneof![4 => Just(0), 2 => 1..60_u64, 1 => 60..3_000_u64];
    let padding = prop_oneof![4 => Just(0), 1 => 1..3_000_usize];
    let parent = prop::option::of(0..3_u8);
    (after, 0..3_u8, asks, nature, parent, padding).prop_map(|(after, identity, asks, nature, parent, padding)| Entry {
        after,
        identity,
        asks,
        nature,
        parent,
        padding,
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    let row = prop_oneof![
        4 => Just(RowFate::Written),
        2 => Just(RowFate::Again),
        2 => Just(RowFate::MissingParent),
        1 => Just(RowFate::Parked),
        1 => Just(RowFate::Apart),
        1 => Just(RowFate::Deferred),
    ];
    let fate = prop_oneof![
        8 => Just(Fate::Well),
        4 => vec(row, 1..=5).prop_map(Fate::Rows),
        1 => Just(Fate::Transaction),
        1 => Just(Fate::Refused),
        3 => Just(Fate::Later),
        1 => Just(Fate::Barred),
        3 => prop::option::of(0..1_000_u64).prop_map(|applied| Fate::Unknown { applied }),
        1 => prop::bool::weighted(0.2).prop_map(|fatal| if fatal { Fate::Fatal } else { Fate::Well }),
    ];
    (latency(), fate).prop_map(|(latency, fate)| Answer { latency, fate })
}

fn letter() -> impl Strategy<Value = Letter> {
    (latency(), prop::bool::weighted(0.9)).prop_map(|(latency, taken)| Letter { latency, taken })
}

/// Shorter than a drain has patience for.
fn silence() -> impl Strategy<Value = Silence> {
    (0..20_000_u64, 0..12_000_u64).prop_map(|(after, lasts)| Silence { after, lasts })
}

fn latency() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 1..20_u64, 3 => 20..500_u64, 1 => 500..8_000_u64]
}

fn event() -> impl Strategy<Value = Event> {
    let after = prop_oneof![2 => 0..200_u64, 2 => 200..20_000_u64];
    let gap = prop_oneof![2 => Just(0), 1 => 1..5_000_u64];
    (after, any::<bool>(), gap).prop_map(|(after, lost, gap)| Event { after, lost, gap })
}
