use std::io::Write as _;

use secrecy::ExposeSecret as _;

use super::{LEAST, try_load, with};
use crate::config::{Auth, Secret};

const MARK: &str = "xyzzy-secret";

fn secret_of(auth: &Auth) -> &Secret {
    match auth {
        Auth::ClientCredentials { client_secret, .. } => client_secret,
        Auth::JwtBearer { private_key, .. } => private_key,
    }
}

#[test]
fn a_file_is_read_at_each_look() {
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
fn what_cannot_be_read_is_a_problem() {
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
fn no_secret_is_ever_shown() {
    let config = try_load(
        &with("kafka.properties", &format!("\"sasl.password\" = \"{MARK}\""))
            .replace("\"secret\"", &format!("\"{MARK}\"")),
        &[],
    );
    assert!(!format!("{:?}", config.unwrap()).contains(MARK));
    for text in [
        LEAST.replace("\"secret\"", &format!("[\"{MARK}\"]")),
        LEAST.replace("\"secret\" }", &format!("\"{MARK}\", more = \"{MARK}\" }}")),
        LEAST.replace("\"secret\" }", &format!("\"{MARK}\"")),
        LEAST.replace("\"secret\"", &format!("{{ file = \"/nonexistent\", env = \"{MARK}\" }}")),
        LEAST.replace("https://myorg", &format!("https://user:{MARK}@myorg")),
        with("kafka.properties", &format!("\"sasl.password\" = [\"{MARK}\"]")),
        with("kafka.properties", &format!("\"enable.auto.commit\" = \"{MARK}\"")),
    ] {
        let problems = try_load(&text, &[]).expect_err("refused");
        assert!(!problems.to_string().contains(MARK), "{problems}");
        assert!(!format!("{problems:?}").contains(MARK), "{problems:?}");
    }
}
