//! The kinds of faults.

use clap::ValueEnum;

/// A kind of fault, by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// SIGKILL, and another replica in its place
    Kill,
    /// SIGTERM, and another replica in its place
    Term,
    /// SIGSTOP for longer than the session, then SIGCONT
    Zombie,
    /// Every replica in turn: SIGTERM, and the next one
    Roll,
    /// One more replica joins, and leaves
    Scale,
    /// The broker is restarted, or killed and started again
    Broker,
    /// One broker of three is killed, and started again
    Node,
    /// The only broker that has the dead-letter topic is killed, and started again
    Letters,
    /// The dead-letter topic refuses large letters from now on, and some are large
    Large,
    /// A topic gets more partitions
    Partitions,
    /// A topic is deleted, and is there again some seconds later
    Recreate,
    /// Some of the records come in transactions, between others that are aborted
    Transactions,
    /// One more replica joins whose log is not read, or whose disk is full
    Mute,
    /// The broker stands still for a while, and a replica is ended meanwhile; under a backlog with many dead letters
    Freeze,
    /// Slow answers
    Latency,
    /// 500 of the org
    Error,
    /// 502 of a proxy, in HTML
    Gateway,
    /// 503, maintenance
    Maintenance,
    /// 420 of the edge
    Edge,
    /// The daily quota is spent for a while
    Quota,
    /// 403, too many calls at once
    Concurrent,
    /// Sessions end while calls are in flight
    Expire,
    /// Row locks in a part of each batch
    Lock,
    /// The connection is cut before or after the call is applied, or it is applied later
    Cut,
    /// Half an answer
    Truncate,
    /// An answer that is not JSON
    Garbage,
    /// An answer of fewer rows than its request
    Short,
    /// No answer, and applied never, at once or later
    Hang,
    /// A byte at a time
    Trickle,
    /// The login fails for a while
    Login,
    /// The org's clock is minutes off for a while, and sessions end
    Clock,
    /// A page of the edge in place of the org
    Page,
    /// Calls and logins are sent to another host for a while
    Redirect,
    /// Each row takes its time for a while, so that whole calls outlast their time-out, and are applied after it
    Slow,
    /// The org refuses texts that only it knows to be bad, by columns in bytes and in characters, calls and rows
    Bytes,
    /// Another integration moves external ids to other records
    Moved,
}

/// The target of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Track {
    /// The replicas, the topics and the broker.
    Group,
    Org,
}

impl Fault {
    /// All kinds, in the order of the command line's help.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The track of the schedule that it is on.
    pub(crate) fn track(self) -> Track {
        match self {
            Self::Kill
            | Self::Term
            | Self::Zombie
            | Self::Roll
            | Self::Scale
            | Self::Broker
            | Self::Node
            | Self::Letters
            | Self::Large
            | Self::Partitions
            | Self::Recreate
            | Self::Transactions
            | Self::Mute
            | Self::Freeze => Track::Group,
            Self::Latency
            | Self::Error
            | Self::Gateway
            | Self::Maintenance
            | Self::Edge
            | Self::Quota
            | Self::Concurrent
            | Self::Expire
            | Self::Lock
            | Self::Cut
            | Self::Truncate
            | Self::Garbage
            | Self::Short
            | Self::Hang
            | Self::Trickle
            | Self::Login
            | Self::Clock
            | Self::Page
            | Self::Redirect
            | Self::Slow
            | Self::Bytes
            | Self::Moved => Track::Org,
        }
    }

    /// Whether a member may end, or lose a partition, in the middle of a call.
    pub fn orphans(self) -> bool {
        matches!(self, Self::Kill | Self::Zombie | Self::Broker | Self::Node | Self::Letters | Self::Freeze)
    }

    /// Whether it needs a cluster of brokers.
    pub(crate) fn needs_cluster(self) -> bool {
        matches!(self, Self::Node | Self::Letters)
    }

    /// Whether it can happen on a cluster of brokers, or on a single one.
    pub(crate) fn fits(self, cluster: bool) -> bool {
        if cluster { !matches!(self, Self::Broker | Self::Freeze) } else { !self.needs_cluster() }
    }

    /// Whether a schedule has it at most once.
    pub(crate) fn comes_once(self) -> bool {
        matches!(self, Self::Partitions | Self::Large | Self::Recreate | Self::Bytes | Self::Transactions)
    }

    /// Whether a call may end without an answer, and so be sent again.
    pub fn hides_answers(self) -> bool {
        use Fault::{Cut, Error, Garbage, Gateway, Hang, Latency, Short, Slow, Trickle, Truncate};
        matches!(self, Latency | Error | Gateway | Cut | Truncate | Garbage | Short | Hang | Trickle | Slow)
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
