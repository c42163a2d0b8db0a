use crate::{
    change::Fields,
    interruptions::Interruption,
    kafka::Read,
    org::{Entry, Stored},
    source::Source,
};

/// Everything that is known when a run is over.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub sources: Vec<Source>,
    pub letters: Vec<Read>,
    pub journal: Vec<Entry>,
    pub stored: Vec<Stored>,
    pub interruptions: Vec<Interruption>,
    /// Calls may have ended without an answer.
    pub repeats: bool,
    /// The number of calls that a fault of the org struck, and of further events that a slow org may make of one row.
    pub struck: usize,
    /// The fields of the records that were there before the run, by their ids.
    pub before: Vec<(String, Fields)>,
}
