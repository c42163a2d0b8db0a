//! Loads a [`Config`] from a file and the environment, or returns everything that is wrong with them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::check::Checker;
use super::layers::{self, Layers, Origins};
use super::problem::{Problem, Problems};
use super::{Config, schema, validate};

/// A complete and consistent configuration, and the place where each of its keys was set.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    pub(super) origins: Origins,
}

impl Loaded {
    /// Adds the file and line, or the variable, to a problem that was found later.
    pub fn locate(&self, problem: Problem) -> Problem {
        self.origins.locate(problem)
    }
}

/// Reads the file at `path`, overrides it by `env` (the variables `SOBJECTD__…`), and checks every key and combination.
/// Secrets are read once, to check that they are readable.
///
/// # Errors
///
/// All problems at once, in the order of the file.
pub fn load(path: &Path, env: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, Problems> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::InvalidData => "the file is not UTF-8".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Problems(vec![Problem { file: Some(path.to_owned()), ..Problem::new("", message) }])
    })?;
    load_text(&text, path, env)
}

/// Converts the environment to what [`load`] takes. Bytes that are not UTF-8 become U+FFFD. [`load`] refuses that
/// character in the daemon's own variables, and ignores all other variables.
pub fn variables(env: impl IntoIterator<Item = (OsString, OsString)>) -> impl Iterator<Item = (String, String)> {
    env.into_iter().map(|(name, value)| (lossy(&name), lossy(&value)))
}

fn lossy(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

/// Does what [`load`] does with a text that is already read; `path` only names it in problems.
///
/// # Errors
///
/// As [`load`].
pub fn load_text(text: &str, path: &Path, env: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, Problems> {
    let Layers { values, origins, mut problems } =
        layers::read(text, path, env).map_err(|problem| Problems(vec![problem]))?;
    let mut checker = Checker::new(&origins);
    let table = checker.table("", values, schema::ROOT);
    let mut found = checker.finish();
    let config = match table.try_into::<Config>() {
        Ok(config) => {
            // Of a key with a problem the rules have seen the default: what they say of it is dropped.
            let mut rules = validate::validate(&config, &origins);
            rules.retain(|rule| found.iter().all(|problem| problem.key != rule.key));
            found.extend(rules);
            Some(config)
        }
        Err(error) => {
            found.push(Problem::new("", error.message()));
            None
        }
    };
    problems.extend(found.into_iter().map(|problem| origins.locate(problem)));
    problems.sort_by_key(|problem| (problem.line.is_none(), problem.line));
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, origins }),
        _ => Err(Problems(problems)),
    }
}
