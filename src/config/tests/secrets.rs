use std::{io::Write as _, path::Path};

use secrecy::ExposeSecret as _;

use super::{LEAST, try_load, with};
use crate::config::{
    Auth, Secret,
    load::load_text,
    path::join,
    schema::{Key, Kind, ROOT},
};

const MARK: &str = "xyzzy-secret";

fn secret_of(auth: &Auth) -> &Secret {
    match auth {
        Auth::ClientCredentials { client_secret, .. } => client_secret,
        Auth::JwtBearer { private_key, .. } => private_key,
    }
}

#[test]
fn the_file_of_a_secret_is_read_at_each_use() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"first\n").unwrap();
    let reference = format!("{{ file = {:?} }}", file.path());
    let config = try_load(&LEAST.replace("\"secret\"", &reference), &[]).unwrap();
    let secret = secret_of(&config.salesforce.auth);
    assert_eq!(secret.reveal().unwrap().expose_secret(), "first");
    std::fs::write(file.path(), "second\r\n").unwrap();
    assert_eq!(secret.reveal().unwrap().expose_secret(), "second");
}

#[test]
fn an_unreadable_secret_is_a_problem() {
    for (reference, expected) in [
        ("{ env = \"SOBJECTD_TEST_UNSET\" }", "SOBJECTD_TEST_UNSET is not set"),
        ("{ file = \"/nonexistent/secret\" }", "/nonexistent/secret"),
        ("{ vault = \"x\" }", "salesforce.auth.client_secret"),
    ] {
        let report = try_load(&LEAST.replace("\"secret\"", reference), &[]).unwrap_err().to_string();
        assert!(report.contains("salesforce.auth.client_secret") && report.contains(expected), "{report}");
    }
}

#[test]
fn a_loaded_configuration_shows_no_secret() {
    let properties = format!("\"sasl.password\" = \"{MARK}\"\n\"ssl.key.password\" = \"{MARK}\"");
    let credentials = with("kafka.properties", &properties).replace("\"id\"", &format!("\"{MARK}\""));
    let bearer = format!("flow = \"jwt_bearer\", username = \"u\", client_id = \"{MARK}\", private_key = \"{MARK}\"");
    for text in [
        credentials.replace("\"secret\"", &format!("\"{MARK}\"")),
        LEAST.replace("flow = \"client_credentials\", client_id = \"id\", client_secret = \"secret\"", &bearer),
    ] {
        let config = try_load(&text, &[]).unwrap();
        assert!(!format!("{config:?} {config:#?}").contains(MARK));
        let (Auth::ClientCredentials { client_id, .. } | Auth::JwtBearer { client_id, .. }) = &config.salesforce.auth;
        assert_eq!(client_id.reveal().unwrap().expose_secret(), MARK, "it was there to be shown");
    }
    let config = try_load(LEAST, &[("SOBJECTD__SALESFORCE__AUTH__CLIENT_SECRET", MARK)]).unwrap();
    assert!(!format!("{config:?}").contains(MARK));
    assert_eq!(secret_of(&config.salesforce.auth).reveal().unwrap().expose_secret(), MARK);
}

/// Asserts that the problems of a text do not show its secret, which is written `MARK`.
fn assert_hidden(text: &str, env: &[(&str, &str)]) {
    let text = text.replace("MARK", MARK);
    let problems = try_load(&text, env).expect_err("refused");
    let shown = format!("{problems} {problems:?} {problems:#?}");
    assert!(!shown.contains(MARK), "{text}\n{problems}");
    assert!(problems.0.iter().all(|problem| problem.variable.is_some() || problem.line.is_some()), "{problems}");
}

