//! What may happen in one run.

use proptest::{collection::vec, prelude::*, sample::Index};

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) bounds: Bounds,
    pub(super) steps: Vec<Step>,
    /// The lanes are told to drain before the world answers, and not after it.
    pub(super) drains_first: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub(super) rows: usize,
    pub(super) bytes: usize,
    pub(super) calls: usize,
    pub(super) max_attempts: u32,
    pub(super) ahead: usize,
    pub(super) breaker: u32,
    /// Whether a plain insert of unknown result, and what waits when the quota is spent, are rejected.
    pub(super) rejects: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A lane begins. Of the first route, which has a breaker in some runs, or of the second one.
    Open {
        route: bool,
    },
    Submit {
        lane: Index,
        records: Vec<Entry>,
    },
    Refuse {
        lane: Index,
        code: u8,
        is_again: bool,
    },
    Grant {
        is_probe: bool,
        reads_only: bool,
    },
    Answer {
        call: Index,
        answer: Answer,
    },
    LoseCall {
        call: Index,
    },
    Letter {
        letter: Index,
        is_durable: bool,
    },
    /// A lane's message that was on its way when the lane was gone.
    Late {
        late: Index,
    },
    Drain {
        lane: Index,
    },
    Stuck {
        lane: Index,
    },
    LaneDropped {
        lane: Index,
    },
    QuotaSpent,
    /// Milliseconds.
    Pass(u64),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) identity: Option<u8>,
    pub(super) parent: Option<u8>,
    pub(super) kind: Kind,
    pub(super) padding: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Upsert,
    Delete,
    /// It is rejected before it is a command.
    Bad,
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// All rows alike.
    Whole(Whole),
    /// One for each row, from the beginning again where there are more rows.
    Rows(Vec<RowFate>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Written,
    Transaction,
    /// Refused; the rows whose bits are set are named.
    Refused {
        named: u8,
        by_field: bool,
    },
    Unavailable,
    Session,
    Quota,
    NoLease,
    Place,
    Lost,
    TimedOut,
    TooLong,
    Fatal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowFate {
    Written,
    Rejected(u8),
    Backoff,
    Parent,
    Alone,
    DeletedMeanwhile,
    WithoutFields,
    Parked,
    Storage,
    NextCall,
    Unknown,
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    (bounds(), vec(step(), 0..70), any::<bool>()).prop_map(|(bounds, steps, drains_first)| Plan {
        bounds,
        steps,
        drains_first,
    })
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let sizes = (1..=4_usize, 150..800_usize, 1..=3_usize);
    (sizes, 1..=3_u32, 2..=12_usize, 0..=2_u32, any::<bool>()).prop_map(
        |((rows, bytes, calls), max_attempts, ahead, breaker, rejects)| Bounds {
            rows,
            bytes,
            calls,
            max_attempts,
            ahead,
            breaker,
            rejects,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let at = || any::<Index>();
    prop_oneof![
        2 => any::<bool>().prop_map(|route| Step::Open { route }),
        8 => (at(), vec(entry(), 1..5)).prop_map(|(lane, records)| Step::Submit { lane, records }),
        1 => (at(), 0..2_u8, any::<bool>())
            .prop_map(|(lane, code, is_again)| Step::Refuse { lane, code, is_again }),
        12 => (prop::bool::weighted(0.2), prop::bool::weighted(0.3))
            .prop_map(|(is_probe, reads_only)| Step::Grant { is_probe, reads_only }),
        10 => (at(), answer()).prop_map(|(call, answer)| Step::Answer { call, answer }),
        1 => (at(), prop::bool::weighted(0.3)).prop_map(|(call, is_lost)| {
            let answer = Answer::Whole(Whole::Written);
            if is_lost { Step::LoseCall { call } } else { Step::Answer { call, answer } }
        }),
        6 => (at(), prop::bool::weighted(0.95)).prop_map(|(letter, is_durable)| Step::Letter { letter, is_durable }),
        4 => at().prop_map(|late| Step::Late { late }),
        1 => at().prop_map(|lane| Step::Drain { lane }),
        1 => (at(), prop::bool::weighted(0.4)).prop_map(|(lane, stuck)| {
            if stuck { Step::Stuck { lane } } else { Step::Drain { lane } }
        }),
        2 => at().prop_map(|lane| Step::LaneDropped { lane }),
        1 => prop::bool::weighted(0.2).prop_map(|spent| if spent { Step::QuotaSpent } else { Step::Pass(1) }),
        8 => prop_oneof![4 => 0..30_u64, 3 => 30..3_000_u64, 2 => 3_000..20_000_u64].prop_map(Step::Pass),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![
        2 => Just(Kind::Create),
        6 => Just(Kind::Upsert),
        2 => Just(Kind::Delete),
        1 => Just(Kind::Bad),
    ];
    (prop::option::weighted(0.9, 0..4_u8), prop::option::weighted(0.3, 0..2_u8), kind, 0..200_u8)
        .prop_map(|(identity, parent, kind, padding)| Entry { identity, parent, kind, padding })
}

fn answer() -> impl Strategy<Value = Answer> {
    let row = prop_oneof![
        8 => Just(RowFate::Written),
        2 => (0..2_u8).prop_map(RowFate::Rejected),
        2 => Just(RowFate::Backoff),
        2 => Just(RowFate::Parent),
        2 => Just(RowFate::Alone),
        1 => Just(RowFate::DeletedMeanwhile),
        1 => Just(RowFate::WithoutFields),
        1 => Just(RowFate::Parked),
        1 => Just(RowFate::Storage),
        1 => Just(RowFate::NextCall),
        1 => Just(RowFate::Unknown),
    ];
    let whole = prop_oneof![
        6 => Just(Whole::Written),
        2 => Just(Whole::Transaction),
        3 => (any::<u8>(), any::<bool>()).prop_map(|(named, by_field)| Whole::Refused { named, by_field }),
        2 => Just(Whole::Unavailable),
        1 => Just(Whole::Session),
        1 => Just(Whole::Quota),
        1 => Just(Whole::NoLease),
        2 => Just(Whole::Place),
        2 => Just(Whole::Lost),
        1 => Just(Whole::TimedOut),
        1 => Just(Whole::TooLong),
        1 => prop::bool::weighted(0.2).prop_map(|fatal| if fatal { Whole::Fatal } else { Whole::Written }),
    ];
    prop_oneof![
        3 => whole.prop_map(Answer::Whole),
        4 => vec(row, 1..5).prop_map(Answer::Rows),
    ]
}
