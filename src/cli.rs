//! The command line.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

#[cfg(feature = "dev")]
use crate::config::Log;
use crate::{
    config::{self, Config, Problems},
    daemon,
    kafka::KafkaConfigError,
    ops::{metrics::Metrics, signal, telemetry},
    startup::Misconfigured,
};

/// Reads Kafka topics and writes their records into Salesforce SObjects, each exactly accounted for.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 stopped as told, 1 failed, 2 bad command line, 78 bad configuration, 143 told to stop twice."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon until SIGTERM, which drains it
    Run {
        /// The configuration; config/sobjectd.toml has every option
        #[arg(long, value_name = "FILE", env = "SOBJECTD_CONFIG")]
        config: PathBuf,
    },
    /// Run the daemon between an embedded broker and an embedded org, to be played with
    #[cfg(feature = "dev")]
    Dev {
        #[arg(long, value_name = "FILE", default_value = "config/dev.toml")]
        config: PathBuf,
        /// Produce so many records, good and bad, account for each, and end
        #[arg(long, value_name = "N")]
        sample: Option<u64>,
    },
    /// Run the embedded Salesforce org by itself, to point any client at it
    #[cfg(feature = "dev")]
    Sandbox {
        /// On 127.0.0.1; 0 takes a free port
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
}

/// `EX_CONFIG` of sysexits.h.
const BAD_CONFIGURATION: u8 = 78;

/// Parses, runs, and says how it went.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let code = runtime.block_on(async {
        match cli.command {
            Command::Run { config } => match config::load(&config, config::variables(std::env::vars_os())) {
                Ok(config) => ended(run(config).await),
                Err(problems) => refused(&problems),
            },
            #[cfg(feature = "dev")]
            Command::Dev { config, sample } => ended(dev(config, sample).await),
            #[cfg(feature = "dev")]
            Command::Sandbox { port } => ended(sandbox(port).await),
        }
    });
    // What still blocks a thread does not keep the process.
    runtime.shutdown_background();
    code
}

async fn run(config: Config) -> anyhow::Result<()> {
    let _guard = telemetry::init(&config.log)?;
    let cancel = signal::cancel_on_signal()?;
    let ended = daemon::run(config, Metrics::new(), cancel).await;
    if let Err(error) = &ended {
        tracing::error!(error = format!("{error:#}"), "ended");
    }
    ended
}

#[cfg(feature = "dev")]
async fn dev(file: PathBuf, sample: Option<u64>) -> anyhow::Result<()> {
    // Each of the sample's bad records is a warning: the table at the end says how many.
    let level = if sample.is_some() { "error" } else { "info" };
    let _guard = telemetry::init(&Log { level: level.into(), ..Log::default() })?;
    let cancel = signal::cancel_on_signal()?;
    crate::dev::run(&file, sample, cancel).await
}

#[cfg(feature = "dev")]
#[expect(clippy::print_stdout, reason = "the command's result")]
async fn sandbox(port: u16) -> anyhow::Result<()> {
    let _guard = telemetry::init(&Log::default())?;
    let cancel = signal::cancel_on_signal()?;
    let org = sandbox::Org::start(sandbox::OrgOptions { port, ..Default::default() }).await?;
    println!("org {}", org.url());
    println!("client id {}, client secret {}", sandbox::CLIENT_ID, sandbox::CLIENT_SECRET);
    cancel.cancelled().await;
    org.shutdown().await;
    Ok(())
}

fn is_configuration(error: &anyhow::Error) -> bool {
    error.is::<Misconfigured>() || error.is::<Problems>() || error.is::<KafkaConfigError>()
}

fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_configuration(&error) => {
            failed(&error);
            ExitCode::from(BAD_CONFIGURATION)
        }
        Err(error) => failed(&error),
    }
}

#[expect(clippy::print_stderr, reason = "there may be no log")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("sobjectd: {error:#}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stderr, reason = "there is no log yet")]
fn refused(problems: &Problems) -> ExitCode {
    eprintln!("sobjectd: the configuration is refused:\n{problems}");
    ExitCode::from(BAD_CONFIGURATION)
}
