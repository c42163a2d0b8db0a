//! The process as the kernel sees it, under the names that every Prometheus client gives (`process_*`). Elsewhere than
//! on Linux there are none.

use prometheus_client::registry::Registry;

/// The process, for the scrape. Its names have no prefix of ours.
pub(super) fn registry() -> Registry {
    let mut registry = Registry::default();
    #[cfg(target_os = "linux")]
    registry.register_collector(Box::new(linux::Process));
    registry
}

#[cfg(target_os = "linux")]
mod linux {
    use procfs::{ProcResult, WithCurrentSystemInfo as _, process::LimitValue};
    use prometheus_client::{
        collector::Collector,
        encoding::{DescriptorEncoder, EncodeMetric},
        metrics::{counter::ConstCounter, gauge::ConstGauge},
        registry::Unit,
    };

    #[derive(Debug)]
    pub(super) struct Process;

    struct Sample {
        cpu_seconds: f64,
        start_seconds: f64,
        resident_bytes: u64,
        open_fds: u64,
        max_fds: u64,
    }

    impl Sample {
        fn take() -> ProcResult<Self> {
            let process = procfs::process::Process::myself()?;
            let stat = process.stat()?;
            let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
            Ok(Self {
                cpu_seconds: seconds(stat.utime + stat.stime),
                start_seconds: procfs::boot_time_secs()? as f64 + seconds(stat.starttime),
                resident_bytes: stat.rss_bytes().get(),
                open_fds: process.fd_count()? as u64,
                max_fds: match process.limits()?.max_open_files.soft_limit {
                    LimitValue::Value(max) => max,
                    LimitValue::Unlimited => u64::MAX,
                },
            })
        }
    }

    impl Collector for Process {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
            // A /proc that says nothing costs these metrics, not the others.
            let Ok(sample) = Sample::take() else { return Ok(()) };
            let metrics: [(_, _, _, &dyn EncodeMetric); 5] = [
                ("cpu", "User and system time", Some(&Unit::Seconds), &ConstCounter::new(sample.cpu_seconds)),
                ("start_time", "Start, since 1970", Some(&Unit::Seconds), &ConstGauge::new(sample.start_seconds)),
                ("resident_memory", "Resident memory", Some(&Unit::Bytes), &ConstGauge::new(sample.resident_bytes)),
                ("open_fds", "Open file descriptors", None, &ConstGauge::new(sample.open_fds)),
                ("max_fds", "File descriptors that may be open", None, &ConstGauge::new(sample.max_fds)),
            ];
            for (name, help, unit, metric) in metrics {
                let name = format!("process_{name}");
                metric.encode(encoder.encode_descriptor(&name, help, unit, metric.metric_type())?)?;
            }
            Ok(())
        }
    }
}
