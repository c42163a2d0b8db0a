//! Any text as a configuration, and the lines behind a separator as variables of the environment. Texts that may name a
//! file are left out: a secret's file is read.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sobjectd::config::load_text;
use sobjectd_fuzz::parts;

fuzz_target!(|data: &[u8]| {
    let (text, variables) = parts(data);
    let variables = variables.as_deref().unwrap_or_default();
    let names_file = |text: &str| text.to_ascii_lowercase().contains("file");
    if names_file(&text) || names_file(variables) {
        return;
    }
    let variable = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        (format!("SOBJECTD__{name}"), value.to_owned())
    };
    if let Err(problems) = load_text(&text, Path::new("f.toml"), variables.lines().map(variable)) {
        assert!(!problems.to_string().is_empty());
    }
});