#[test]
fn problems_of_a_file_show_no_secret() {
    let huge = "99999999999999999999999";
    for written in [
        "[\"MARK\"]",
        "{ value = \"MARK\" }",
        "{ env = [\"MARK\"] }",
        "{ file = \"/nonexistent\", env = \"MARK\" }",
        "\"MARK\", more = \"MARK\"",
        "\"MARK\", client_secre = \"MARK\"",
        // A wrong type, and a value without a type, next to it.
        "\"MARK\", client_id = 5",
        &format!("\"MARK\", more = {huge}"),
        "\"MARK\", more = 1979-05-27",
        // Syntax.
        "MARK",
        "\"MARK",
        "'MARK",
        "\"\\MARK\"",
        "\"MARK\u{1}\"",
        "\"MARK\" MARK",
        "\"MARK\" = MARK",
        "\"MARK\", client_secret = \"MARK\"",
        "0xMARK",
        "\"\"\"MARK\n\"",
    ] {
        assert_hidden(&LEAST.replace("\"secret\"", written), &[]);
        assert_hidden(&with("kafka.properties", &format!("\"sasl.password\" = {written}\n\"acks\" = 5")), &[]);
    }
    for (section, line) in [
        ("kafka.properties", "\"enable.auto.commit\" = \"MARK\""),
        ("kafka.properties", "\"group.protocol\" = \"MARK\""),
        ("kafka.properties", "sasl.password = \"MARK\""),
        ("kafka", "properties = \"MARK\""),
        ("kafka", "properties = [\"MARK\"]"),
        ("kafka", "properties = { \"sasl.password\" = \"MARK\", acks = 5 }"),
        ("salesforce.tls", "ca = \"MARK\""),
        ("salesforce.tls", "ca = \"-----BEGIN CERTIFICATE-----\\nMARK\\n-----END CERTIFICATE-----\""),
        ("salesforce.tls", "certificate = \"-----BEGIN MARK-----\\n\""),
        ("schema_registry.tls", "key = \"-----BEGIN PRIVATE KEY-----\\nMARK!\""),
        ("salesforce.proxy", "url = \"http://u:MARK@proxy\""),
        ("salesforce.proxy", "password = \"MARK\""),
        ("kafka", "propertis = { \"sasl.password\" = \"MARK\" }"),
    ] {
        assert_hidden(&with(section, line), &[]);
    }
    for url in
        ["https://user:MARK@myorg", "https://MARK@myorg", "https://u:MARK@h:99999", "//u:MARK@h", "http://u:MARK@h"]
    {
        assert_hidden(&LEAST.replace("https://myorg.my.salesforce.com", url), &[]);
    }
    assert_hidden(&LEAST.replace("auth = {", "auth = \"MARK\"\nother = {"), &[]);
}

/// Collects the section and the name of each key of the kind secret, except those of `auth`.
fn secrets(section: &str, keys: &[Key], into: &mut Vec<(String, &'static str)>) {
    for key in keys {
        match key.kind {
            Kind::Secret => into.push((section.to_owned(), key.name)),
            Kind::Table(keys) => secrets(&join(section, key.name), keys, into),
            _ => {}
        }
    }
}

#[test]
fn no_key_of_the_kind_secret_shows_its_value() {
    let mut all = Vec::new();
    secrets("", ROOT, &mut all);
    assert!(all.len() > 10, "{all:?}");
    for (section, name) in all {
        let text = with(&section, &format!("{name} = \"{MARK}\""));
        let shown = match load_text(&text, Path::new("x.toml"), []) {
            Ok(loaded) => format!("{loaded:?} {0} {0:?}", loaded.effective()),
            Err(problems) => format!("{problems} {problems:?}"),
        };
        assert!(!shown.is_empty() && !shown.contains(MARK), "{section}.{name}: {shown}");
    }
}

#[test]
fn problems_of_a_variable_show_no_secret() {
    for variable in [
        "SALESFORCE",
        "SALESFORCE__AUTH",
        "SALESFORCE__AUTH__CLIENT_SECRET__LITERAL",
        "SALESFORCE__AUTH__CLIENT_SECRIT",
        "SALESFORCE__LOGIN_URL",
        "KAFKA__PROPERTIES",
        "KAFKA__PROPERTIES__SASL.PASSWORD",
        "KAFKA__PROPERTIES__PASSWORD",
        "KAFKA__",
    ] {
        assert_hidden(LEAST, &[(&format!("SOBJECTD__{variable}"), MARK)]);
    }
}

#[test]
fn a_pem_is_checked_when_it_is_loaded() {
    const CERTIFICATE: &str = "\"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n\"";
    let key = |kind: &str| format!("\"-----BEGIN {kind}-----\\nMIIB\\n-----END {kind}-----\\n\"");
    let pair = |certificate: &str, key: &str| format!("certificate = {certificate}\nkey = {key}");
    for section in ["salesforce", "schema_registry"] {
        let tls = format!("{section}.tls");
        for kind in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
            try_load(&with(&tls, &pair(CERTIFICATE, &key(kind))), &[]).unwrap();
        }
        try_load(&with(&tls, &format!("ca = {CERTIFICATE}")), &[]).unwrap();
        for (lines, expected) in [
            (pair(CERTIFICATE, &key("ENCRYPTED PRIVATE KEY")), "key: holds no private key in PEM; PKCS#8"),
            (pair(CERTIFICATE, CERTIFICATE), "key: holds no private key"),
            (pair(&key("PRIVATE KEY"), &key("PRIVATE KEY")), "certificate: holds no certificate"),
            (format!("ca = {}", key("PRIVATE KEY")), "ca: holds no certificate in PEM"),
            ("ca = \"/etc/ssl/ca.pem\"".to_owned(), "ca: holds no certificate in PEM"),
            (format!("certificate = {CERTIFICATE}"), "key: missing; a client certificate"),
            (format!("key = {}", key("PRIVATE KEY")), "certificate: missing; a key"),
        ] {
            let report = try_load(&with(&tls, &lines), &[]).unwrap_err().to_string();
            assert!(report.contains(&format!(" {tls}.{expected}")), "{lines}: {report}");
        }
    }
}
