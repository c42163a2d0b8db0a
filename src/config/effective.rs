//! The effective configuration: every key, its value without secrets, and what has set it.

use std::fmt;

use serde::Serialize;
use toml::{Table, Value};

use super::{
    Config, Loaded, Problem, Secret,
    layers::Origins,
    path::{Origin, element, join},
    schema::{Key, Kind, ROOT},
};

/// One key that has a value. The literal of a secret reads `***`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Path of the key, such as `kafka.group_id` or `routes[0].topic`.
    pub key: String,
    pub value: Value,
    pub origin: Origin,
}

/// All settings. Its `Display` is a TOML file whose comments say what has set each key.
#[derive(Debug)]
pub struct Effective {
    pub settings: Vec<Setting>,
    text: String,
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Loaded {
    /// Lists every key that has a value, with what has set it.
    pub fn effective(&self) -> Effective {
        let mut writer = Writer { origins: &self.origins, settings: Vec::new(), lines: Vec::new() };
        writer.section("", &to_toml(&self.config), ROOT);
        Effective { settings: writer.settings, text: writer.lines.join("\n") }
    }

    /// Reads again every secret that is in a variable or a file, and returns a problem for each that cannot be read.
    pub fn unreadable_secrets(&self) -> Vec<Problem> {
        let references = self.effective().settings.into_iter().filter(|setting| setting.value.is_table());
        let unreadable = references.filter_map(|Setting { key, value, .. }| {
            let error = value.try_into::<Secret>().ok()?.reveal().err()?;
            Some(self.locate(Problem::new(key, error.to_string())))
        });
        unreadable.collect()
    }
}

/// Returns a configuration as the TOML table of a file.
pub(super) fn to_toml(config: &Config) -> Table {
    // Every type in the sections' structs has a form in TOML, so that this does not fail.
    Table::try_from(config).unwrap_or_default()
}

struct Writer<'a> {
    origins: &'a Origins,
    settings: Vec<Setting>,
    lines: Vec<String>,
}

impl Writer<'_> {
    /// Writes the keys of one `[section]`, then the sections below it.
    fn section(&mut self, path: &str, values: &Table, keys: &[Key]) {
        let (sections, plain): (Vec<&Key>, Vec<&Key>) = keys.iter().partition(|key| is_section(&key.kind));
        self.keys(path, "", values, plain);
        for key in sections {
            let key_path = join(path, key.name);
            match (key.kind, values.get(key.name)) {
                (Kind::Table(keys), Some(Value::Table(values))) => {
                    self.header(&format!("[{key_path}]"));
                    self.section(&key_path, values, keys);
                }
                (Kind::Tagged { tag, variants }, Some(Value::Table(values))) => {
                    self.header(&format!("[{key_path}]"));
                    self.tagged(&key_path, values, tag, variants);
                }
                (Kind::List(Kind::Table(keys)), Some(Value::Array(items))) => {
                    for (index, item) in items.iter().enumerate() {
                        let Value::Table(values) = item else { continue };
                        self.header(&format!("[[{key_path}]]"));
                        self.keys(&element(&key_path, index), "", values, *keys);
                    }
                }
                _ => {}
            }
        }
    }

    fn tagged(&mut self, path: &str, values: &Table, tag: &str, variants: &[(&str, &[Key])]) {
        let Some(word) = values.get(tag) else { return };
        self.setting(&join(path, tag), tag, word);
        if let Some((_, keys)) = variants.iter().find(|(name, _)| word.as_str() == Some(name)) {
            self.keys(path, "", values, *keys);
        }
    }

    /// Writes keys into the current section, with `prefix` before their names.
    fn keys<'k>(&mut self, path: &str, prefix: &str, values: &Table, keys: impl IntoIterator<Item = &'k Key>) {
        for key in keys {
            let (key_path, name) = (join(path, key.name), join(prefix, key.name));
            match (key.kind, values.get(key.name)) {
                (Kind::Table(keys), Some(Value::Table(values))) => {
                    self.keys(&key_path, &name, values, keys);
                }
                (Kind::Map(_), Some(Value::Table(values))) if !values.is_empty() => {
                    for (entry, value) in values {
                        self.setting(&join(&key_path, entry), &join(&name, entry), value);
                    }
                }
                (_, Some(value)) => self.setting(&key_path, &name, value),
                (_, None) => {}
            }
        }
    }

    fn header(&mut self, header: &str) {
        self.lines.extend([String::new(), header.to_owned()]);
    }

    fn setting(&mut self, key: &str, name: &str, value: &Value) {
        let origin = self.origins.of(key);
        let line = format!("{name} = {value}");
        self.lines.push(format!("{line:<56} # {origin}"));
        self.settings.push(Setting { key: key.to_owned(), value: value.clone(), origin });
    }
}

/// Whether a key is a `[section]` of its own in the file.
fn is_section(kind: &Kind) -> bool {
    matches!(kind, Kind::Table(_) | Kind::Tagged { .. } | Kind::List(Kind::Table(_)))
}
