use std::{path::PathBuf, time::Duration};

use crate::fault::Fault;

/// The input of a run. The same options are the same run, but for what the machine's clock decides.
#[derive(Debug, Clone)]
pub struct Options {
    pub seed: u64,
    /// More where the schedule freezes the broker, or a replica.
    pub records: usize,
    pub replicas: usize,
    /// The time over which the records are produced.
    pub over: Duration,
    pub faults: Vec<Fault>,
    /// The path of `sobjectd`.
    pub binary: PathBuf,
    /// `SOBJECTD_MUTATION` of the replicas: a bug that a build with the feature `mutations` has on request.
    pub mutation: Option<String>,
    /// The folder that gets a folder of logs for each seed.
    pub dir: PathBuf,
}
