//! The end of a command: its message and its exit code.

use std::{path::Path, process::ExitCode};

use crate::{
    config::{self, Loaded, Problems},
    daemon::Misconfigured,
    format::RegistryError,
    kafka::KafkaConfigError,
    salesforce::BuildError,
};

/// The exit code for a bad configuration: `EX_CONFIG` of sysexits.h.
pub(super) const BAD_CONFIGURATION: u8 = 78;

pub(super) fn load(file: &Path) -> Result<Loaded, Problems> {
    config::load(file, config::variables(std::env::vars_os()))
}

fn is_configuration(error: &anyhow::Error) -> bool {
    error.is::<Misconfigured>()
        || error.is::<Problems>()
        || error.is::<KafkaConfigError>()
        || error.is::<BuildError>()
        || error.is::<RegistryError>()
}

pub(super) fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            failed(&error);
            code(&error)
        }
    }
}

pub(super) fn code(error: &anyhow::Error) -> ExitCode {
    if is_configuration(error) { ExitCode::from(BAD_CONFIGURATION) } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stderr, reason = "there may be no log")]
pub(super) fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("sobjectd: {error:#}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stderr, reason = "there is no log yet")]
pub(super) fn refused(problems: &Problems) -> ExitCode {
    eprintln!("sobjectd: the configuration is refused:\n{problems}");
    ExitCode::from(BAD_CONFIGURATION)
}
