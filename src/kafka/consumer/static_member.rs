//! Makes a static member of a group with a cooperative assignor join the group once more after its start.
//!
//! A cooperative rebalance that moves a partition only takes it from its owner. The owner drains it and joins the group
//! again, and only the rebalance that this causes gives the partition to another member. A static member that ends
//! before it has joined again leaves the partition without an owner: the group waits for the member's return, and then
//! gives it what it has kept, without a rebalance. No member would read the partition until something else causes one.
//! So the member causes one itself. Where nothing is amiss, no partition moves in it.

use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaResult,
};
use tracing::debug;

use super::lists::partitions;
use crate::kafka::client::Clients;

/// The second joining of a static member.
#[derive(Debug)]
pub(super) struct SecondJoin {
    is_due: AtomicBool,
}

impl SecondJoin {
    pub(super) fn new(clients: &Clients) -> Self {
        let is_static = clients.consumer().get("group.instance.id").is_some();
        Self { is_due: AtomicBool::new(is_static && clients.is_cooperative()) }
    }

    /// Makes librdkafka join the group again, with the partitions that it owns, as soon as the assignment that it is
    /// making is complete; only once. To be called in the rebalance callback, before the partitions are assigned:
    /// librdkafka postpones a subscription until the rebalance is complete, and then joins the group to apply it, also
    /// if nothing has changed (`rd_kafka_trigger_waiting_subscribe_maybe`, 2.12). It has no other call that does so.
    pub(super) fn request<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>) -> KafkaResult<()> {
        if !self.is_due.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let subscribed = partitions(&consumer.subscription()?);
        let topics: Vec<&str> = subscribed.iter().map(|(topic, _)| &**topic).collect();
        debug!(?topics, "a static member joins its group again: partitions may have no owner");
        consumer.subscribe(&topics)
    }
}
