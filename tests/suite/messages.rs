//! The table of messages in docs/operations.md and the messages in the source are the same.

use std::{collections::BTreeSet, fs, path::Path};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The texts of all `warn!` and `error!` below a folder, with `…` for what is put in.
fn logged(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            logged(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for call in ["warn!(", "error!("] {
                let after = text.match_indices(call).map(|(at, _)| (at, &text[at + call.len()..]));
                let whole_word = |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                found.extend(after.filter(|(at, _)| whole_word(*at)).map(|(_, arguments)| message(arguments)));
            }
        }
    }
}

/// The last literal before the parenthesis that ends the macro.
fn message(arguments: &str) -> String {
    let (mut depth, mut literal, mut rest) = (0, "", arguments);
    while let Some(at) = rest.find(['(', ')', '"']) {
        let (found, behind) = (rest.as_bytes()[at], &rest[at + 1..]);
        rest = behind;
        match found {
            b'(' => depth += 1,
            b')' if depth == 0 => return placeholders(literal),
            b')' => depth -= 1,
            _ => (literal, rest) = behind.split_once('"').expect("a literal has an end, and no quote in it"),
        }
    }
    panic!("a macro without an end: {arguments:.80}");
}

fn placeholders(literal: &str) -> String {
    let mut parts = literal.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "…" + part.split_once('}').expect("a placeholder has an end").1)
}

/// What stands in backticks in the first cells of the section's tables.
fn quoted(text: &str, section: &str) -> BTreeSet<String> {
    let (_, text) = text.split_once(&format!("\n## {section}\n")).expect("the section");
    let text = text.split("\n## ").next().unwrap();
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').step_by(2).map(str::to_owned)).filter(|text| !text.is_empty()).collect()
}

#[test]
fn each_message_has_its_row_and_each_row_its_message() {
    let mut logged_texts = BTreeSet::new();
    logged(&Path::new(ROOT).join("src"), &mut logged_texts);
    assert!(logged_texts.len() > 30, "the scan finds what there is: {logged_texts:#?}");
    let operations = fs::read_to_string(format!("{ROOT}/docs/operations.md")).unwrap();
    let quoted = quoted(&operations, "Messages");
    let missing: Vec<_> = logged_texts.difference(&quoted).collect();
    let stale: Vec<_> = quoted.difference(&logged_texts).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "docs/operations.md lacks {missing:#?}, and has too many: {stale:#?}"
    );
}

#[test]
fn a_message_is_the_last_literal() {
    assert_eq!(message(r#"error = format!("{error:#}"), "ended"); rest("#), "ended");
    assert_eq!(message(r#""a {b} c: {d}")"#), "a … c: …");
    assert_eq!(quoted("\n## M\n| `a`, `b` | x `y` |\n| c |\n## N\n| `d` |", "M"), ["a", "b"].map(String::from).into());
}
