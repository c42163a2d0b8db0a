//! The file and the environment laid over each other, and the memory of which of them says what.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use config::{Environment, Map, Source as _, Value, ValueKind};

use super::document::Document;
use super::path::Origin;
use super::problem::Problem;

const PREFIX: &str = "SOBJECTD";
const SEPARATOR: &str = "__";

/// Where each key comes from. Keys are paths: `kafka.group_id`, `routes[0].topic`.
#[derive(Debug, Clone)]
pub(super) struct Origins {
    file: PathBuf,
    lines: HashMap<String, usize>,
    variables: BTreeMap<String, String>,
}

impl Origins {
    /// The variable that sets exactly this key.
    pub(super) fn variable(&self, key: &str) -> Option<&str> {
        self.variables.get(key).map(String::as_str)
    }

    /// What has set `key`.
    pub(super) fn of(&self, key: &str) -> Origin {
        match (self.variable(key), self.lines.get(key)) {
            (Some(variable), _) => Origin::Environment { variable: variable.to_owned() },
            (None, Some(line)) => Origin::File { path: self.file.clone(), line: *line },
            (None, None) => Origin::Default,
        }
    }

    /// Adds the place to a problem. Without a place of its own a key has that of the table around it.
    pub(super) fn locate(&self, mut problem: Problem) -> Problem {
        let key = problem.key.as_str();
        // A variable below a key has made a table of it: where that is wrong, it is the variable's doing.
        let inside = format!("{key}.");
        let below = || self.variables.range(inside.clone()..).next().filter(|(path, _)| path.starts_with(&inside));
        if let Some(variable) = self.variable(key).or_else(|| below().map(|(_, variable)| variable.as_str())) {
            problem.variable = Some(variable.to_owned());
            return problem;
        }
        problem.line = with_ancestors(key).find_map(|key| self.lines.get(key).copied());
        problem.file = Some(self.file.clone());
        problem
    }
}

/// `a.b[0].c` → itself, `a.b[0]`, `a.b`, `a`.
fn with_ancestors(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key), |key| key.rfind(['.', '[']).map(|end| &key[..end]))
}

/// A file and an environment that could be read.
pub(super) struct Layers {
    pub(super) values: Map<String, Value>,
    pub(super) origins: Origins,
    /// Variables that cannot set anything.
    pub(super) problems: Vec<Problem>,
}

/// Lays the environment over the text of a file.
pub(super) fn layers(
    text: &str,
    path: &Path,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Layers, Problem> {
    let at_file = |problem: Problem| Problem { file: Some(path.to_owned()), ..problem };
    let Document { values, lines } = Document::parse(text).map_err(at_file)?;

    let mut problems = Vec::new();
    let mut variables = BTreeMap::new();
    let mut environment = Map::new();
    for (variable, value) in env {
        let Some(path) = key_of(&variable) else { continue };
        if let Some(problem) = refused(&path, &value, variables.get(&path)) {
            problems.push(Problem { variable: Some(variable), ..problem });
        } else {
            variables.insert(path, variable.clone());
            environment.insert(variable, value);
        }
    }
    for (path, variable) in &variables {
        let inside = format!("{path}.");
        if let Some((_, below)) =
            variables.range(inside.clone()..).next().filter(|(below, _)| below.starts_with(&inside))
        {
            let problem = Problem::new(path, format!("is a table: {below} sets a key of it"));
            problems.push(Problem { variable: Some(variable.clone()), ..problem });
        }
    }
    let mut values = Value::new(None, ValueKind::Table(values));
    Environment::with_prefix(PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .source(Some(environment))
        .collect_to(&mut values)
        .map_err(|error| at_file(Problem::new("", error.to_string())))?;
    let ValueKind::Table(values) = values.kind else { return Err(at_file(Problem::new("", "not a table"))) };
    Ok(Layers { values, origins: Origins { file: path.to_owned(), lines, variables }, problems })
}

/// Why a variable cannot set `path`, if it cannot. `twin` is a variable that sets it already.
fn refused(path: &str, value: &str, twin: Option<&String>) -> Option<Problem> {
    let inside = |table: &str| path.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    // What the config crate would take for a path of its own kind, or for none.
    let odd = |name: &str| name.is_empty() || name.contains(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c));
    if path.split('.').any(odd) {
        let hint = "such as SOBJECTD__KAFKA__GROUP_ID for kafka.group_id";
        return Some(Problem::new("", "names no key").hint(hint));
    }
    if inside("routes") || inside("kafka.properties") || inside("kafka.oauth.extensions") {
        let hint = "write it in the file, a secret as { env = \"NAME\" }";
        return Some(Problem::new(path, "cannot be set by the environment").hint(hint));
    }
    if value.contains(char::REPLACEMENT_CHARACTER) {
        return Some(Problem::new(path, "is not UTF-8"));
    }
    twin.map(|twin| Problem::new(path, format!("is also set by {twin}")))
}

/// `SOBJECTD__KAFKA__GROUP_ID` → `kafka.group_id`, as the config crate reads it.
fn key_of(variable: &str) -> Option<String> {
    let lower = variable.to_lowercase();
    let rest = lower.strip_prefix(&format!("{PREFIX}{SEPARATOR}").to_lowercase())?;
    // A dot of the variable's own is no separator.
    Some(rest.replace('.', "\u{fffd}").replace(SEPARATOR, "."))
}
