//! A secret: a literal, or the name of an environment variable or a file that holds it.
//!
//! Invariant: no `Debug`, `Display`, `Serialize` or error of this module holds the value.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

/// A secret, written as a literal, `{ env = "NAME" }` or `{ file = "/run/secrets/name" }`.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum Secret {
    Literal(SecretString),
    Env(EnvRef),
    File(FileRef),
}

/// The environment variable that holds a secret.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EnvRef {
    env: String,
}

/// The file that holds a secret.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    file: PathBuf,
}

/// Why a secret cannot be read. The text names the place, never the value.
#[derive(Debug, Error)]
pub enum SecretError {
    #[error("environment variable {0} is not set")]
    EnvMissing(String),
    #[error("environment variable {0} is not valid utf-8")]
    EnvNotUtf8(String),
    #[error("cannot read file {}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{0} is empty")]
    Empty(String),
}

impl Secret {
    pub fn literal(value: impl Into<String>) -> Self {
        Self::Literal(SecretString::from(value.into()))
    }

    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(FileRef { file: path.into() })
    }

    /// Reads the secret at the time of the call, so that the next call sees a rotated file. One trailing line end of a
    /// file is not part of the secret.
    pub fn reveal(&self) -> Result<SecretString, SecretError> {
        let value = match self {
            Self::Literal(value) => value.clone(),
            Self::Env(EnvRef { env }) => match std::env::var(env) {
                Ok(value) => SecretString::from(value),
                Err(std::env::VarError::NotPresent) => return Err(SecretError::EnvMissing(env.clone())),
                Err(std::env::VarError::NotUnicode(_)) => return Err(SecretError::EnvNotUtf8(env.clone())),
            },
            Self::File(FileRef { file }) => {
                let mut text =
                    std::fs::read_to_string(file).map_err(|source| SecretError::File { path: file.clone(), source })?;
                if text.ends_with('\n') {
                    text.pop();
                    if text.ends_with('\r') {
                        text.pop();
                    }
                }
                SecretString::from(text)
            }
        };
        if value.expose_secret().is_empty() {
            return Err(SecretError::Empty(self.to_string()));
        }
        Ok(value)
    }
}

/// Serialises a reference as it was written, and a literal as `***`.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Literal(_) => serializer.serialize_str("***"),
            Self::Env(reference) => reference.serialize(serializer),
            Self::File(reference) => reference.serialize(serializer),
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("***"),
            Self::Env(EnvRef { env }) => write!(f, "env {env}"),
            Self::File(FileRef { file }) => write!(f, "file {}", file.display()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        secret: Secret,
    }

    fn read(toml: &str) -> Secret {
        toml::from_str::<Holder>(toml).unwrap().secret
    }

    fn revealed(secret: &Secret) -> String {
        secret.reveal().unwrap().expose_secret().to_owned()
    }

    #[test]
    fn a_secret_is_a_literal_a_variable_or_a_file() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), "pem\nlines\n").unwrap();

        assert_eq!(revealed(&read("secret = 'hunter2'")), "hunter2");
        assert_eq!(revealed(&read("secret = { env = 'CARGO_PKG_NAME' }")), "sobjectd");
        assert_eq!(revealed(&read(&format!("secret = {{ file = {:?} }}", path.path()))), "pem\nlines");
    }

    #[test]
    fn a_secrets_file_is_read_again_at_each_call() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let secret = Secret::file(path.path());
        std::fs::write(path.path(), "first\r\n").unwrap();
        assert_eq!(revealed(&secret), "first");
        std::fs::write(path.path(), "second").unwrap();
        assert_eq!(revealed(&secret), "second");
    }

    #[test]
    fn debug_and_display_of_a_secret_hide_a_literal() {
        for (secret, shown) in [
            (Secret::literal("hunter2"), "***"),
            (read("secret = { env = 'SF_SECRET' }"), "env SF_SECRET"),
            (Secret::file("/run/secrets/x"), "file /run/secrets/x"),
        ] {
            assert_eq!(format!("{secret}"), shown);
            assert_eq!(format!("{secret:?}"), shown);
        }
    }

    #[test]
    fn the_error_of_an_unreadable_secret_names_the_place() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(empty.path(), "\n").unwrap();
        for (secret, expected) in [
            (
                read("secret = { env = 'SOBJECTD_NO_SUCH_VARIABLE' }"),
                "environment variable SOBJECTD_NO_SUCH_VARIABLE is not set",
            ),
            (Secret::file("/no/such/file"), "cannot read file /no/such/file"),
            (Secret::file(empty.path()), "is empty"),
            (Secret::literal(""), "*** is empty"),
        ] {
            let error = secret.reveal().unwrap_err().to_string();
            assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
        }
    }
}
