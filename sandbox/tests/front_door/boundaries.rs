//! The layers of the crate: each folder of the org imports only folders below it, and few name Kafka, HTTP or a
//! listener.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folders, from the bottom to the top.
const LAYERS: [&str; 12] =
    ["value", "settings", "protocol", "schema", "store", "rows", "query", "faults", "org", "login", "rest", "server"];

/// Names that only these files and folders may have.
const ONLY_IN: [(&str, &[&str]); 3] =
    [("rdkafka", &["broker.rs", "sample"]), ("axum", &["protocol", "server"]), ("tokio::net", &["server"])];

/// Code without its comments, as one line.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    lines.collect::<Vec<_>>().join(" ")
}

/// The modules of the crate that a file names, in `use` lines and in paths.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = code[at + "crate::".len()..].trim_start();
        let mut depth = 0;
        let mut name = String::new();
        for character in rest.chars() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => found.push(std::mem::take(&mut name)),
                _ if depth <= 1 => name.push(character),
                _ => {}
            }
            if depth == 0 && !character.is_alphanumeric() && character != '_' {
                break;
            }
        }
        found.push(name);
    }
    let first = |name: String| {
        let end = name.trim().find(|c: char| !c.is_alphanumeric() && c != '_');
        let name = name.trim();
        name[..end.unwrap_or(name.len())].to_owned()
    };
    found.into_iter().map(first).filter(|name| !name.is_empty()).collect()
}

/// What a file of a folder must not have.
fn violations(folder: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let rank = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let mut found = Vec::new();
    for import in imports(&code) {
        let is_above = rank(folder).zip(rank(&import)).is_some_and(|(own, other)| other > own);
        let leaves_the_org = rank(folder).is_some() && rank(&import).is_none();
        if is_above || leaves_the_org {
            found.push(format!("{folder} imports {import}"));
        }
    }
    for (name, places) in ONLY_IN {
        if code.contains(&format!("{name}::")) && !places.contains(&folder) {
            found.push(format!("{folder} names {name}"));
        }
    }
    found
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn each_folder_imports_only_folders_below_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    files(&source, &mut paths);
    assert!(paths.len() > 60, "{paths:?}");
    for path in paths {
        let relative = path.strip_prefix(&source).unwrap();
        let folder = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let violations = violations(folder, &fs::read_to_string(&path).unwrap());
        assert!(violations.is_empty(), "{}: {violations:?}", relative.display());
    }
}

#[test]
fn bad_imports_are_found() {
    let bad = [
        ("org", "use crate::server::Server;"),
        ("store", "use crate::{\n    schema::{Field, Schema},\n    org::Org,\n};"),
        ("rows", "let org = crate::rest::handle();"),
        ("org", "use crate::{Broker, value::Value};"),
        ("org", "use tokio::net::TcpListener;"),
        ("rest", "use axum::response::Response;"),
        ("server", "use rdkafka::ClientConfig;"),
    ];
    for (folder, text) in bad {
        assert!(!violations(folder, text).is_empty(), "{folder}: {text}");
    }
    let good = [
        ("server", "use crate::{\n    org::Org,\n    protocol::{Answer, ApiError},\n};\nuse axum::Router;"),
        ("store", "// crate::server is above\nuse crate::schema::Schema;"),
        ("sample", "use crate::{Org, Value};"),
    ];
    for (folder, text) in good {
        assert_eq!(violations(folder, text), Vec::<String>::new(), "{folder}: {text}");
    }
}
