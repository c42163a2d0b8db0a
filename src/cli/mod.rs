//! The command line.

mod args;
mod check;
mod outcome;
mod shell;
mod show;
mod status;

use std::process::ExitCode;

use clap::Parser as _;

use self::{
    args::{Cli, Command, ConfigCommand},
    outcome::{code, ended, failed, load, refused},
};
#[cfg(feature = "dev")]
use crate::config::Log;
use crate::{
    config::{Loaded, Problems},
    daemon,
    daemon::Misconfigured,
    ops::{metrics::Metrics, signal, telemetry},
};

/// Parses the command line, runs the command, and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let code = runtime.block_on(async {
        match cli.command {
            Command::Run { config } => match load(&config) {
                Ok(loaded) => run(loaded).await,
                Err(problems) => refused(&problems),
            },
            Command::Check { config, online, json } => check::run(&config, online, json).await,
            Command::Status { admin, json, ready } => status::run(admin, json, ready).await,
            Command::Config { command: ConfigCommand::Show { config, json } } => match load(&config) {
                Ok(loaded) => ended(show::effective(&loaded, json)),
                Err(problems) => refused(&problems),
            },
            Command::Config { command: ConfigCommand::Schema } => ended(show::schema()),
            Command::Completions { shell } => ended(shell::completions(shell)),
            Command::Man { dir } => ended(shell::man(&dir)),
            #[cfg(feature = "dev")]
            Command::Dev { config, sample } => ended(dev(config, sample).await),
            #[cfg(feature = "dev")]
            Command::Sandbox { port, schema } => ended(sandbox(port, schema).await),
        }
    });
    // A task that still blocks a thread must not keep the process alive.
    runtime.shutdown_background();
    code
}

/// Runs the daemon. An error is logged, once.
async fn run(loaded: Loaded) -> ExitCode {
    let _guard = match telemetry::init(&loaded.config.log) {
        Ok(guard) => guard,
        Err(error) => return failed(&error.into()),
    };
    let cancel = match signal::cancel_on_signal() {
        Ok(cancel) => cancel,
        Err(error) => return failed(&error.into()),
    };
    let Err(error) = daemon::run(loaded, Metrics::new(), cancel).await else { return ExitCode::SUCCESS };
    if let Some(Misconfigured(Problems(problems))) = error.downcast_ref() {
        for problem in problems {
            tracing::error!(event = "configuration_finding", "{problem}");
        }
        tracing::error!(
            event = "configuration_rejected",
            problems = problems.len(),
            "ended: the configuration does not fit the org or the cluster"
        );
    } else {
        tracing::error!(event = "exited_with_error", error = format!("{error:#}"), "ended");
    }
    code(&error)
}

#[cfg(feature = "dev")]
async fn dev(file: Option<std::path::PathBuf>, sample: Option<u64>) -> anyhow::Result<()> {
    // Each bad record of the sample logs a warning; the table at the end has their number.
    let level = if sample.is_some() { "error" } else { "info" };
    let _guard = telemetry::init(&Log { level: level.into(), ..Log::default() })?;
    let cancel = signal::cancel_on_signal()?;
    crate::dev::run(file.as_deref(), sample, cancel).await
}

#[cfg(feature = "dev")]
async fn sandbox(port: u16, schema: Option<std::path::PathBuf>) -> anyhow::Result<()> {
    let _guard = telemetry::init(&Log::default())?;
    let cancel = signal::cancel_on_signal()?;
    let schema = schema.map_or_else(Default::default, sandbox::SchemaSource::File);
    let org = sandbox::Server::start(sandbox::ServerOptions { port, schema, ..Default::default() }).await?;
    // One write for both lines: a script that reads only the address may close the pipe after it.
    let (id, secret) = (sandbox::CLIENT_ID, sandbox::CLIENT_SECRET);
    show::print(&format!("org {}\nclient id {id}, client secret {secret}", org.url()))?;
    cancel.cancelled().await;
    org.shutdown().await;
    Ok(())
}
