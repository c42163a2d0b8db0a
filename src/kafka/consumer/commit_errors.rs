//! Classifies commit errors, and decides when repeated failures must stop the daemon.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use tracing::{debug, error, warn};

use crate::{kafka::client::error_hints::access_hint, runtime::stop::Stop};

/// The number of repeats of a commit of which only the generation is outdated.
pub(super) const STALE_ATTEMPTS: u32 = 20;

/// The time for which a topic must be denied before that is believed: a broker that is starting has not read its rules
/// yet. A user who may not read a topic may not commit for it either, and librdkafka reports a denied fetch only once.
const DENIED: Duration = Duration::from_secs(10);

/// The consumer learns within a heartbeat that we are not a member any more, and the poll thread when it has ended what
/// it does: twice a drain, and the commit after it. If the assignment is not lost by then, it never will be: when the
/// metadata of a topic change during a cooperative drain, librdkafka can believe for ever that a rebalance is under way
/// (`rkcg_rebalance_incr_assignment`, 2.12), and then it does not join again.
pub(super) const NOT_A_MEMBER: &str =
    "the group has removed this member, and librdkafka does not join it again: only a new start does";

/// Follows the results of the periodic commits.
pub(super) struct CommitErrors {
    /// The number of commits in a row that met a generation which librdkafka does not know yet.
    stale: u32,
    /// Whether the failure has been logged.
    is_logged: bool,
    /// The time since which the group says that this process is not a member.
    not_a_member: Option<Instant>,
    /// The time since which a topic is denied.
    denied: Option<Instant>,
    /// The time without membership after which the assignment must have been lost.
    not_a_member_limit: Duration,
    stop: Stop,
}

impl CommitErrors {
    pub(super) fn new(not_a_member_limit: Duration, stop: Stop) -> Self {
        Self { stale: 0, is_logged: false, not_a_member: None, denied: None, not_a_member_limit, stop }
    }

    /// Whether the last commit met a generation that librdkafka does not know yet.
    pub(super) fn is_stale(&self) -> bool {
        self.stale > 0
    }

    /// Takes in the result of a commit. Stops the daemon where no repetition can help.
    pub(super) fn record(&mut self, committed: KafkaResult<()>) {
        let error = committed.as_ref().err();
        self.not_a_member =
            error.filter(|error| is_not_a_member(error)).map(|_| self.not_a_member.unwrap_or_else(Instant::now));
        self.denied = error.filter(|error| is_denied(error)).map(|_| self.denied.unwrap_or_else(Instant::now));
        let Err(error) = committed else {
            self.stale = 0;
            self.is_logged = false;
            return;
        };
        if is_stale(&error) && self.stale < STALE_ATTEMPTS {
            self.stale += 1;
        } else if has_lasted(self.not_a_member, self.not_a_member_limit) {
            if self.stop.reason().is_none() {
                error!(
                    event = "membership_lost",
                    error = NOT_A_MEMBER,
                    "the group has removed this member: the daemon stops"
                );
            }
            self.stop.now(NOT_A_MEMBER);
        } else if has_lasted(self.denied, DENIED) {
            let hint = access_hint(&error).unwrap_or_default();
            self.stop.now(format!("the cluster does not let this user read a topic: {error}; {hint}"));
        } else if self.is_logged {
            debug!(%error, "offsets still not committed");
        } else {
            self.stale = 0;
            self.is_logged = true;
            warn!(event = "periodic_commit_failed", %error, "offsets not committed, trying again");
        }
    }
}

fn has_lasted(since: Option<Instant>, limit: Duration) -> bool {
    since.is_some_and(|since| since.elapsed() >= limit)
}

/// Whether only the generation of the commit is outdated. The coordinator rejects the old one from when it has raised
/// it until librdkafka has its answer, and the same with an epoch (before Kafka 4.3, KIP-1251). What we own in the old
/// generation is still ours in the new one: no other member gets it before we have given it back.
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

/// Whether a commit failed because of one topic alone.
pub(super) fn is_of_a_topic(error: &KafkaError) -> bool {
    is_denied(error) || is_one_of(error, &[RDKafkaErrorCode::UnknownTopicOrPartition, RDKafkaErrorCode::UnknownTopic])
}

fn is_denied(error: &KafkaError) -> bool {
    is_one_of(error, &[RDKafkaErrorCode::TopicAuthorizationFailed])
}

/// Whether the group says that we are not a member any more. Another process may be one in our place.
pub(super) fn is_not_a_member(error: &KafkaError) -> bool {
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
