//! The sink's lanes as the owners of the partitions that the Kafka consumer assigns.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt as _;
use tokio::{runtime::Handle, task::JoinHandle};
use tracing::{error, info};

use super::{dead_letters::KafkaDeadLetters, memory::MemoryBound};
use crate::{
    kafka::{LaneEnd, LaneHost, LaneStart},
    runtime::stop::Stop,
    salesforce::Salesforce,
    sink::{self, lane::Lane, route::Routes},
};

/// The sink between this cluster and this org.
pub(super) type Pipeline = sink::Pipeline<Salesforce, KafkaDeadLetters>;

/// Starts a lane of the sink for each partition.
pub(super) struct SinkLanes {
    pub(super) routes: Arc<Routes>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) org: Arc<Salesforce>,
    pub(super) stop: Stop,
    pub(super) bound: MemoryBound,
    /// The lanes run here: the consumer's threads are outside of the runtime.
    pub(super) runtime: Handle,
}

impl LaneHost for SinkLanes {
    fn start(&self, start: LaneStart) -> Result<JoinHandle<LaneEnd>, String> {
        let LaneStart { topic, partition, records, progress, draining } = start;
        let route = self.routes.of_topic(&topic).map_err(|error| error.to_string())?.clone();
        let lane = Lane::new(self.pipeline.clone(), route, draining, progress);
        let stop = self.stop.clone();
        Ok(self.runtime.spawn(async move {
            // A lane that ends without being told to leaves its partition unread: fatal, also if it panics.
            match AssertUnwindSafe(lane.run(records)).catch_unwind().await {
                Ok(Ok(_)) => return LaneEnd::Drained,
                Ok(Err(error)) => {
                    error!(event = "lane_failed", %topic, partition, %error, "lane failed");
                    stop.now(error.to_string());
                }
                Err(_) => stop.now(format!("the lane of {topic}[{partition}] has panicked")),
            }
            LaneEnd::Failed
        }))
    }

    fn assigned(&self, partitions: usize) {
        // Another member may have changed what the cache remembers.
        self.org.clear_cache();
        info!(
            event = "memory_bound",
            partitions,
            bytes = self.bound.of(partitions),
            "memory bound of the assigned partitions"
        );
    }
}
