//! The repeats of rows whose error another write of the same record may have caused.
//!
//! | error | repeated |
//! |---|---|
//! | `Alone`: another record has the same key, or the same value of another unique field | once with the other such rows of its call, then twice alone; half a minute from the first attempt to the last one |
//! | `DeletedMeanwhile`: the record that an upsert found was deleted before it was written | three times, as a locked row is |
//!
//! A race ends with the transaction that won it. An error that remains after the last attempt is the row's own.

use std::time::Duration;

/// The time from the first attempt to the last one of a row that is set apart.
const SPAN: Duration = Duration::from_secs(30);

/// The most repeats of a row that is set apart.
pub(super) const APART_REPEATS: u32 = 3;

/// The most repeats of a row whose record was deleted meanwhile.
pub(super) const GONE_REPEATS: u32 = 3;

/// The next attempt of a row that is set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// With the other rows of its call that are set apart: none of them has its key.
    Together(Duration),
    Alone(Duration),
    /// The row is not repeated.
    Never,
}

/// The next attempt after the given number of attempts that set the row apart. `row_timeout`: no row is repeated for
/// longer, unless it is zero.
pub(super) fn after_apart(attempts: u32, row_timeout: Duration) -> Repeat {
    let span = if row_timeout.is_zero() { SPAN } else { SPAN.min(row_timeout) };
    match attempts {
        1 => Repeat::Together(span / 30),
        2 => Repeat::Alone(span / 3),
        3 => Repeat::Alone(span.saturating_sub(span / 30 + span / 3)),
        _ => Repeat::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_set_apart_has_three_more_attempts_in_half_a_minute() {
        let seconds = Duration::from_secs;
        for (attempts, row_timeout, expected) in [
            (1, seconds(900), Repeat::Together(seconds(1))),
            (2, seconds(900), Repeat::Alone(seconds(10))),
            (3, seconds(900), Repeat::Alone(seconds(19))),
            (4, seconds(900), Repeat::Never),
            (1, Duration::ZERO, Repeat::Together(seconds(1))),
            (2, seconds(3), Repeat::Alone(seconds(1))),
            (3, seconds(3), Repeat::Alone(Duration::from_millis(1_900))),
        ] {
            assert_eq!(after_apart(attempts, row_timeout), expected, "{attempts} {row_timeout:?}");
        }
    }
}
