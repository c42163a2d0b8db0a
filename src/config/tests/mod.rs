mod effective;
mod environment;
mod files;
mod problems;
mod protocols;
mod reference;
mod rules;
mod secrets;

use std::{collections::BTreeMap, path::Path};

use super::load::load_text;
use super::{Config, Problems};

/// The smallest configuration that is accepted.
const LEAST: &str = r#"
[kafka]
bootstrap_servers = "broker:9092"
group_id = "sink"

[salesforce]
login_url = "https://myorg.my.salesforce.com"
auth = { flow = "client_credentials", client_id = "id", client_secret = "secret" }

[[routes]]
topic = "t"
sobject = "Contact"
"#;

/// Loads `text` as if it were a file, with these variables.
fn try_load(text: &str, env: &[(&str, &str)]) -> Result<Config, Problems> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load_text(text, Path::new("x.toml"), env).map(|loaded| loaded.config)
}

/// Returns the problems of a text that is refused.
fn report(text: &str, env: &[(&str, &str)]) -> String {
    try_load(text, env).expect_err("refused").to_string()
}

/// Returns [`LEAST`] with `line` in the section `[section]`; in none for `""`, in the route for `"routes"`.
fn with(section: &str, line: &str) -> String {
    let header = match section {
        "" => return format!("{line}\n{LEAST}"),
        "routes" => "[[routes]]".to_owned(),
        section => format!("[{section}]"),
    };
    if LEAST.contains(&header) {
        LEAST.replacen(&header, &format!("{header}\n{line}"), 1)
    } else {
        format!("{header}\n{line}\n{LEAST}")
    }
}

/// Returns [`LEAST`] with many lines, each in its section.
fn text(sections: &[(&str, &str)]) -> String {
    let mut by_section = BTreeMap::<&str, String>::new();
    for (section, line) in sections {
        let lines = by_section.entry(section).or_default();
        lines.push_str(line);
        lines.push('\n');
    }
    let mut text = LEAST.to_owned();
    for (section, lines) in by_section.iter().rev() {
        let header = match *section {
            "" => String::new(),
            "routes" => "[[routes]]".to_owned(),
            section => format!("[{section}]"),
        };
        text = match (*section, text.contains(&header)) {
            ("", _) => format!("{lines}{text}"),
            (_, true) => text.replacen(&header, &format!("{header}\n{lines}"), 1),
            (_, false) => format!("{text}\n{header}\n{lines}"),
        };
    }
    text
}
