//! `script/chaos`: runs seeds, and prints the result of each.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use chaos::{Brokers, Fault, Long, Options, Report, execute, execute_long};
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Replicas of sobjectd between a real Kafka and the sandbox org, and faults by a seed
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one seed
    Run {
        #[arg(long)]
        seed: u64,
        #[command(flatten)]
        load: Load,
    },
    /// Run many seeds, one line of output for each
    Seeds {
        #[arg(long, default_value_t = 1)]
        from: u64,
        #[arg(long, default_value_t = 20)]
        count: u64,
        /// Seeds at a time, each on a broker of its own
        #[arg(long, default_value_t = 1)]
        jobs: u64,
        /// End at the first seed that fails
        #[arg(long)]
        first: bool,
        #[command(flatten)]
        load: Load,
    },
    /// Run one of the long runs, which take minutes
    Long {
        name: Long,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        load: Load,
    },
}

#[derive(Debug, Clone, Args)]
struct Load {
    #[arg(long, default_value_t = 500)]
    records: usize,
    #[arg(long, default_value_t = 2)]
    replicas: usize,
    /// Seconds over which the records are produced
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Only these faults; an empty list is no faults
    #[arg(long, value_delimiter = ',', num_args = 0.., value_enum)]
    faults: Option<Vec<Fault>>,
    /// The path of sobjectd
    #[arg(long, env = "SOBJECTD_BINARY")]
    binary: PathBuf,
    /// A bug that a binary with the feature `mutations` has if it is asked to
    #[arg(long)]
    mutation: Option<String>,
    /// The folder of the brokers, and of the logs of seeds that fail
    #[arg(long, default_value = "target/chaos")]
    dir: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = tokio::select! {
        done = run(cli.command) => done,
        // All processes end as their owners are dropped.
        () = stop_signal() => Err(anyhow::anyhow!("stopped by a signal")),
    };
    match done {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            print(&format!("chaos: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Returns at SIGINT or SIGTERM.
async fn stop_signal() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn print(text: &str) {
    println!("{text}");
}

/// Runs a command, and returns the number of seeds that failed.
async fn run(command: Command) -> Result<u64> {
    match command {
        Command::Long { name, seed, load } => {
            let report = execute_long(&mut brokers(&load, seed)?, name, &load.options(seed)?).await;
            print(&summary(&format!("{name:?}").to_lowercase(), report.as_ref()));
            Ok(u64::from(!report.is_ok_and(|report| report.verdict.problems.is_empty())))
        }
        Command::Run { seed, load } => run_seeds(load, seed, 1, 1, true).await,
        Command::Seeds { from, count, jobs: 0 | 1, first, load } => run_seeds(load, from, count, 1, first).await,
        Command::Seeds { from, count, jobs, first, load } => {
            let mut tasks = tokio::task::JoinSet::new();
            for job in 0..jobs.min(count) {
                tasks.spawn(run_seeds(load.clone(), from + job, (count - job).div_ceil(jobs), jobs, first));
            }
            let mut failed = 0;
            while let Some(done) = tasks.join_next().await {
                failed += done??;
            }
            Ok(failed)
        }
    }
}

/// Runs `count` seeds one after the other on a broker of their own: the seed `from`, and each seed `step` after it.
/// Returns the number of seeds that failed.
async fn run_seeds(load: Load, from: u64, count: u64, step: u64, first: bool) -> Result<u64> {
    let mut brokers = brokers(&load, from)?;
    let mut failed = 0;
    for seed in (0..count).map(|n| from + n * step) {
        let options = load.options(seed)?;
        let report = execute(&mut brokers, &options).await;
        let fine = report.as_ref().is_ok_and(|report| report.verdict.problems.is_empty());
        print(&summary(&format!("seed {seed}"), report.as_ref()));
        if !fine {
            failed += 1;
            print(&format!("  again: {}\n  logs:  {}/seed-{seed}", again(&load, seed), load.dir.display()));
            if first {
                break;
            }
        }
    }
    if count > 1 {
        print(&format!("{failed} of the seeds from {from} on have failed"));
    }
    Ok(failed)
}

/// The brokers of the seeds from this one on.
fn brokers(load: &Load, seed: u64) -> Result<Brokers> {
    std::fs::create_dir_all(&load.dir)?;
    Ok(Brokers::new(&std::path::absolute(&load.dir)?.join(format!("broker-{}-{seed}", std::process::id()))))
}

impl Load {
    fn options(&self, seed: u64) -> Result<Options> {
        Ok(Options {
            seed,
            records: self.records,
            replicas: self.replicas,
            over: Duration::from_secs(self.seconds),
            faults: self.faults.clone().unwrap_or_else(|| Fault::all().to_vec()),
            binary: std::path::absolute(&self.binary)?,
            mutation: self.mutation.clone(),
            dir: std::path::absolute(&self.dir)?,
        })
    }
}

/// The one command that repeats a seed.
fn again(load: &Load, seed: u64) -> String {
    let Load { records, replicas, seconds, binary, .. } = load;
    let of = |name, value: &str| format!(" --{name} {value}");
    let faults = load.faults.iter().map(|faults| faults.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(","));
    let faults = faults.map(|faults| of("faults", &faults));
    let mutation = load.mutation.iter().map(|mutation| of("mutation", mutation));
    let options = faults.chain(mutation).collect::<String>();
    format!(
        "script/chaos run --seed {seed} --records {records} --replicas {replicas} --seconds {seconds} --binary {}\
         {options}",
        binary.display()
    )
}

/// The number of problems of a seed that are printed.
const SHOWN: usize = 8;

fn summary(name: &str, report: Result<&Report, &anyhow::Error>) -> String {
    let report = match report {
        Ok(report) => report,
        Err(error) => return format!("{name}: FAILED, not judged: {error:#}"),
    };
    let verdict = &report.verdict;
    let faults: Vec<_> = report.schedule.faults().map(Fault::name).collect();
    let head = format!(
        "{name}: {} in {:.1} s, {} records, {} events, {} letters, {} interruptions, {} struck calls, {} repeated, \
         {} late, {} MiB, {:?}, {:?}: {}",
        if verdict.problems.is_empty() { "ok" } else { "FAILED" },
        report.took.as_secs_f64(),
        verdict.records,
        verdict.events,
        verdict.letters,
        report.interruptions,
        report.struck,
        verdict.repeated,
        verdict.late,
        report.memory / 1024,
        report.schedule.orphans,
        report.protocol,
        faults.join(" "),
    );
    let problems = verdict.problems.iter().take(SHOWN).map(|problem| format!("\n  {problem}"));
    let more = verdict.problems.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    format!("{head}{}{more}", problems.collect::<String>())
}
