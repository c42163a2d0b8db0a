//! What is known of the org: whether it takes calls, what it describes, which API versions it speaks.

pub(super) mod describe;
pub(super) mod org_state;
pub(super) mod usage;
pub(super) mod versions;
