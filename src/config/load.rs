//! From a path and an environment to a [`Config`], or to everything that is wrong with them.

use std::ffi::OsString;
use std::path::Path;

use super::check::Checker;
use super::problem::{Problem, Problems};
use super::source::{self, Layers, Origins};
use super::{Config, schema, validate};

/// A configuration that is whole and consistent, and where each of its keys was set.
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

/// Reads the file at `path`, lays `env` (the variables `SOBJECTD__…`) over it, and checks every key and combination.
/// Secrets are read once, to see that they can be.
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

/// An environment as [`load`] takes it. Bytes that are not UTF-8 become U+FFFD, which [`load`] refuses in a variable of
/// ours; a variable of anybody else's may hold what it likes.
pub fn variables(env: impl IntoIterator<Item = (OsString, OsString)>) -> impl Iterator<Item = (String, String)> {
    let text = |bytes: OsString| bytes.to_string_lossy().into_owned();
    env.into_iter().map(move |(name, value)| (text(name), text(value)))
}

/// [`load`] of a text that is already read; `path` only names it in problems.
pub fn load_text(text: &str, path: &Path, env: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, Problems> {
    let Layers { values, origins, mut problems } =
        source::layers(text, path, env).map_err(|problem| Problems(vec![problem]))?;
    let mut walk = Checker::new(&origins);
    let checked = walk.table("", values, schema::ROOT);
    let mut found = walk.finish();
    let config = match checked.try_into::<Config>() {
        Ok(config) => {
            // Where a value is wrong in itself, a rule has looked at its default.
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
