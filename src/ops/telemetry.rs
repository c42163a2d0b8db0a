//! Logs go to stderr, by way of a thread and a bounded buffer: a stderr that is not read costs lines, never the
//! pipeline.

use std::{borrow::Cow, fmt, io, sync::OnceLock};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter},
};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt::MakeWriter};

use crate::{
    config::{Log, LogFormat},
    record::redaction,
};

/// The most lines that wait to be written; more are lost.
const LINES: usize = 4_096;

/// The count of lines that stderr, of which there is one, has not taken.
static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// The number of lines that were lost since the start, for a scrape.
#[derive(Debug)]
pub(super) struct LostLines;

impl Collector for LostLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let lost = LOST.get().map_or(0, |lost| lost.dropped_lines() as u64);
        let help = "Lines of the log that were lost because they were not read in time";
        ConstCounter::new(lost).encode(encoder.encode_descriptor(
            "log_lines_dropped",
            help,
            None,
            MetricType::Counter,
        )?)
    }
}

/// A target that says of each failed handshake, at ERROR, what the call's own warning says once. A filter may name it.
const QUIET: &str = "rustls_platform_verifier=off";

/// Writes the last lines when it is dropped.
#[derive(Debug)]
pub struct Guard(#[expect(dead_code, reason = "it is there to be dropped")] WorkerGuard);

/// Starts the log, once for each process.
pub fn init(log: &Log) -> Result<Guard, ParseError> {
    if !log.values {
        redaction::turn_on();
    }
    let filter = EnvFilter::builder().parse(format!("{QUIET},{}", log.level))?;
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(LINES).lossy(true).finish(io::stderr());
    let lost = writer.error_counter();
    LOST.get_or_init(|| lost);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(OneLine(writer));
    // A second subscriber cannot be set; the first one stays.
    drop(match log.format {
        LogFormat::Text => subscriber.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    });
    // A panic is news like any other, and its thread does not wait for stderr either.
    std::panic::set_hook(Box::new(|panic| {
        // Its message may quote a record.
        let at = panic.location().map(tracing::field::display);
        let message = (!redaction::is_on()).then(|| tracing::field::display(panic));
        tracing::error!(event = "panic", at, panic = message, "panic");
    }));
    Ok(Guard(guard))
}

/// Writes each event as one line: what an org says has line ends in it, and could write a line of its own otherwise.
#[derive(Clone)]
struct OneLine(NonBlocking);

impl MakeWriter<'_> for OneLine {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl io::Write for OneLine {
    /// An event comes as a whole, with its line end.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::Write::write_all(&mut self.0, &one_line(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::Write::flush(&mut self.0)
    }
}

fn one_line(event: &[u8]) -> Cow<'_, [u8]> {
    let text = event.strip_suffix(b"\n").unwrap_or(event);
    if !text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return event.into();
    }
    let mut line = Vec::with_capacity(event.len() + 16);
    for byte in text {
        match byte {
            b'\n' => line.extend_from_slice(br"\n"),
            b'\r' => line.extend_from_slice(br"\r"),
            other => line.push(*other),
        }
    }
    line.extend_from_slice(&event[text.len()..]);
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        for (event, line) in [
            ("WARN rejected\n", "WARN rejected\n"),
            ("WARN T: x\n\ncaused by: y\n", "WARN T: x\\n\\ncaused by: y\n"),
            ("WARN a\r\n2026-01-01T00:00:00Z ERROR b\n", "WARN a\\r\\n2026-01-01T00:00:00Z ERROR b\n"),
            ("no end", "no end"),
            ("\n\n", "\\n\n"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&one_line(event.as_bytes())), line, "{event:?}");
        }
    }
}
