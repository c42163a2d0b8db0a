//! The org as the client knows it: whether it takes calls, what it describes, which API versions it speaks.

pub(super) mod describe;
pub(super) mod description;
pub(super) mod limiter;
pub(super) mod org_state;
pub(super) mod slots;
pub(super) mod usage;
pub(super) mod versions;
