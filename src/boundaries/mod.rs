//! Holds the layout of `src`: which folder may name which other one, where a client's crate may be named, and which
//! files may import each other. docs/architecture.md says what each folder is for.

mod graph;
mod snippets;
mod source;

use std::{fs, path::Path};

use self::{
    graph::Graph,
    source::{ModulePath, SourceFile},
};

/// The modules of the project that the files below a module may name beside that module itself. The longest entry
/// counts.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("mutation", &[]),
    ("record", &["mutation"]),
    ("config", &["record"]),
    ("runtime", &["config", "mutation"]),
    ("dead_letter", &["record"]),
    ("format", &["config", "record"]),
    ("format::registry", &["config", "format", "record", "runtime"]),
    ("ops", &["config", "record", "runtime"]),
    ("kafka", &["config", "mutation", "record", "runtime"]),
    ("salesforce", &["config", "mutation", "record", "runtime"]),
    ("sink", &["config", "dead_letter", "format", "mutation", "ops", "record", "runtime"]),
    ("source", &["config", "dead_letter", "format", "mutation", "ops", "record", "runtime"]),
    ("api_call", &["config", "dead_letter", "mutation", "ops", "record", "runtime"]),
    ("sink::route", &["config", "format", "mutation", "record"]),
    ("check", &["config", "dead_letter", "format", "kafka", "ops", "record", "runtime", "salesforce", "sink"]),
    (
        "daemon",
        &[
            "api_call",
            "check",
            "config",
            "dead_letter",
            "format",
            "kafka",
            "mutation",
            "ops",
            "record",
            "runtime",
            "salesforce",
            "sink",
            "source",
        ],
    ),
    ("dev", &["cli", "config", "daemon", "ops", "record"]),
    ("cli", &["check", "config", "daemon", "dev", "format", "kafka", "ops", "record", "runtime", "salesforce", "sink"]),
];

/// The only places that may name a crate.
const NAMED_IN: &[(&str, &[&str])] = &[
    ("rdkafka", &["kafka"]),
    ("kafka_ffi", &["kafka"]),
    ("reqwest", &["salesforce", "format::registry", "kafka::client::oidc", "runtime::http_client"]),
    ("tonic", &["salesforce"]),
];

/// Modules that are pure, and the crates that they do not name, but for the exceptions.
const PURE: &[&str] = &["record", "dead_letter", "format", "sink::order", "sink::route"];
const IMPURE: &[&str] = &["tokio", "tokio_util", "futures"];
const PURE_BUT_FOR: &[&str] = &["format::registry"];

/// Breaches that are still to be fixed: a module, and what it names.
const KNOWN_BREACHES: &[(&str, &str)] = &[];

/// The files that may import each other: librdkafka's rebalance callback owns all three.
const CIRCLES: &[&[&str]] =
    &[&["kafka::consumer::lost_offsets", "kafka::consumer::partition", "kafka::consumer::rebalance"]];

/// The folders in which files still import each other in circles.
const KNOWN_CIRCLES_IN: &[&str] = &[];

fn tree() -> Graph {
    fn read(folder: &Path, root: &Path, files: &mut Vec<SourceFile>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, root, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("src/main.rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                files.push(SourceFile::parse(name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    read(&root, &root, &mut files);
    Graph::new(files)
}

fn is_in(module: &[String], folder: &str) -> bool {
    module.starts_with(&module_path(folder))
}

fn module_path(text: &str) -> ModulePath {
    text.split("::").map(str::to_owned).collect()
}

/// The breaches of a file: its module, and what it must not name.
fn breaches(file: &SourceFile) -> Vec<(String, String)> {
    let module = &file.module;
    let mut breaches = Vec::new();
    if !module.is_empty() {
        let rules = MAY_NAME.iter().filter(|(folder, _)| is_in(module, folder));
        let rule = rules.max_by_key(|(folder, _)| folder.len());
        let (folder, may_name) = rule.unwrap_or_else(|| panic!("no rule for {}", module.join("::")));
        for import in &file.imports {
            let is_allowed = is_in(&import.path, folder) || may_name.iter().any(|other| is_in(&import.path, other));
            let is_project = MAY_NAME.iter().any(|(other, _)| is_in(&import.path, other));
            if is_project && !is_allowed {
                breaches.push(import.path.join("::"));
            }
            // What is named by way of the root would not be seen.
            if import.path.is_empty() && import.name.is_some() {
                breaches.push("crate".to_owned());
            }
        }
    }
    for root in &file.roots {
        let places = NAMED_IN.iter().find(|(name, _)| name == root).map(|(_, places)| places);
        let is_misplaced = places.is_some_and(|places| !places.iter().any(|place| is_in(module, place)));
        let is_pure = PURE.iter().any(|pure| is_in(module, pure)) && !PURE_BUT_FOR.iter().any(|but| is_in(module, but));
        if is_misplaced || (is_pure && IMPURE.contains(&root.as_str())) {
            breaches.push(root.clone());
        }
    }
    breaches.sort();
    breaches.dedup();
    breaches.into_iter().map(|named| (module.join("::"), named)).collect()
}

#[test]
fn every_folder_names_only_what_the_layout_allows() {
    let graph = tree();
    assert!(graph.files().count() > 100, "the files are found");
    let found: Vec<_> = graph.files().flat_map(breaches).collect();
    let known: Vec<_> =
        KNOWN_BREACHES.iter().map(|(module, named)| ((*module).to_owned(), (*named).to_owned())).collect();
    let new: Vec<_> = found.iter().filter(|breach| !known.contains(breach)).collect();
    let fixed: Vec<_> = known.iter().filter(|breach| !found.contains(breach)).collect();
    assert!(new.is_empty(), "these modules name what the layout does not allow: {new:#?}");
    assert!(fixed.is_empty(), "fixed, to be removed from KNOWN_BREACHES: {fixed:#?}");
}

#[test]
fn only_the_listed_files_import_each_other() {
    /// The folder with the longest name of `KNOWN_CIRCLES_IN` that has the whole circle.
    fn known_folder(circle: &[String]) -> Option<&'static str> {
        let has_all = |folder: &&&str| circle.iter().all(|module| is_in(&module_path(module), folder));
        KNOWN_CIRCLES_IN.iter().filter(has_all).max_by_key(|folder| folder.len()).copied()
    }
    let circles = tree().circles();
    let new: Vec<_> = circles
        .iter()
        .filter(|circle| !CIRCLES.contains(&&refs(circle)[..]) && known_folder(circle).is_none())
        .collect();
    assert!(new.is_empty(), "these files import each other: {new:#?}");
    let is_gone = |folder: &&&str| !circles.iter().any(|circle| known_folder(circle) == Some(**folder));
    let fixed: Vec<_> = KNOWN_CIRCLES_IN.iter().filter(is_gone).collect();
    assert!(fixed.is_empty(), "fixed, to be removed from KNOWN_CIRCLES_IN: {fixed:#?}");
}

fn refs(circle: &[String]) -> Vec<&str> {
    circle.iter().map(String::as_str).collect()
}
