//! The layers of a configuration: the environment overrides the file. [`Origins`] remembers which of them has set a
//! key.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use config::{Environment, Map, Source as _, Value, ValueKind};

use super::document::Document;
use super::path::Origin;
use super::problem::Problem;

const PREFIX: &str = "SOBJECTD";
const SEPARATOR: &str = "__";

/// The place where each key was set. Keys are paths: `kafka.group_id`, `routes[0].topic`.
#[derive(Debug, Clone)]
pub(super) struct Origins {
    file: PathBuf,
    lines: HashMap<String, usize>,
    variables: BTreeMap<String, String>,
}

impl Origins {
    /// Returns the variable that sets exactly this key.
    pub(super) fn variable(&self, key: &str) -> Option<&str> {
        self.variables.get(key).map(String::as_str)
    }

    /// Returns what has set `key`.
    pub(super) fn of(&self, key: &str) -> Origin {
        match (self.variable(key), self.lines.get(key)) {
            (Some(variable), _) => Origin::Environment { variable: variable.to_owned() },
            (None, Some(line)) => Origin::File { path: self.file.clone(), line: *line },
            (None, None) => Origin::Default,
        }
    }

    /// Adds the file and line, or the variable, to a problem. A key without a place of its own gets that of its table.
    pub(super) fn locate(&self, mut problem: Problem) -> Problem {
        let key = problem.key.as_str();
        // A variable that sets a key below this one has made a table of this one, and so has caused its problem.
        if let Some(variable) = self.variable(key).or_else(|| variable_below(&self.variables, key)) {
            problem.variable = Some(variable.to_owned());
            return problem;
        }
        problem.line = with_ancestors(key).find_map(|key| self.lines.get(key).copied());
        problem.file = Some(self.file.clone());
        problem
    }
}

/// Returns a variable that sets a key in the table at `path`, if there is one.
fn variable_below<'a>(variables: &'a BTreeMap<String, String>, path: &str) -> Option<&'a str> {
    let prefix = format!("{path}.");
    let (next_path, variable) = variables.range(prefix.clone()..).next()?;
    next_path.starts_with(&prefix).then_some(variable.as_str())
}

/// Yields a key and the keys around it: `a.b[0].c`, `a.b[0]`, `a.b`, `a`.
fn with_ancestors(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key), |key| key.rfind(['.', '[']).map(|end| &key[..end]))
}

/// The merged values of a file and an environment.
pub(super) struct Layers {
    pub(super) values: Map<String, Value>,
    pub(super) origins: Origins,
    /// Problems of variables that cannot set a key.
    pub(super) problems: Vec<Problem>,
}

/// Parses the text of a file and overrides its values by the environment.
pub(super) fn read(
    text: &str,
    path: &Path,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Layers, Problem> {
    let in_file = |problem: Problem| Problem { file: Some(path.to_owned()), ..problem };
    let Document { values: file_values, lines } = Document::parse(text).map_err(in_file)?;

    let mut problems = Vec::new();
    let mut variables = BTreeMap::new();
    let mut environment = Map::new();
    for (variable, value) in env {
        let Some(key) = key_of(&variable) else { continue };
        if let Some(problem) = variable_problem(&key, &value, variables.get(&key)) {
            problems.push(Problem { variable: Some(variable), ..problem });
        } else {
            variables.insert(key, variable.clone());
            environment.insert(variable, value);
        }
    }
    for (key, variable) in &variables {
        if let Some(other) = variable_below(&variables, key) {
            let problem = Problem::new(key, format!("is a table: {other} sets a key of it"));
            problems.push(Problem { variable: Some(variable.clone()), ..problem });
        }
    }
    let mut merged = Value::new(None, ValueKind::Table(file_values));
    Environment::with_prefix(PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .source(Some(environment))
        .collect_to(&mut merged)
        .map_err(|error| in_file(Problem::new("", error.to_string())))?;
    let ValueKind::Table(values) = merged.kind else { return Err(in_file(Problem::new("", "not a table"))) };
    Ok(Layers { values, origins: Origins { file: path.to_owned(), lines, variables }, problems })
}

/// Tables that the environment cannot set: their keys are not names that a variable could have.
const ONLY_IN_THE_FILE: [&str; 3] = ["routes", "kafka.properties", "kafka.oauth.extensions"];

/// Returns why a variable cannot set `key`, if it cannot. `other` is a variable that sets the key already.
fn variable_problem(key: &str, value: &str, other: Option<&String>) -> Option<Problem> {
    if !key.split('.').all(is_key_name) {
        let hint = "such as SOBJECTD__KAFKA__GROUP_ID for kafka.group_id";
        return Some(Problem::new("", "names no key").hint(hint));
    }
    if ONLY_IN_THE_FILE.iter().any(|table| key == *table || key.starts_with(&format!("{table}."))) {
        let hint = "write it in the file, a secret as { env = \"NAME\" }";
        return Some(Problem::new(key, "cannot be set by the environment").hint(hint));
    }
    if value.contains(char::REPLACEMENT_CHARACTER) {
        return Some(Problem::new(key, "is not UTF-8"));
    }
    other.map(|other| Problem::new(key, format!("is also set by {other}")))
}

/// Whether a part of a variable's name can be a key. The config crate would take others for a path of its own syntax.
fn is_key_name(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Returns the key of a variable as the config crate does: `kafka.group_id` for `SOBJECTD__KAFKA__GROUP_ID`.
fn key_of(variable: &str) -> Option<String> {
    let lower = variable.to_lowercase();
    let rest = lower.strip_prefix(&format!("{PREFIX}{SEPARATOR}").to_lowercase())?;
    // A dot in the variable's name is not a separator.
    Some(rest.replace('.', "\u{fffd}").replace(SEPARATOR, "."))
}
