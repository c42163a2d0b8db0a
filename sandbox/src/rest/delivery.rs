use std::time::Duration;

use crate::protocol::Answer;

/// How the answer of a call leaves the org, or fails to.
#[derive(Debug)]
pub(crate) enum Delivery {
    Send(Answer),
    /// Half of the body, then the connection fails.
    Half(Answer),
    /// One byte at a time, with this pause between two.
    Trickle(Answer, Duration),
    /// The connection fails before the answer.
    Cut,
    /// Nothing until the script is cleared; then this answer, or a cut.
    Hang(Option<Answer>),
}
