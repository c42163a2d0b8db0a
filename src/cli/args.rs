//! What can be written on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

/// Reads Kafka topics and writes their records into Salesforce SObjects, each exactly accounted for
///
/// A configuration in TOML says which topic goes into which SObject, and how. Logs go to stderr, results to stdout.
#[derive(Debug, Parser)]
#[command(version, after_long_help = LONG_HELP, after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 stopped as told, 1 failed, 2 bad command line, 78 bad configuration, 143 told to stop twice.";

const LONG_HELP: &str = "\
Examples:
  sobjectd check --online --config crm.toml   what is wrong with it, before it runs
  sobjectd run --config crm.toml              SIGTERM drains, SIGHUP reads secrets again
  sobjectd status                             what the daemon here is doing
  sobjectd config show --config crm.toml      every key, its value, who has set it

Environment:
  SOBJECTD_CONFIG                  in place of --config
  SOBJECTD_ADMIN                   in place of --admin
  SOBJECTD__SALESFORCE__LOGIN_URL  sets salesforce.login_url; so with all but routes

Exit codes:
  0 stopped as told, 1 failed, 2 bad command line, 78 bad configuration,
  143 told to stop twice";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the daemon until SIGTERM, which drains it
    Run {
        /// The configuration; config/sobjectd.toml has every option
        #[arg(long, value_name = "FILE", env = "SOBJECTD_CONFIG")]
        config: PathBuf,
    },
    /// Say whether a configuration can work, and all that is wrong with it at once
    ///
    /// Keys, types and rules, before anything is connected. With --online also whether it fits what is there: the
    /// login, the org's daily API calls, each route's SObject, fields and permissions, the topics, the group, the
    /// dead-letter topic, the schema registry. Nothing is written anywhere.
    #[command(
        after_help = "Exit codes: 0 it can work (there may be warnings), 1 somebody does not answer, 78 it cannot work."
    )]
    Check {
        /// As of `sobjectd run`
        #[arg(long, value_name = "FILE", env = "SOBJECTD_CONFIG")]
        config: PathBuf,
        /// Ask the org, the cluster and the registry
        #[arg(long)]
        online: bool,
        /// One JSON object, in place of a table
        #[arg(long)]
        json: bool,
    },
    /// Ask a running daemon what it is doing, whom it waits for, and what has become of its records
    #[command(after_help = "Exit codes: 0 it answers, 1 it does not (with --ready also if it is not running).")]
    Status {
        /// Its admin listener; where it is not given, that of this environment's daemon, or of port 8089
        #[arg(long, value_name = "URL", env = "SOBJECTD_ADMIN")]
        admin: Option<String>,
        /// JSON, in place of a table
        #[arg(long)]
        json: bool,
        /// Fail unless records are being written
        #[arg(long)]
        ready: bool,
    },
    /// Say what is configured
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print a shell's completions
    Completions { shell: Shell },
    /// Write the manual's pages, one for each command
    Man {
        /// Made if it is missing
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Run the daemon between an embedded broker and an embedded org, to be played with
    #[cfg(feature = "dev")]
    Dev {
        /// In place of a configuration that is built in: its topics are those of the embedded broker
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
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
        /// Its objects, in place of the built-in ones; docs/sandbox.md has the format
        #[arg(long, value_name = "FILE")]
        schema: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the configuration that is in force: every key, without secrets, and what has set it
    Show {
        /// As of `sobjectd run`
        #[arg(long, value_name = "FILE", env = "SOBJECTD_CONFIG")]
        config: PathBuf,
        /// One JSON object for each key, in place of TOML
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of a configuration's file
    Schema,
}
