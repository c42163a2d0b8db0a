use strum::{IntoStaticStr, VariantArray};

/// How the assignment of partitions has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum AssignmentChange {
    Assigned,
    Revoked,
    /// Taken without having been asked for: another member may own the partitions already.
    Lost,
}
