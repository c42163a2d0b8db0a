//! `sobjectd check`: prints the findings to stdout, also if they are problems.

use std::{path::Path, process::ExitCode};

use super::{
    outcome::{BAD_CONFIGURATION, failed, load},
    show,
};
use crate::check::{self, Finding, Level, Report};

pub(super) async fn run(file: &Path, online: bool, json: bool) -> ExitCode {
    let report = match load(file) {
        Err(problems) => Report::of_problems(&problems.0),
        Ok(loaded) => {
            let routes = match loaded.config.routes.len() {
                1 => "1 route".to_owned(),
                count => format!("{count} routes"),
            };
            let mut findings = vec![Finding::ok("", format!("{}: the file is valid, with {routes}", file.display()))];
            if online {
                match check::online(&loaded).await {
                    Ok(found) => findings.extend(found),
                    Err(error) => findings.push(Finding::problem("", format!("{error:#}"))),
                }
            }
            Report::new(&loaded, findings)
        }
    };
    let text = if json { serde_json::to_string_pretty(&report.to_json()) } else { Ok(report.table()) };
    let printed = text.map_err(Into::into).and_then(|text| show::print(&text));
    match (printed, report.worst()) {
        (Err(error), _) => failed(&error),
        (Ok(()), Level::Ok | Level::Note | Level::Warning) => ExitCode::SUCCESS,
        (Ok(()), Level::Unreachable) => ExitCode::FAILURE,
        (Ok(()), Level::Problem) => ExitCode::from(BAD_CONFIGURATION),
    }
}
