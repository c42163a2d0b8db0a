//! When a login may be made: three may follow each other at once, then one more each interval; after one that failed
//! the next is an interval away, and after a refusal several.

use std::time::Duration;

use tokio::time::Instant;

/// The number of logins that may follow each other at once: sessions end, and records are not to wait for that.
const BURST: u32 = 3;

/// A refused login will be refused again, and many of them lock the user out.
const REFUSED_INTERVALS: u32 = 6;

#[derive(Debug)]
pub(crate) struct Pacing {
    interval: Duration,
    /// The time at which all of the burst may be made again; each login moves it on by an interval.
    rested: Option<Instant>,
}

impl Pacing {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, rested: None }
    }

    /// Whether a login may be made now.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        self.rested.is_none_or(|rested| rested <= now + self.interval * (BURST - 1))
    }

    /// A login begins.
    pub(crate) fn begun(&mut self, now: Instant) {
        let rested = self.rested.map_or(now, |rested| rested.max(now));
        self.rested = Some(rested + self.interval);
    }

    /// A login has failed, or has brought a session that does not work.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.wait(now, 1);
    }

    /// A login was refused.
    pub(crate) fn refused(&mut self, now: Instant) {
        self.wait(now, REFUSED_INTERVALS);
    }

    /// The next login is the given number of intervals away.
    fn wait(&mut self, now: Instant, intervals: u32) {
        let next = now + self.interval * (BURST - 1 + intervals);
        self.rested = Some(self.rested.map_or(next, |rested| rested.max(next)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    /// The seconds at which logins are made that are wanted all the time.
    fn logins(mut after: impl FnMut(&mut Pacing, Instant, u64)) -> Vec<u64> {
        let (mut pacing, start) = (Pacing::new(INTERVAL), Instant::now());
        let mut made = Vec::new();
        for second in 0..=100 {
            let now = start + Duration::from_secs(second);
            while pacing.allows(now) && made.len() < 100 {
                pacing.begun(now);
                made.push(second);
                after(&mut pacing, now, second);
            }
        }
        made
    }

    #[test]
    fn three_logins_may_follow_at_once_and_then_one_each_interval() {
        assert_eq!(logins(|_, _, _| {}), [0, 0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    }

    #[test]
    fn a_failed_login_waits_one_interval_and_a_refused_one_six() {
        let failing = logins(|pacing, now, _| pacing.failed(now));
        assert_eq!(failing, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
        assert_eq!(logins(|pacing, now, _| pacing.refused(now)), [0, 60]);
        let second_is_refused = logins(|pacing, now, second| {
            if second == 10 {
                pacing.refused(now);
            }
        });
        assert_eq!(second_is_refused, [0, 0, 0, 10, 70, 80, 90, 100]);
    }

    #[test]
    fn the_burst_of_logins_is_restored_after_a_pause() {
        let (mut pacing, start) = (Pacing::new(INTERVAL), Instant::now());
        for _ in 0..3 {
            assert!(pacing.allows(start));
            pacing.begun(start);
        }
        assert!(!pacing.allows(start + INTERVAL - Duration::from_secs(1)));
        let later = start + INTERVAL * 10;
        for _ in 0..3 {
            assert!(pacing.allows(later));
            pacing.begun(later);
        }
        assert!(!pacing.allows(later));
    }

    #[test]
    fn a_login_interval_of_zero_never_waits() {
        let (mut pacing, now) = (Pacing::new(Duration::ZERO), Instant::now());
        pacing.begun(now);
        pacing.refused(now);
        assert!(pacing.allows(now));
    }
}
