//! One record to produce, and the topics that records are produced to.

/// Partitions of each topic when a run begins.
pub(crate) const PARTITIONS: i32 = 3;
/// Partitions that the first topic gets in addition if the schedule says so.
pub(crate) const ADDED: i32 = 2;
/// Topics whose records name an external id. One more topic is by record id.
pub(crate) const TOPICS: usize = 2;

/// One record to produce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub topic: usize,
    pub partition: i32,
    pub key: String,
    pub value: Option<String>,
    /// The operation header's word.
    pub operation: Option<&'static str>,
}
