//! The poll thread. It never reads a record: those come through the partitions' queues. It serves the group, so that an
//! outage of the org for hours costs no membership.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::{
    commit::Committer,
    lag, lease_watch,
    metadata_refresh::Refresh,
    rebalance::{Context, Lanes},
    start_offsets::{Patience, Positions},
    subscription::Subscription,
};
use crate::{
    config::{OnLostOffsets, Start, TopicPattern},
    kafka::client::{
        Clients,
        error_hints::{denial, mend},
        token::Pass,
    },
    ops::{health::Health, metrics::Metrics},
    record::RecordBounds,
    runtime::{lease::Lease, stop::Stop},
};

#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    #[error("the consumer cannot be created: {0}")]
    Create(KafkaError),
    #[error("no committed offsets of the group: {0}")]
    Positions(KafkaError),
    #[error("the subscription is refused: {0}")]
    Subscribe(KafkaError),
    #[error("no thread")]
    Thread(#[from] std::io::Error),
}

/// How the consumer is run.
pub struct Settings<'a> {
    pub clients: &'a Clients,
    pub subscription: Vec<&'a TopicPattern>,
    /// The topics that it takes now, with their partition counts.
    pub partitions: &'a BTreeMap<String, i32>,
    pub start: Start,
    pub on_lost_offsets: OnLostOffsets,
    pub commit_interval: Duration,
    pub drain_timeout: Duration,
    pub record_bounds: RecordBounds,
    /// Told to stop before the start is complete.
    pub stopped: &'a CancellationToken,
    /// Renewed by each commit.
    pub lease: &'a Lease,
    /// From an assignment to the first record, if the partition was not drained.
    pub assign_hold: Duration,
    pub health: &'a Health,
    pub metrics: &'a Metrics,
}

/// The running consumer.
#[derive(Debug)]
pub struct Consumer {
    cancel: CancellationToken,
    drained: CancellationToken,
    closed: CancellationToken,
}

const POLL: Duration = Duration::from_millis(100);

impl Consumer {
    /// Joins the group and starts lanes for what is assigned, until it is cancelled.
    pub fn start(settings: &Settings<'_>, lanes: Lanes, stop: Stop) -> Result<Self, ConsumerError> {
        let [cancel, drained, closed] = std::array::from_fn(|_| CancellationToken::new());
        let lanes = Arc::new(lanes);
        let context = Context::new(settings, lanes.clone(), stop.clone(), cancel.clone());
        let consumer: BaseConsumer<Context> =
            settings.clients.consumer().create_with_context(context).map_err(ConsumerError::Create)?;
        let consumer = Arc::new(consumer);
        let mut pass = settings.clients.pass();
        pass.show(consumer.client());
        tokio::spawn(show_tokens(pass, Arc::downgrade(&consumer), drained.clone()));
        let patience = Patience { deadline: Instant::now() + settings.drain_timeout, cancel: settings.stopped };
        let Settings { clients, start, partitions, .. } = settings;
        let positions = Positions::look(&consumer, clients, *start, partitions, &patience);
        let positions = positions.map_err(ConsumerError::Positions)?;
        let owned = consumer.context().owned().clone();
        lag::watch(settings.clients, owned.clone(), Arc::downgrade(&lanes), cancel.clone())?;
        tokio::spawn(lease_watch::watch(
            settings.lease.clone(),
            owned.clone(),
            settings.health.clone(),
            cancel.clone(),
        ));
        let committer = Committer::start(&consumer, owned, settings, stop.clone())?;
        consumer.context().complete(&consumer, committer, positions);

        let subscription = Subscription::start(settings, cancel.clone())?;
        subscription.renew(&consumer).map_err(ConsumerError::Subscribe)?;

        let mut refresh = Refresh::new(settings);
        let this = Self { cancel: cancel.clone(), drained: drained.clone(), closed: closed.clone() };
        std::thread::Builder::new().name("poll".into()).spawn(move || {
            let (_drained, _closed) = (drained.drop_guard_ref(), closed.drop_guard_ref());
            while !cancel.is_cancelled() {
                poll(&consumer, &stop);
                consumer.context().pass_gaps(&consumer);
                consumer.context().take_left_out(&consumer);
                refresh.look(&consumer, &cancel);
                if let Err(error) = subscription.renew(&consumer) {
                    error!(event = "subscription_refused", %error, "the subscription is refused");
                    stop.now(format!("the subscription is refused: {error}"));
                }
            }
            consumer.context().drain_all(&consumer);
            drained.cancel();
            // The last handle: dropping it leaves the group, and polls until that is done.
            drop(consumer);
        })?;
        Ok(this)
    }

    /// Drain, commit, leave the group.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Waits until everything that was settled is committed.
    pub async fn drained(&self) {
        self.drained.cancelled().await;
    }

    /// Waits until the group is left.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

/// A drain may hold the poll thread for longer than a token lives. Not on after `drained`, when the last handle is that
/// thread's to drop.
async fn show_tokens(mut pass: Pass, consumer: Weak<BaseConsumer<Context>>, drained: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = drained.cancelled() => return,
            () = pass.newer() => {}
        }
        let Some(consumer) = consumer.upgrade() else { return };
        pass.show(consumer.client());
    }
}

fn poll(consumer: &Arc<BaseConsumer<Context>>, stop: &Stop) {
    match consumer.poll(POLL) {
        None => {}
        Some(Ok(message)) => {
            use rdkafka::Message as _;
            let at = format!("{}[{}]@{}", message.topic(), message.partition(), message.offset());
            error!(event = "record_on_main_queue", at, "record on the main queue");
            stop.now(format!("{at} came without a lane"));
        }
        Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
            let (code, why) = consumer.client().fatal_error().unwrap_or((RDKafkaErrorCode::Fatal, error.to_string()));
            let hint = mend(code);
            error!(event = "consumer_failed", error = why, hint, "consumer failed");
            stop.now(format!("{why}; {hint}"));
        }
        Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
            let allow = denial(&error).unwrap_or_default();
            error!(event = "group_access_denied", %error, allow, "the group may not be used");
            stop.now(format!("{error}; {allow}"));
        }
        // An unknown topic, a broker that is away: librdkafka goes on by itself.
        Some(Err(error)) => debug!(%error, "kafka consumer"),
    }
}
