//! Any text as a configuration. Texts that may name a file are left out: a secret's file is read.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sobjectd::config::load_text;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains("file") {
        return;
    }
    if let Err(problems) = load_text(text, Path::new("f.toml"), []) {
        assert!(!problems.to_string().is_empty());
    }
});
