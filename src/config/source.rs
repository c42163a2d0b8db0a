//! The file and the environment laid over each other, and the memory of which of them says what.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use config::{Environment, File, FileFormat, Map, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use super::problem::Problem;

const PREFIX: &str = "SOBJECTD";
const SEPARATOR: &str = "__";

/// Where each key comes from. Keys are paths: `kafka.group_id`, `routes[0].topic`.
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

    /// Adds the place to a problem. Without a place of its own a key has that of the table around it.
    pub(super) fn locate(&self, mut problem: Problem) -> Problem {
        let key = problem.key.as_str();
        let inside = format!("{key}.");
        if let Some(variable) = self.variable(key) {
            problem.variable = Some(variable.to_owned());
            return problem;
        }
        problem.line = self.lines.get(key).copied();
        if problem.line.is_none() {
            let below = self.variables.range(inside.clone()..).next().filter(|(path, _)| path.starts_with(&inside));
            if let Some((_, variable)) = below {
                problem.variable = Some(variable.clone());
                return problem;
            }
            problem.line = ancestors(key).find_map(|above| self.lines.get(above).copied());
        }
        problem.file = Some(self.file.clone());
        problem
    }
}

/// `a.b[0].c` → `a.b[0]`, `a.b`, `a`.
fn ancestors(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key), |key| key.rfind(['.', '[']).map(|end| &key[..end])).skip(1)
}

/// The path of `name` in the table at `parent`.
pub(super) fn join(parent: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    match (parent, bare) {
        ("", true) => name.to_owned(),
        ("", false) => format!("{name:?}"),
        (_, true) => format!("{parent}.{name}"),
        (_, false) => format!("{parent}.{name:?}"),
    }
}

/// The path of the element `index` of the list at `parent`.
pub(super) fn element(parent: &str, index: usize) -> String {
    format!("{parent}[{index}]")
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
    let at_file = |message: String| Problem { file: Some(path.to_owned()), ..Problem::new("", message) };
    let document = DeTable::parse(text).map_err(|error| {
        // The error's own Display quotes the line, which may hold a secret.
        let start = error.span().map_or(0, |span| span.start);
        let (line, column) = position(text, start);
        let message = format!("column {column}: {}", error.message().replace('\n', ", "));
        Problem { line: Some(line), ..at_file(message) }
    })?;
    let mut lines = HashMap::new();
    remember_table(text, "", document.get_ref(), &mut lines);

    let mut problems = Vec::new();
    let mut variables = BTreeMap::new();
    let mut environment = Map::new();
    for (variable, value) in env {
        let Some(path) = key_of(&variable) else { continue };
        if path == "routes" || path.starts_with("routes.") || path.starts_with("kafka.properties") {
            let problem = Problem::new(path, "cannot be set by the environment")
                .hint("write it in the file, a secret as { env = \"NAME\" }");
            problems.push(Problem { variable: Some(variable), ..problem });
            continue;
        }
        if value.contains(char::REPLACEMENT_CHARACTER) {
            problems.push(Problem { variable: Some(variable), ..Problem::new(path, "is not UTF-8") });
            continue;
        }
        variables.insert(path, variable.clone());
        environment.insert(variable, value);
    }

    let merged = config::Config::builder()
        .add_source(File::from_str(text, FileFormat::Toml))
        .add_source(
            Environment::with_prefix(PREFIX).prefix_separator(SEPARATOR).separator(SEPARATOR).source(Some(environment)),
        )
        .build()
        .map_err(|error| at_file(error.to_string()))?;
    let ValueKind::Table(values) = merged.cache.kind else { return Err(at_file("not a table".to_owned())) };
    Ok(Layers { values, origins: Origins { file: path.to_owned(), lines, variables }, problems })
}

/// `SOBJECTD__KAFKA__GROUP_ID` → `kafka.group_id`, as the config crate reads it.
fn key_of(variable: &str) -> Option<String> {
    let lower = variable.to_lowercase();
    let rest = lower.strip_prefix(&format!("{PREFIX}{SEPARATOR}").to_lowercase())?;
    Some(rest.replace(SEPARATOR, "."))
}

fn remember_table(text: &str, parent: &str, table: &DeTable<'_>, lines: &mut HashMap<String, usize>) {
    for (name, value) in table {
        let path = join(parent, name.get_ref());
        lines.insert(path.clone(), position(text, name.span().start).0);
        remember_value(text, &path, value.get_ref(), lines);
    }
}

fn remember_value(text: &str, path: &str, value: &DeValue<'_>, lines: &mut HashMap<String, usize>) {
    match value {
        DeValue::Table(table) => remember_table(text, path, table, lines),
        DeValue::Array(array) => {
            for (index, item) in array.iter().enumerate() {
                let path = element(path, index);
                lines.insert(path.clone(), position(text, item.span().start).0);
                remember_value(text, &path, item.get_ref(), lines);
            }
        }
        _ => {}
    }
}

/// Line and column, both from 1, of a byte of the text.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..byte.min(text.len())];
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
    let line = before.split(|&b| b == b'\n').count();
    (line, String::from_utf8_lossy(&before[line_start..]).chars().count() + 1)
}
