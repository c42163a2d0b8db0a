//! The number of rows that a call may have so that the org answers it within the time-out. Pure.
//!
//! A call that times out says only that its rows were too many, and its repetition may double what a plain insert has
//! made: the next calls have far fewer. From then on each answer says how long its rows took, so that the size grows
//! as long as the next one is expected well within the time-out, and no guess costs another time-out.

use std::time::Duration;

/// The size of calls of one SObject and operation, one of which has timed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// The rows of a new call.
    rows: usize,
    /// The consecutive time-outs of calls of this size or smaller.
    timeouts: u32,
}

/// The first time-out divides the size by this, the next one in a row by [`STEEPER`].
const STEEP: usize = 4;
const STEEPER: usize = 8;

impl Pace {
    /// After a call of the given number of rows that has timed out. `before`: what was known until then.
    pub(super) fn after_timeout(before: Option<Self>, rows: usize) -> Self {
        match before {
            // It was sent before less was known to be enough.
            Some(before) if rows > before.rows => before,
            before => {
                let timeouts = before.map_or(0, |before| before.timeouts).saturating_add(1);
                let divisor = if timeouts == 1 { STEEP } else { STEEPER };
                Self { rows: (rows / divisor).max(1), timeouts }
            }
        }
    }

    /// After a call of the given number of rows that was answered in `took`; `None` if it is the full size again.
    ///
    /// The size grows by an eighth while the expected duration (`took` × new ÷ old) is under 0.8 of the time-out, and
    /// doubles while it is under half of that.
    pub(super) fn after_answer(self, rows: usize, took: Duration, timeout: Duration, full: usize) -> Option<Self> {
        // A smaller call says nothing of this size.
        if rows < self.rows {
            return Some(Self { timeouts: 0, ..self });
        }
        let number = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX).max(1);
        let room = timeout.saturating_mul(4) / 5;
        let expected = |larger: usize| took.saturating_mul(number(larger)) / number(rows);
        let (double, eighth) = (rows * 2, rows + (rows / 8).max(1));
        let grown = if expected(double) < room / 2 {
            double
        } else if expected(eighth) < room {
            eighth
        } else {
            self.rows
        };
        (grown < full).then_some(Self { rows: grown, timeouts: 0 })
    }

    pub(super) fn rows(self) -> usize {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(120);
    const FULL: usize = 200;

    #[test]
    fn a_time_out_makes_the_next_calls_far_smaller() {
        for (before, rows, expected) in [
            (None, 200, (50, 1)),
            (None, 7, (1, 1)),
            (None, 1, (1, 1)),
            // Three more of the same size were on the wire.
            (Some((50, 1)), 200, (50, 1)),
            (Some((50, 1)), 50, (6, 2)),
            (Some((50, 0)), 50, (12, 1)),
            (Some((50, 0)), 20, (5, 1)),
            (Some((6, 2)), 6, (1, 3)),
            (Some((1, u32::MAX)), 1, (1, u32::MAX)),
        ] {
            let pace = |(rows, timeouts)| Pace { rows, timeouts };
            let after = Pace::after_timeout(before.map(pace), rows);
            assert_eq!(after, pace(expected), "{before:?}, {rows} rows time out");
        }
    }

    #[test]
    fn a_size_grows_while_the_next_call_is_expected_well_within_the_time_out() {
        for (size, rows, seconds, expected) in [
            // 1 s a row: 100 rows would take 100 s of 96.
            (50, 50, 50.0, Some(56)),
            (84, 84, 84.0, Some(94)),
            (94, 94, 94.0, Some(94)),
            // Nearly nothing a row, as after an outage.
            (50, 50, 0.5, Some(100)),
            (100, 100, 0.5, None),
            (1, 1, 1.0, Some(2)),
            (1, 1, 30.0, Some(2)),
            (1, 1, 50.0, Some(1)),
            // Smaller than it might be: nothing is shown.
            (50, 49, 0.1, Some(50)),
            // Sent before the size was learnt, and answered in time all the same.
            (50, 150, 100.0, Some(50)),
            (50, 150, 80.0, Some(168)),
            (180, 180, 10.0, None),
        ] {
            let pace = Pace { rows: size, timeouts: 3 };
            let grown = pace.after_answer(rows, Duration::from_secs_f64(seconds), TIMEOUT, FULL);
            assert_eq!(grown.map(Pace::rows), expected, "{size}: {rows} rows in {seconds} s");
            assert!(grown.is_none_or(|grown| grown.timeouts == 0));
        }
    }

    /// Orgs that need the given number of milliseconds a row.
    #[test]
    fn an_org_costs_few_time_outs_and_then_none() {
        for (millis_a_row, most) in [(500, 0), (601, 1), (1_000, 1), (2_300, 1), (5_000, 2), (15_000, 2), (60_000, 3)] {
            let (mut pace, mut timeouts, mut last) = (None::<Pace>, 0, 0);
            for call in 0..200 {
                let rows = pace.map_or(FULL, Pace::rows);
                let took = Duration::from_millis(millis_a_row) * u32::try_from(rows).unwrap();
                if took > TIMEOUT {
                    (pace, timeouts, last) = (Some(Pace::after_timeout(pace, rows)), timeouts + 1, call);
                } else {
                    pace = pace.and_then(|pace| pace.after_answer(rows, took, TIMEOUT, FULL));
                }
            }
            assert!(timeouts <= most && last <= most, "{millis_a_row} ms a row: {timeouts} time-outs, call {last}");
        }
    }

    #[test]
    fn a_full_size_is_back_soon_after_an_outage() {
        let mut pace = Some(Pace { rows: 1, timeouts: 9 });
        let mut calls = 0;
        while let Some(slow) = pace {
            pace = slow.after_answer(slow.rows(), Duration::from_millis(500), TIMEOUT, FULL);
            calls += 1;
        }
        assert!(calls <= 8, "{calls}");
    }
}
