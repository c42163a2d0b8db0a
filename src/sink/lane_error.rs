use crate::record::{ApiName, Cause};

/// A lane ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum LaneError<E> {
    #[error(transparent)]
    Read(E),
    #[error("the org does not describe {sobject}: {cause}")]
    Describe { sobject: ApiName, cause: Cause },
    #[error("the partition's queue has ended")]
    Ended,
}
