use std::time::Duration;

use crate::config::Problem;

/// Reports a duration that is zero.
pub(super) fn positive(key: &str, duration: Duration, problems: &mut Vec<Problem>) {
    if duration.is_zero() {
        problems.push(Problem::new(key, "must be longer than zero"));
    }
}
