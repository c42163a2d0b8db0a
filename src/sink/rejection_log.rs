//! Logs rejections: the first of each code in full, the others as a number, so that a topic of bad
//! records does not bury the rest of the log.
//!
//! Invariant: every rejection has a line of its own or is counted in a later one.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use tracing::warn;

use crate::record::{Position, Rejection};

/// The number of lines of one code in one minute.
const LINES: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// The most codes that are counted by themselves: the org may invent codes, and all others count as one.
const CODES: usize = 100;

#[derive(Debug, Clone, Default)]
pub struct RejectionLog(Arc<Mutex<HashMap<String, Minute>>>);

/// The rejections of one code in the minute from its first line on.
#[derive(Debug, Default)]
struct Minute {
    lines: u32,
    /// The number of rejections without a line of their own.
    more: u64,
}

impl RejectionLog {
    /// Logs a rejection. To be called within a runtime, whose clock ends the minutes.
    pub fn rejected(&self, position: &Position, rejection: &Rejection) {
        if self.has_line(rejection.code()) {
            warn!(
                event = "record_rejected",
                topic = %position.topic,
                partition = position.partition,
                offset = position.offset,
                code = rejection.code(),
                reason = %rejection,
                "record rejected"
            );
        }
    }

    fn has_line(&self, code: &str) -> bool {
        let mut minutes = self.lock();
        let code = if minutes.contains_key(code) || minutes.len() < CODES { code } else { "other" };
        if let Some(minute) = minutes.get_mut(code) {
            let has_line = minute.lines < LINES;
            if has_line {
                minute.lines += 1;
            } else {
                minute.more += 1;
            }
            return has_line;
        }
        minutes.insert(code.to_owned(), Minute { lines: 1, more: 0 });
        let (log, code) = (self.clone(), code.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(MINUTE).await;
            let minute = log.lock().remove(&code);
            minute.unwrap_or_default().sum_up(&code);
        });
        true
    }

    /// Says at once what the end of the minutes would.
    pub fn flush(&self) {
        let minutes = std::mem::take(&mut *self.lock());
        for (code, minute) in minutes {
            minute.sum_up(&code);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Minute>> {
        self.0.lock()
    }
}

impl Minute {
    fn sum_up(self, code: &str) {
        if self.more > 0 {
            warn!(
                event = "more_records_rejected",
                code,
                more = self.more,
                "{} more records rejected with {code}",
                self.more
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::record::Reason;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        /// The lines so far, and none of them again.
        fn take(&self) -> Vec<String> {
            let text = String::from_utf8(std::mem::take(&mut *self.0.lock())).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    fn reject(log: &RejectionLog, reason: Reason, times: i64) {
        for offset in 0..times {
            let position = Position { topic: "t".into(), partition: 0, offset };
            log.rejected(&position, &Rejection::new(reason, "no"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ten_lines_of_a_code_and_one_that_sums_up_in_each_minute() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let log = RejectionLog::default();
        let almost = Duration::from_secs(59);

        reject(&log, Reason::InvalidKey, 12);
        reject(&log, Reason::NotFound, 2);
        let said = lines.take();
        let of = |code: &str| said.iter().filter(|line| line.contains(code)).count();
        assert_eq!((of("InvalidKey"), of("NotFound"), said.len()), (10, 2, 12), "{said:?}");
        assert!(said[9].contains("offset=9") && said[9].contains("WARN"), "{}", said[9]);

        tokio::time::sleep(almost).await;
        reject(&log, Reason::InvalidKey, 5);
        assert_eq!(lines.take(), [] as [String; 0], "the minute is not over");
        tokio::time::sleep(MINUTE).await;
        let said = lines.take();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("7 more records rejected with InvalidKey"), "{said:?}");

        tokio::time::sleep(MINUTE * 10).await;
        reject(&log, Reason::InvalidKey, 11);
        assert_eq!(lines.take().len(), 10, "another minute");
        log.flush();
        assert!(lines.take()[0].contains("1 more records rejected with InvalidKey"));
        tokio::time::sleep(MINUTE * 10).await;
        assert_eq!(lines.take(), [] as [String; 0], "said once");
    }
}
