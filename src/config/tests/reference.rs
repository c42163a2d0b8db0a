//! `docs/configuration.md` has one table for each section, generated from the key table and the defaults.
//! `UPDATE_DOCS=1 cargo test --lib reference` writes them again; it fails once and says so.

use std::{collections::BTreeMap, path::Path};

use super::{LEAST, text, try_load};
use crate::config::{
    json_schema,
    json_schema::defaults,
    path::join,
    schema::{Key, Kind, ROOT},
};

/// The rows of each section's table: key, default, meaning.
type Tables = Vec<(String, Vec<[String; 3]>)>;

fn tables() -> Tables {
    let mut tables = vec![(String::new(), Vec::new())];
    section("", ROOT, &defaults(), &mut tables);
    tables.retain(|(_, rows)| !rows.is_empty());
    tables
}

fn section(path: &str, keys: &[Key], defaults: &toml::Table, tables: &mut Tables) {
    let here = tables.len() - 1;
    for key in keys {
        let (path, default) = (join(path, key.name), defaults.get(key.name));
        match key.kind {
            Kind::Table(keys) => {
                tables.push((path.clone(), Vec::new()));
                section(&path, keys, default.and_then(toml::Value::as_table).unwrap(), tables);
            }
            Kind::Tagged { tag, variants } => {
                let words: Vec<_> = variants.iter().map(|(word, _)| format!("`{word:?}`")).collect();
                let mut rows = vec![[tag.to_owned(), "required".to_owned(), words.join(", ")]];
                for key in variants.iter().flat_map(|(_, keys)| *keys) {
                    if rows.iter().all(|[name, ..]| name != key.name) {
                        rows.push(row(key.name, key, None));
                    }
                }
                tables.push((path, rows));
            }
            Kind::List(Kind::Table(keys)) => {
                let mut rows = Vec::new();
                route("", keys, default.unwrap()[0].as_table().unwrap(), &mut rows);
                tables.push((path, rows));
            }
            _ => tables[here].1.push(row(key.name, key, default)),
        }
    }
}

/// Collects the rows of a route. The keys of its tables are written with dots.
fn route(prefix: &str, keys: &[Key], defaults: &toml::Table, rows: &mut Vec<[String; 3]>) {
    for key in keys {
        let (name, default) = (join(prefix, key.name), defaults.get(key.name));
        match key.kind {
            Kind::Table(keys) => route(&name, keys, default.unwrap().as_table().unwrap(), rows),
            _ => rows.push(row(&name, key, default)),
        }
    }
}

fn row(name: &str, key: &Key, default: Option<&toml::Value>) -> [String; 3] {
    let default = match default {
        Some(default) => format!("`{default}`"),
        None if key.required => "required".to_owned(),
        None => "–".to_owned(),
    };
    [name.to_owned(), default, key.meaning.to_owned()]
}

/// Returns the page with up-to-date tables.
fn page(text: &str) -> String {
    let mut tables: BTreeMap<_, _> = tables().into_iter().collect();
    let (mut page, mut current, mut skipping) = (String::new(), String::new(), false);
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            current = heading.split('`').nth(1).unwrap_or_default().trim_matches(['[', ']']).to_owned();
        }
        let is_row = line.starts_with('|');
        if is_row && !skipping && line.starts_with("| key |") {
            page.push_str("| key | default | meaning |\n|---|---|---|\n");
            let rows =
                tables.remove(&current).unwrap_or_else(|| panic!("no section [{current}], or it has two tables"));
            page.extend(rows.iter().map(|[name, default, meaning]| {
                // A bar ends a cell, in code too (GitHub Flavored Markdown, "Tables").
                let [default, meaning] = [default, meaning].map(|cell| cell.replace('|', r"\|"));
                format!("| `{name}` | {default} | {meaning} |\n")
            }));
            skipping = true;
        }
        skipping &= is_row;
        if !skipping {
            page.push_str(line);
            page.push('\n');
        }
    }
    assert!(tables.is_empty(), "docs/configuration.md has no table for {:?}", tables.keys());
    page
}

/// Asserts that a file of the project has the wanted content, or writes it with `UPDATE_DOCS`.
fn assert_up_to_date(name: &str, wanted: impl FnOnce(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let wanted = wanted(&found);
    if found != wanted && std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert!(found == wanted, "{name} is out of date: UPDATE_DOCS=1 cargo test --lib reference writes it");
}

#[test]
fn the_reference_page_has_every_key_its_default_and_its_meaning() {
    assert_up_to_date("docs/configuration.md", page);
}

#[test]
fn the_shipped_json_schema_is_up_to_date() {
    let schema = serde_json::to_string_pretty(&json_schema()).unwrap();
    assert_up_to_date("docs/configuration.schema.json", |_| format!("{schema}\n"));
}

/// The placeholders of required keys must not have changed the defaults of the others.
#[test]
fn a_file_that_writes_all_defaults_is_the_same_as_one_without_them() {
    let mut lines = Vec::new();
    for (section, rows) in tables() {
        for [name, default, _] in rows {
            if let Some(default) = default.strip_prefix('`').and_then(|default| default.strip_suffix('`')) {
                lines.push((section.clone(), format!("{name} = {default}")));
            }
        }
    }
    assert!(lines.len() > 40, "{lines:?}");
    let lines: Vec<_> = lines.iter().map(|(section, line)| (section.as_str(), line.as_str())).collect();
    let with_defaults = try_load(&text(&lines), &[]).unwrap();
    assert_eq!(format!("{with_defaults:#?}"), format!("{:#?}", try_load(LEAST, &[]).unwrap()));
}
