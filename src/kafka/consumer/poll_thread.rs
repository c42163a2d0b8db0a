//! The poll thread. It never reads a record: those come through the partitions' queues. It serves the group, so that an
//! outage of the org for hours costs no membership.

use std::{
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
    error::ConsumerError,
    lag,
    lanes::LaneHost,
    lease_watch,
    metadata_refresh::MetadataRefresh,
    rebalance::RebalanceContext,
    settings::ConsumerSettings,
    start_offsets::{Patience, StartOffsets},
    subscription::Subscription,
};
use crate::{
    kafka::client::{
        error_hints::{access_hint, fatal_hint},
        token::TokenFeed,
    },
    runtime::stop::Stop,
};

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
    pub fn start(settings: &ConsumerSettings<'_>, host: Arc<dyn LaneHost>, stop: Stop) -> Result<Self, ConsumerError> {
        let [cancel, drained, closed] = std::array::from_fn(|_| CancellationToken::new());
        let context = RebalanceContext::new(settings, host, stop.clone(), cancel.clone());
        let consumer: BaseConsumer<RebalanceContext> =
            settings.clients.consumer().create_with_context(context).map_err(ConsumerError::Create)?;
        let consumer = Arc::new(consumer);
        let mut tokens = settings.clients.token_feed();
        tokens.apply_to(consumer.client());
        tokio::spawn(feed_tokens(tokens, Arc::downgrade(&consumer), drained.clone()));
        let patience = Patience { deadline: Instant::now() + settings.drain_timeout, cancel: settings.stopped };
        let ConsumerSettings { clients, start, partitions, lease, observer, .. } = settings;
        let start_offsets = StartOffsets::fetch(&consumer, clients, *start, partitions, &patience);
        let start_offsets = start_offsets.map_err(ConsumerError::StartOffsets)?;
        let assigned = consumer.context().assigned().clone();
        lag::watch(clients, assigned.clone(), observer.clone(), cancel.clone())?;
        let lease_watch = lease_watch::watch((*lease).clone(), assigned.clone(), observer.clone(), cancel.clone());
        tokio::spawn(lease_watch);
        let committer = Committer::start(&consumer, assigned, settings, stop.clone())?;
        consumer.context().complete(&consumer, committer, start_offsets);

        let subscription = Subscription::start(settings, cancel.clone())?;
        subscription.renew(&consumer).map_err(ConsumerError::Subscribe)?;

        let mut refresh = MetadataRefresh::new(settings);
        let this = Self { cancel: cancel.clone(), drained: drained.clone(), closed: closed.clone() };
        std::thread::Builder::new().name("poll".into()).spawn(move || {
            let (_drained, _closed) = (drained.drop_guard_ref(), closed.drop_guard_ref());
            while !cancel.is_cancelled() {
                poll(&consumer, &stop);
                let context = consumer.context();
                context.lost_offsets.pass(context, &consumer);
                context.start_recreated_topics(&consumer);
                refresh.check(&consumer, &cancel);
                if let Err(error) = subscription.renew(&consumer) {
                    error!(event = "subscription_rejected", %error, "librdkafka rejects the subscription: the daemon stops");
                    stop.now(format!("librdkafka rejects the subscription: {error}"));
                }
            }
            consumer.context().drain_all(&consumer);
            drained.cancel();
            // The last handle: dropping it leaves the group, and polls until that is done.
            drop(consumer);
        })?;
        Ok(this)
    }

    /// Makes the consumer drain, commit, and leave the group.
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

/// Gives each new token to the consumer: a drain may hold the poll thread for longer than a token lives. Ends at
/// `drained`, since the poll thread must drop the last handle.
async fn feed_tokens(
    mut tokens: TokenFeed,
    consumer: Weak<BaseConsumer<RebalanceContext>>,
    drained: CancellationToken,
) {
    loop {
        tokio::select! {
            biased;
            () = drained.cancelled() => return,
            () = tokens.newer() => {}
        }
        let Some(consumer) = consumer.upgrade() else { return };
        tokens.apply_to(consumer.client());
    }
}

fn poll(consumer: &Arc<BaseConsumer<RebalanceContext>>, stop: &Stop) {
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
            let hint = fatal_hint(code);
            error!(event = "consumer_failed", ?code, error = why, hint, "consumer failed");
            stop.now(format!("{why}; {hint}"));
        }
        Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
            let hint = access_hint(&error).unwrap_or_default();
            error!(event = "group_access_denied", %error, hint, "this user may not use the group: the daemon stops");
            stop.now(format!("{error}; {hint}"));
        }
        // An unknown topic, a broker that is away: librdkafka goes on by itself.
        Some(Err(error)) => debug!(%error, "kafka consumer"),
    }
}
