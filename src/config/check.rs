//! Checks the keys of a file and of the environment against the key table. Every unknown, missing or ill-typed key
//! becomes a problem. The rest becomes a TOML table that the sections' structs deserialise from.
//!
//! Invariant: the resulting table always deserialises. A key with a problem is left out, so that its default applies. A
//! required key, a table and an element of a list get a placeholder. No placeholder leaves the loader: any problem
//! fails the load.

use config::{Map, Value, ValueKind};
use toml::Value as Toml;

use super::layers::Origins;
use super::path::{element, join};
use super::problem::Problem;
use super::scalar;
use super::schema::{Key, Kind};

/// Walks the values that were written and collects the problems.
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

    /// Returns the keys of `found` that are known and well-formed, and reports the others.
    pub(super) fn table(&mut self, path: &str, mut found: Map<String, Value>, keys: &[Key]) -> toml::Table {
        let mut checked = toml::Table::new();
        for key in keys {
            let key_path = join(path, key.name);
            let value = match (found.remove(key.name), key.kind) {
                (Some(value), kind) => self.value(&key_path, value, &kind),
                (None, Kind::Table(keys)) => Some(Toml::Table(self.table(&key_path, Map::new(), keys))),
                (None, _) => {
                    if key.required {
                        self.missing(&key_path, &key.kind);
                    }
                    None
                }
            };
            if let Some(value) = value.or_else(|| key.is_needed().then(|| placeholder(&key.kind))) {
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
                let mut entries: Vec<_> = found.into_iter().collect();
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                let mut checked = toml::Table::new();
                for (name, entry) in entries {
                    if let Some(valid) = self.value(&join(path, &name), entry, kind) {
                        checked.insert(name, valid);
                    }
                }
                Some(Toml::Table(checked))
            }
            (Kind::List(_), ValueKind::Array(found)) if found.is_empty() && path == "routes" => {
                self.missing(path, kind);
                None
            }
            (Kind::TextOrTexts, found @ ValueKind::Array(_)) => {
                self.value(path, Value::new(None, found), &Kind::List(&Kind::Text))
            }
            (Kind::List(kind), ValueKind::Array(found)) => {
                let mut checked = Vec::with_capacity(found.len());
                for (index, item) in found.into_iter().enumerate() {
                    // A bad element keeps its place: problems of the rules name elements by their index.
                    let valid = self.value(&element(path, index), item, kind);
                    checked.push(valid.unwrap_or_else(|| placeholder(kind)));
                }
                Some(Toml::Array(checked))
            }
            (kind, found) => match scalar::check(&kind, found, self.origins.variable(path).is_some()) {
                Ok(value) => value,
                Err(problem) => {
                    self.problems.push(Problem { key: path.to_owned(), ..problem });
                    None
                }
            },
        }
    }

    /// Checks a table whose keys depend on the word at `tag`.
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
        let mut other_keys = found;
        other_keys.remove(tag);
        let mut checked = self.table(path, other_keys, keys);
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
        let known: Vec<_> = keys.iter().map(|key| key.name).collect();
        let hint = match scalar::nearest(name, known.iter().copied()) {
            Some(nearest) => format!("did you mean {nearest:?}?"),
            None => format!("known are {}", scalar::list(&known)),
        };
        self.problems.push(Problem::new(join(path, name), "unknown key").hint(hint));
    }
}

/// Returns the smallest value of a kind that its struct deserialises from.
pub(super) fn placeholder(kind: &Kind) -> Toml {
    match kind {
        Kind::Table(keys) => {
            let needed = keys.iter().filter(|key| key.is_needed());
            Toml::Table(needed.map(|key| (key.name.to_owned(), placeholder(&key.kind))).collect())
        }
        Kind::Url => Toml::String("https://missing.invalid".to_owned()),
        Kind::List(_) => Toml::Array(Vec::new()),
        Kind::Tagged { tag, variants: [(word, keys), ..] } => {
            let mut table: toml::Table = keys.iter().map(|key| (key.name.to_owned(), placeholder(&key.kind))).collect();
            table.insert((*tag).to_owned(), Toml::String((*word).to_owned()));
            Toml::Table(table)
        }
        _ => Toml::String(String::new()),
    }
}
