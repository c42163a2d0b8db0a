//! The findings of a check, as a table for people and as JSON for programs.

use std::fmt;

use serde_json::{Value, json};
use strum::IntoStaticStr;

use crate::{
    config::{Loaded, Problem},
    record::Cause,
};

/// The severity of a finding, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Level {
    Ok,
    /// A fact that cannot be checked, and that the operator should know.
    Note,
    /// The configuration works, and may not do what is intended.
    Warning,
    /// The system that should be asked does not answer: the result is unknown.
    Unreachable,
    /// The configuration cannot work.
    Problem,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// The key of the configuration, the result, and how to fix it.
    pub(crate) problem: Problem,
}

impl Finding {
    fn new(level: Level, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level, problem: Problem::new(key, message) }
    }

    pub(crate) fn ok(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Level::Ok, key, message)
    }

    pub(crate) fn note(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Level::Note, key, message)
    }

    pub(crate) fn warning(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Level::Warning, key, message)
    }

    pub(crate) fn unreachable(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Level::Unreachable, key, message)
    }

    /// Creates the finding of an SObject whose description is refused, so that it is not checked.
    pub(crate) fn refused(key: impl Into<String>, sobject: &str, cause: &Cause) -> Self {
        Self::unreachable(key, format!("{sobject} is not checked: its description is refused: {cause}"))
    }

    pub(crate) fn problem(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Level::Problem, key, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem = self.problem.hint(hint);
        self
    }
}

impl Level {
    fn word(self) -> &'static str {
        self.into()
    }
}

/// All findings, each with its place.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Finding>);

impl Report {
    /// Creates a report of the loader's problems.
    pub(crate) fn of_problems(problems: &[Problem]) -> Self {
        Self(problems.iter().map(|problem| Finding { level: Level::Problem, problem: problem.clone() }).collect())
    }

    pub(crate) fn new(loaded: &Loaded, findings: impl IntoIterator<Item = Finding>) -> Self {
        let locate = |finding: Finding| Finding { problem: loaded.locate(finding.problem), ..finding };
        Self(findings.into_iter().map(locate).collect())
    }

    pub(crate) fn worst(&self) -> Level {
        self.0.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    /// Renders `{"result": "ok", "findings": [{"level", "key", "message", "hint", "file", "line", "variable"}]}`.
    pub(crate) fn to_json(&self) -> Value {
        let findings = self.0.iter().map(|finding| {
            let Problem { file, line, variable, key, message, hint } = &finding.problem;
            json!({
                "level": finding.level.word(), "key": key, "message": message, "hint": hint,
                "file": file, "line": line, "variable": variable,
            })
        });
        let result = if self.worst() == Level::Note { Level::Ok } else { self.worst() };
        json!({ "result": result.word(), "findings": findings.collect::<Vec<_>>() })
    }

    /// Renders a coloured table; `anstream` strips the colours when stdout is not a terminal.
    pub(crate) fn table(&self) -> String {
        let width = self.0.iter().map(|finding| finding.problem.key.chars().count()).max().unwrap_or(0);
        let mut lines: Vec<_> = self.0.iter().map(|finding| line(finding, width)).collect();
        let mut counts = Vec::new();
        for level in [Level::Problem, Level::Unreachable, Level::Warning, Level::Note, Level::Ok] {
            let count = self.0.iter().filter(|finding| finding.level == level).count();
            if count > 0 {
                counts.push(format!("{}: {count}", level.word()));
            }
        }
        lines.push(format!("\n{}", counts.join(", ")));
        lines.join("\n")
    }
}

/// Renders `problem  routes[0].topic  crm.contacts does not exist (sobjectd.toml:30)`, with its hint on the next line.
fn line(Finding { level, problem }: &Finding, width: usize) -> String {
    let (bold, reset) = (level.style().render(), level.style().render_reset());
    let place = match (&problem.variable, &problem.file, problem.line) {
        _ if *level == Level::Ok => String::new(),
        (Some(variable), ..) => format!(" ({variable})"),
        (None, Some(file), Some(line)) => format!(" ({}:{line})", file.display()),
        (None, Some(file), None) => format!(" ({})", file.display()),
        (None, None, _) => String::new(),
    };
    let first = format!("{bold}{:<12}{reset}{:<width$}  {}{place}", level.word(), problem.key, problem.message);
    match &problem.hint {
        Some(hint) => format!("{first}\n{:14}{:width$}{hint}", "", ""),
        None => first,
    }
}

impl Level {
    fn style(self) -> anstyle::Style {
        use anstyle::AnsiColor::{Blue, Green, Magenta, Red, Yellow};
        let colour = match self {
            Self::Ok => Green,
            Self::Note => Blue,
            Self::Warning => Yellow,
            Self::Unreachable => Magenta,
            Self::Problem => Red,
        };
        colour.on_default()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}
