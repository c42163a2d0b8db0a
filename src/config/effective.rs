//! The configuration as it is in force: every key, its value without secrets, and what has set it.

use std::fmt;

use serde::Serialize;
use toml::{Table, Value};

use super::{
    Config, Loaded, Problem, Secret,
    path::{Origin, element, join},
    schema::{Key, Kind, ROOT},
    source::Origins,
};

/// One key that has a value. A secret's literal reads `***`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// `kafka.group_id`, `routes[0].topic`.
    pub key: String,
    pub value: Value,
    pub origin: Origin,
}

/// All settings, and the same as the text of a TOML file whose comments say what has set each.
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
    pub fn effective(&self) -> Effective {
        let mut writer = Writer { origins: &self.origins, settings: Vec::new(), lines: Vec::new() };
        writer.section("", &written(&self.config), ROOT);
        Effective { settings: writer.settings, text: writer.lines.join("\n") }
    }
}

impl Loaded {
    /// Reads every secret that is not a literal where it is now, and says which cannot be.
    pub fn unreadable_secrets(&self) -> Vec<Problem> {
        let references = self.effective().settings.into_iter().filter(|setting| setting.value.is_table());
        let unreadable = references.filter_map(|Setting { key, value, .. }| {
            let error = value.try_into::<Secret>().ok()?.reveal().err()?;
            Some(self.locate(Problem::new(key, error.to_string())))
        });
        unreadable.collect()
    }
}

/// The values of a configuration, as a file would say them.
pub(super) fn written(config: &Config) -> Table {
    // Nothing in the sections' structs has no form in TOML.
    Table::try_from(config).unwrap_or_default()
}

struct Writer<'a> {
    origins: &'a Origins,
    settings: Vec<Setting>,
    lines: Vec<String>,
}

impl Writer<'_> {
    /// The keys of one `[section]`, then the sections below it.
    fn section(&mut self, path: &str, values: &Table, keys: &[Key]) {
        self.keys(path, "", values, &|kind| is_section(kind), keys);
        for key in keys.iter().filter(|key| is_section(&key.kind)) {
            let here = join(path, key.name);
            match (key.kind, values.get(key.name)) {
                (Kind::Table(keys), Some(Value::Table(values))) => {
                    self.header(&format!("[{here}]"));
                    self.section(&here, values, keys);
                }
                (Kind::Tagged { tag, variants }, Some(Value::Table(values))) => {
                    self.header(&format!("[{here}]"));
                    self.tagged(&here, values, tag, variants);
                }
                (Kind::List(Kind::Table(keys)), Some(Value::Array(items))) => {
                    for (index, item) in items.iter().enumerate() {
                        let Value::Table(values) = item else { continue };
                        self.header(&format!("[[{here}]]"));
                        self.keys(&element(&here, index), "", values, &|_| false, keys);
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
            self.keys(path, "", values, &|_| false, keys);
        }
    }

    /// Keys that are written in the section where we are, with `prefix` before their names.
    fn keys(&mut self, path: &str, prefix: &str, values: &Table, elsewhere: &dyn Fn(&Kind) -> bool, keys: &[Key]) {
        for key in keys.iter().filter(|key| !elsewhere(&key.kind)) {
            let (here, name) = (join(path, key.name), join(prefix, key.name));
            match (key.kind, values.get(key.name)) {
                (Kind::Table(keys), Some(Value::Table(values))) => self.keys(&here, &name, values, &|_| false, keys),
                (Kind::Map(_), Some(Value::Table(values))) if !values.is_empty() => {
                    for (entry, value) in values {
                        self.setting(&join(&here, entry), &join(&name, entry), value);
                    }
                }
                (_, Some(value)) => self.setting(&here, &name, value),
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

/// Whether a table has brackets of its own in the file.
fn is_section(kind: &Kind) -> bool {
    matches!(kind, Kind::Table(_) | Kind::Tagged { .. } | Kind::List(Kind::Table(_)))
}
