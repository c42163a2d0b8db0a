use strum::{IntoStaticStr, VariantArray};

/// A change of the assignment of partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum AssignmentChange {
    Assigned,
    Revoked,
    /// Taken without having been asked for: another member may own the partitions already.
    Lost,
}
