//! One page: read the command line and the configuration, run, end with the exit code that says how it went.
//!
//! 0 stopped as told · 1 failed while running · 2 bad command line · 78 bad configuration · 143 told to stop twice

use std::process::ExitCode;

use sobjectd::cli;

fn main() -> ExitCode {
    cli::main()
}
