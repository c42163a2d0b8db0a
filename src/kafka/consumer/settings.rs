//! The settings of the consumer.

use std::{collections::BTreeMap, time::Duration};

use tokio_util::sync::CancellationToken;

use super::observer::Observer;
use crate::{
    config::{OnLostOffsets, Start, TopicPattern},
    kafka::client::Clients,
    record::RecordBounds,
    runtime::lease::Lease,
};

pub struct ConsumerSettings<'a> {
    pub clients: &'a Clients,
    pub subscription: Vec<&'a TopicPattern>,
    /// The topics that the subscription takes now, with their partition counts.
    pub partitions: &'a BTreeMap<String, i32>,
    pub start: Start,
    pub on_lost_offsets: OnLostOffsets,
    pub commit_interval: Duration,
    pub drain_timeout: Duration,
    pub record_bounds: RecordBounds,
    /// Cancelled when the daemon is to stop before the start is complete.
    pub stopped: &'a CancellationToken,
    /// The lease that each commit renews.
    pub lease: &'a Lease,
    /// The time from an assignment to the first record, if the partition was not drained.
    pub assign_hold: Duration,
    pub observer: Observer,
}
