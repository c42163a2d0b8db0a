//! The arguments of the command line, and their help.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

/// Reads Kafka topics and writes their records into Salesforce SObjects, each exactly accounted for
///
/// A TOML file maps topics to SObjects. Logs go to stderr, results to stdout.
#[derive(Debug, Parser)]
#[command(version, after_long_help = LONG_HELP, after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 drained and stopped, 1 failed, 2 bad command line, 78 bad configuration, 143 second signal.";

const LONG_HELP: &str = "\
Examples:
  sobjectd check --online --config crm.toml   all problems, before it runs
  sobjectd run --config crm.toml              SIGTERM drains, SIGHUP reads secrets again
  sobjectd status                             state and outcomes of the running daemon
  sobjectd config show --config crm.toml      every key, its value, what has set it

Environment:
  SOBJECTD_CONFIG                  used without --config
  SOBJECTD_ADMIN                   used without --admin
  SOBJECTD__SALESFORCE__LOGIN_URL  sets salesforce.login_url; other keys likewise, but not routes

Exit codes:
  0 drained and stopped, 1 failed, 2 bad command line, 78 bad configuration,
  143 stopped by a second signal, without draining";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the daemon; SIGTERM drains and stops it
    Run {
        /// Configuration file; config/sobjectd.toml has every option
        #[arg(long, value_name = "FILE", env = "SOBJECTD_CONFIG")]
        config: PathBuf,
    },
    /// Check a configuration, and report all problems at once
    ///
    /// Checks keys, types and rules without a connection. With --online also checks the login, the org's daily API
    /// calls, the SObject, fields and permissions of each route, the topics, the group, the dead-letter topic and the
    /// schema registry. Writes nothing.
    #[command(
        after_help = "Exit codes: 0 no problems (there may be warnings), 1 Kafka, the org or the registry does not answer, 78 problems."
    )]
    Check {
        /// Configuration file, as for `sobjectd run`
        #[arg(long, value_name = "FILE", env = "SOBJECTD_CONFIG")]
        config: PathBuf,
        /// Check against the org, the cluster and the registry
        #[arg(long)]
        online: bool,
        /// Print one JSON object instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show the state of a running daemon, what it waits for, and the outcomes of its records
    #[command(after_help = "Exit codes: 0 the daemon answers, 1 it does not (with --ready also if it is not running).")]
    Status {
        /// URL of the admin listener; default: admin.listen of the environment, else port 8089
        #[arg(long, value_name = "URL", env = "SOBJECTD_ADMIN")]
        admin: Option<String>,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
        /// Fail unless records are being written
        #[arg(long)]
        ready: bool,
    },
    /// Show the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print completions for a shell
    Completions { shell: Shell },
    /// Write manual pages, one for each command
    Man {
        /// Directory, created if it does not exist
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Run the daemon with an embedded broker and an embedded org, to try it out
    #[cfg(feature = "dev")]
    Dev {
        /// Configuration file instead of the built-in one: its topics are created in the embedded broker
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Produce N records, good and bad, account for each, and exit
        #[arg(long, value_name = "N")]
        sample: Option<u64>,
    },
    /// Run the embedded Salesforce org alone, for any client
    #[cfg(feature = "dev")]
    Sandbox {
        /// Port on 127.0.0.1; 0 takes a free one
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Objects of the org, instead of the built-in ones; docs/sandbox.md has the format
        #[arg(long, value_name = "FILE")]
        schema: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the effective configuration: every key, without secrets, and what has set it
    Show {
        /// Configuration file, as for `sobjectd run`
        #[arg(long, value_name = "FILE", env = "SOBJECTD_CONFIG")]
        config: PathBuf,
        /// Print one JSON object for each key instead of TOML
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the configuration file
    Schema,
}
