//! Each WARN and each ERROR of the source has an event, and docs/operations.md has each event once, with its levels.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A macro that logs, as the source has it.
#[derive(Debug, PartialEq, Eq)]
struct Logging<'a> {
    level: &'static str,
    /// The literal of its first field, if that is `event`.
    event: Option<&'a str>,
    /// Its first line, for a report.
    begin: &'a str,
}

/// All macros in a file's text that log at INFO or above, also those of several lines and those with a path.
fn loggings(text: &str) -> Vec<Logging<'_>> {
    let mut found = Vec::new();
    for (name, level) in [("error!", "ERROR"), ("warn!", "WARN"), ("info!", "INFO"), ("event!", "any level")] {
        for (at, _) in text.match_indices(name).filter(|(at, _)| is_code(&text[..*at])) {
            let invocation = text[at + name.len()..].trim_start();
            let arguments = invocation.trim_start_matches(['(', '[', '{']).trim_start();
            let event = arguments.strip_prefix("event = \"").and_then(|rest| rest.split_once('"'));
            let begin = text[at..].split_inclusive('\n').next().unwrap_or_default();
            found.push(Logging { level, event: event.map(|(event, _)| event), begin });
        }
    }
    found
}

/// Whether what follows is a name that begins here, and is not in a comment.
fn is_code(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    !line.trim_start().starts_with("//") && !line.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

type Levels = BTreeSet<String>;

/// The events of all files below a folder and the levels of each, and the macros that must have an event and do not.
fn scan(folder: &Path, events: &mut BTreeMap<String, Levels>, without: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scan(&path, events, without);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for Logging { level, event, begin } in loggings(&fs::read_to_string(&path).unwrap()) {
                match event {
                    Some(event) => drop(events.entry(event.to_owned()).or_default().insert(level.to_owned())),
                    None if level == "INFO" => {}
                    None => without.push(format!("{}: {begin}", path.display())),
                }
            }
        }
    }
}

/// The events in the first cells of a section's tables, and the levels in the second ones.
fn documented(text: &str, section: &str) -> Vec<(String, Levels)> {
    let (_, text) = text.split_once(&format!("\n## {section}\n")).expect("the section");
    let rows = text.split("\n## ").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| {
        let (events, rest) = row.split_once("` | ").expect("a second cell");
        let levels = rest.split(" | ").next().unwrap().split(", ").map(str::to_owned).collect::<Levels>();
        events.split("`, `").map(move |event| (event.to_owned(), levels.clone()))
    })
    .collect()
}

#[test]
fn every_warning_and_error_has_an_event_and_every_event_is_documented_once() {
    let (mut logged, mut without) = (BTreeMap::new(), Vec::new());
    scan(&Path::new(ROOT).join("src"), &mut logged, &mut without);
    assert!(without.is_empty(), "the first field is not `event = \"…\"`: {without:#?}");
    assert!(logged.len() > 60, "the scan finds what there is: {logged:#?}");
    let is_snake_case = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    assert!(logged.keys().all(|name| is_snake_case(name)), "{:?}", logged.keys());

    let operations = fs::read_to_string(format!("{ROOT}/docs/operations.md")).unwrap();
    let rows = documented(&operations, "Messages");
    let table: BTreeMap<_, _> = rows.iter().cloned().collect();
    let twice: Vec<_> =
        rows.iter().filter(|(event, _)| rows.iter().filter(|row| row.0 == *event).count() > 1).collect();
    let missing: Vec<_> = logged.iter().filter(|(event, levels)| table.get(*event) != Some(levels)).collect();
    let stale: Vec<_> = table.iter().filter(|(event, _)| !logged.contains_key(*event)).collect();
    assert!(
        twice.is_empty() && missing.is_empty() && stale.is_empty(),
        "docs/operations.md lacks {missing:#?}, has too many: {stale:#?}, and has twice: {twice:#?}"
    );
}

/// The events that the tests below a folder ask for, with the file: what stands in quotes after `call`.
fn asked_for(folder: &Path, call: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            asked_for(&path, call, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "py") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.split(call).skip(1).filter_map(|rest| rest.split_once('"'));
            found.extend(names.map(|(name, _)| (name.to_owned(), path.display().to_string())));
        }
    }
}

#[test]
fn every_event_that_a_test_asks_for_exists() {
    let (mut logged, mut asked) = (BTreeMap::new(), Vec::new());
    scan(&Path::new(ROOT).join("src"), &mut logged, &mut Vec::new());
    asked_for(&Path::new(ROOT).join("tests/suite"), concat!(".event", "(\""), &mut asked);
    asked_for(&Path::new(ROOT).join("tests/cases"), ".events(\"", &mut asked);
    assert!(asked.len() > 50, "{asked:?}");
    asked.retain(|(event, _)| !logged.contains_key(event));
    assert!(asked.is_empty(), "no macro logs these events: {asked:#?}");
}

#[test]
fn the_scan_finds_macros_of_several_lines_with_a_path_and_without_an_event() {
    let source = r#"
        warn!(event = "a", %cause, "text");
        tracing::error!(
            event = "b", x = f("y"),
            "text"
        );
        /// Not `warn!("text")`, but
        Err(error) => warn!(%error, event = "late"),
        info!("text {x}"); not_a_warn!("text");
    "#;
    let found: Vec<_> = loggings(source).iter().map(|one| (one.level, one.event)).collect();
    assert_eq!(found, [("ERROR", Some("b")), ("WARN", Some("a")), ("WARN", None), ("INFO", None)]);
    assert_eq!(loggings("event!(Level::WARN, \"text\")")[0].event, None);
}

#[test]
fn the_table_is_read_row_by_row() {
    let levels = |levels: &[&str]| levels.iter().map(ToString::to_string).collect::<Levels>();
    let text = "\n## M\n| event | level |\n|---|---|\n| `a`, `b` | WARN | x `y` |\n| `c` | INFO, ERROR | z |\n## N\n| `d` | WARN |";
    let expected = [("a", levels(&["WARN"])), ("b", levels(&["WARN"])), ("c", levels(&["INFO", "ERROR"]))];
    let found = documented(text, "M");
    assert_eq!(found, expected.map(|(event, levels)| (event.to_owned(), levels)));
}
