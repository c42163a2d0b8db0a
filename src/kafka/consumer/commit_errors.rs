//! What refused commits mean, and what follows where they are refused on and on.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use tracing::{debug, warn};

use crate::{kafka::client::error_hints::denial, runtime::stop::Stop};

/// How often a commit is tried again where only a generation is outdated.
pub(super) const STALE_ATTEMPTS: u32 = 20;

/// How long a topic must be denied before that is believed: a broker that is starting has not read its rules yet. Whoever
/// may not read a topic may not commit for it either, and of a fetch librdkafka says it but once.
const DENIED: Duration = Duration::from_secs(10);

/// The consumer learns within a heartbeat that we are no member any more, and the poll thread when it has ended what it
/// does: twice a drain, and the commit behind it. If what is owned is not lost by then, it never will be: the metadata
/// of a topic that change during a cooperative drain can leave librdkafka in the belief that a rebalance is under way
/// (`rkcg_rebalance_incr_assignment`, 2.12), and then it does not join again.
pub(super) const OUT: &str =
    "the group has counted us out, and librdkafka does not join it again: only a new start does";

/// Of the commits of what is owned, one after the other.
pub(super) struct Refusals {
    /// So many for a generation that is not known here yet.
    stale: u32,
    said: bool,
    /// Since when we are no member.
    out: Option<Instant>,
    /// Since when a topic is denied.
    denied: Option<Instant>,
    /// How long we may be no member while what is owned is not lost.
    untold: Duration,
    stop: Stop,
}

impl Refusals {
    pub(super) fn new(untold: Duration, stop: Stop) -> Self {
        Self { stale: 0, said: false, out: None, denied: None, untold, stop }
    }

    pub(super) fn is_stale(&self) -> bool {
        self.stale > 0
    }

    /// Stops the daemon where no repetition mends it.
    pub(super) fn heard(&mut self, committed: KafkaResult<()>) {
        let is = |judge: fn(&KafkaError) -> bool| committed.as_ref().is_err_and(judge);
        self.out = is(is_counted_out).then(|| self.out.unwrap_or_else(Instant::now));
        self.denied = is(is_denied).then(|| self.denied.unwrap_or_else(Instant::now));
        let lasts = |since: Option<Instant>, limit| since.is_some_and(|since| since.elapsed() >= limit);
        match committed {
            Ok(()) => (self.stale, self.said) = (0, false),
            Err(error) if is_stale(&error) && self.stale < STALE_ATTEMPTS => self.stale += 1,
            Err(_) if lasts(self.out, self.untold) => self.stop.now(OUT),
            Err(error) if lasts(self.denied, DENIED) => {
                let allow = denial(&error).unwrap_or_default();
                self.stop.now(format!("the cluster does not let this user read a topic: {error}; {allow}"));
            }
            Err(error) if self.said => debug!(%error, "offsets still not committed"),
            Err(error) => {
                (self.stale, self.said) = (0, true);
                warn!(event = "periodic_commit_failed", %error, "offsets not committed, trying again");
            }
        }
    }
}

/// The coordinator refuses a generation that it has just raised until its answer is here, and an epoch (before Kafka
/// 4.3, KIP-1251). What we own in the old one is still ours in the new one: nobody else gets it before we have given it
/// back.
pub(super) fn is_stale(error: &KafkaError) -> bool {
    is_one_of(
        error,
        &[
            RDKafkaErrorCode::IllegalGeneration,
            RDKafkaErrorCode::RebalanceInProgress,
            RDKafkaErrorCode::StaleMemberEpoch,
        ],
    )
}

/// Of one topic alone.
pub(super) fn is_of_a_topic(error: &KafkaError) -> bool {
    is_denied(error) || is_one_of(error, &[RDKafkaErrorCode::UnknownTopicOrPartition, RDKafkaErrorCode::UnknownTopic])
}

fn is_denied(error: &KafkaError) -> bool {
    is_one_of(error, &[RDKafkaErrorCode::TopicAuthorizationFailed])
}

/// We are no member any more, and somebody else is one in our place, perhaps.
pub(super) fn is_counted_out(error: &KafkaError) -> bool {
    is_one_of(
        error,
        &[
            RDKafkaErrorCode::UnknownMemberId,
            RDKafkaErrorCode::FencedInstanceId,
            RDKafkaErrorCode::FencedMemberEpoch,
            RDKafkaErrorCode::Fatal,
        ],
    )
}

fn is_one_of(error: &KafkaError, codes: &[RDKafkaErrorCode]) -> bool {
    error.rdkafka_error_code().is_some_and(|code| codes.contains(&code))
}
