//! The walk over what was written: every unknown, missing or ill-typed key becomes a problem, and what is left is a
//! table that the sections' structs take.
//!
//! Invariant: the table that comes out always deserialises. A key with a problem is left out, so that its default
//! stands in; a required one, a table and a list's element get a stand-in. None reaches anybody: a problem ends the
//! load.

use config::{Map, Value, ValueKind};
use toml::Value as Toml;

use super::path::{element, join};
use super::problem::Problem;
use super::scalar;
use super::schema::{Key, Kind};
use super::source::Origins;

pub(super) struct Checker<'a> {
    origins: &'a Origins,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(origins: &'a Origins) -> Self {
        Self { origins, problems: Vec::new() }
    }

    pub(super) fn finish(self) -> Vec<Problem> {
        self.problems
    }

    /// The keys of `found` that are known and well-formed.
    pub(super) fn table(&mut self, path: &str, mut found: Map<String, Value>, keys: &[Key]) -> toml::Table {
        let mut checked = toml::Table::new();
        for key in keys {
            let here = join(path, key.name);
            let value = match (found.remove(key.name), key.kind) {
                (Some(value), kind) => self.value(&here, value, &kind),
                (None, Kind::Table(keys)) => Some(Toml::Table(self.table(&here, Map::new(), keys))),
                (None, _) => {
                    if key.required {
                        self.missing(&here, &key.kind);
                    }
                    None
                }
            };
            if let Some(value) = value.or_else(|| key.is_needed().then(|| stand_in(&key.kind))) {
                checked.insert(key.name.to_owned(), value);
            }
        }
        let mut unknown: Vec<_> = found.into_keys().collect();
        unknown.sort();
        for name in unknown {
            self.unknown(path, &name, keys);
        }
        checked
    }

    fn value(&mut self, path: &str, value: Value, kind: &Kind) -> Option<Toml> {
        match (*kind, value.kind) {
            (Kind::Table(keys), ValueKind::Table(found)) => Some(Toml::Table(self.table(path, found, keys))),
            (Kind::Tagged { tag, variants }, ValueKind::Table(found)) => self.tagged(path, found, tag, variants),
            (Kind::Map(kind), ValueKind::Table(found)) => {
                let mut found: Vec<_> = found.into_iter().collect();
                found.sort_by(|(a, _), (b, _)| a.cmp(b));
                let checked = found.into_iter().filter_map(|(name, value)| {
                    let value = self.value(&join(path, &name), value, kind)?;
                    Some((name, value))
                });
                Some(Toml::Table(checked.collect()))
            }
            (Kind::List(_), ValueKind::Array(found)) if found.is_empty() && path == "routes" => {
                self.missing(path, kind);
                None
            }
            (Kind::Texts, found @ ValueKind::Array(_)) => {
                self.value(path, Value::new(None, found), &Kind::List(&Kind::Text))
            }
            (Kind::List(kind), ValueKind::Array(found)) => {
                let checked = found.into_iter().enumerate();
                // An element keeps its index, which the rules name.
                let checked = checked
                    .map(|(i, value)| self.value(&element(path, i), value, kind).unwrap_or_else(|| stand_in(kind)));
                Some(Toml::Array(checked.collect()))
            }
            (kind, found) => match scalar::check(&kind, found, self.origins.variable(path).is_some()) {
                Ok(value) => value,
                Err(wrong) => {
                    self.problems.push(Problem { key: path.to_owned(), ..wrong });
                    None
                }
            },
        }
    }

    fn tagged(
        &mut self,
        path: &str,
        found: Map<String, Value>,
        tag: &'static str,
        variants: &[(&'static str, &'static [Key])],
    ) -> Option<Toml> {
        let words: Vec<_> = variants.iter().map(|(word, _)| *word).collect();
        let tag_path = join(path, tag);
        let word = match found.get(tag).map(|value| &value.kind) {
            Some(ValueKind::String(word)) => word.clone(),
            Some(_) => {
                self.problems.push(Problem::new(tag_path, format!("expected {}", scalar::list(&words))));
                return None;
            }
            None => {
                let problem = Problem::new(tag_path, format!("missing; one of {}", scalar::list(&words)));
                self.problems.push(problem);
                return None;
            }
        };
        let Some((_, keys)) = variants.iter().find(|(name, _)| *name == word) else {
            self.problems.push(Problem { key: tag_path, ..scalar::unknown_word(&word, &words) });
            return None;
        };
        let mut rest = found;
        rest.remove(tag);
        let mut checked = self.table(path, rest, keys);
        checked.insert(tag.to_owned(), Toml::String(word));
        Some(Toml::Table(checked))
    }

    fn missing(&mut self, path: &str, kind: &Kind) {
        let problem = Problem::new(path, "missing");
        let hint = match kind {
            Kind::List(_) => "write at least one [[routes]] table",
            Kind::Url => "such as \"https://myorg.my.salesforce.com\"",
            Kind::Secret => "a text, { env = \"NAME\" } or { file = \"/run/secrets/name\" }",
            Kind::Tagged { .. } => "such as { flow = \"client_credentials\", client_id = …, client_secret = … }",
            _ => "it has no default",
        };
        self.problems.push(problem.hint(hint));
    }

    fn unknown(&mut self, path: &str, name: &str, keys: &[Key]) {
        let problem = Problem::new(join(path, name), "unknown key");
        self.problems.push(match scalar::nearest(name, keys.iter().map(|key| key.name)) {
            Some(near) => problem.hint(format!("did you mean {near:?}?")),
            None => {
                problem.hint(format!("known are {}", scalar::list(&keys.iter().map(|k| k.name).collect::<Vec<_>>())))
            }
        });
    }
}

/// The least that a struct takes in the place of a value.
pub(super) fn stand_in(kind: &Kind) -> Toml {
    match kind {
        Kind::Table(keys) => {
            let needed = keys.iter().filter(|key| key.is_needed());
            Toml::Table(needed.map(|key| (key.name.to_owned(), stand_in(&key.kind))).collect())
        }
        Kind::Url => Toml::String("https://missing.invalid".to_owned()),
        Kind::List(_) => Toml::Array(Vec::new()),
        Kind::Tagged { tag, variants: [(word, keys), ..] } => {
            let mut table: toml::Table = keys.iter().map(|key| (key.name.to_owned(), stand_in(&key.kind))).collect();
            table.insert((*tag).to_owned(), Toml::String((*word).to_owned()));
            Toml::Table(table)
        }
        _ => Toml::String(String::new()),
    }
}
