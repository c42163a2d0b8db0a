//! PEM as it is kept in variables and files: line ends written as `\n`, in one line, and a key together with its
//! certificates.

use std::borrow::Cow;

use pem::{EncodeConfig, LineEnding, encode_config, parse_many};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Secret, SecretError};

/// Which sections of a PEM text are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PemPart {
    Certificates,
    PrivateKey,
}

impl PemPart {
    fn is(self, tag: &str) -> bool {
        tag.ends_with(match self {
            Self::Certificates => "CERTIFICATE",
            Self::PrivateKey => "PRIVATE KEY",
        })
    }
}

impl Secret {
    /// As [`Secret::reveal`], with these sections alone. A text that is not PEM, or has none of them, is left as it is: its
    /// reader says so.
    pub(crate) fn reveal_pem(&self, part: PemPart) -> Result<SecretString, SecretError> {
        let text = self.reveal()?;
        let lines = line_ends(text.expose_secret());
        Ok(sections(&lines, part).unwrap_or_else(|| lines.into_owned()).into())
    }
}

/// `.env` files, containers and secret stores hold a PEM in one line, with `\n` for each line end. PEM itself knows no
/// backslash.
pub(crate) fn line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\\') { text.replace("\\r", "").replace("\\n", "\n").into() } else { text.into() }
}

fn sections(text: &str, part: PemPart) -> Option<String> {
    let wanted: Vec<_> = parse_many(text).ok()?.into_iter().filter(|section| part.is(section.tag())).collect();
    let encode = |section| encode_config(section, EncodeConfig::new().set_line_ending(LineEnding::LF));
    (!wanted.is_empty()).then(|| wanted.iter().map(encode).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    const RSA: &str = "-----BEGIN RSA PRIVATE KEY-----\nBBBB\n-----END RSA PRIVATE KEY-----\n";
    const ONE: &str = "-----BEGIN CERTIFICATE-----\nCCCC\n-----END CERTIFICATE-----\n";
    const TWO: &str = "-----BEGIN CERTIFICATE-----\nDDDD\n-----END CERTIFICATE-----\n";

    fn revealed(text: &str, part: PemPart) -> String {
        Secret::literal(text).reveal_pem(part).unwrap().expose_secret().to_owned()
    }

    #[test]
    fn a_key_is_found_however_it_is_kept() {
        for (text, key) in [
            (KEY.to_owned(), KEY),
            (KEY.trim().to_owned(), KEY),
            (KEY.replace('\n', "\\n"), KEY),
            (KEY.replace('\n', "\\r\\n"), KEY),
            (KEY.replace('\n', "\r\n"), KEY),
            (RSA.replace('\n', "\\n"), RSA),
            (format!("{ONE}{KEY}"), KEY),
            (format!("Bag Attributes\n    friendlyName: sync\n{ONE}{TWO}{RSA}"), RSA),
            (format!("{ONE}{KEY}").replace('\n', "\\n"), KEY),
        ] {
            assert_eq!(revealed(&text, PemPart::PrivateKey), key, "{text:?}");
        }
    }

    #[test]
    fn certificates_are_found_beside_a_key() {
        for (text, certificates) in [
            (format!("{ONE}{TWO}"), format!("{ONE}{TWO}")),
            (format!("{KEY}{ONE}{TWO}").replace('\n', "\\n"), format!("{ONE}{TWO}")),
        ] {
            assert_eq!(revealed(&text, PemPart::Certificates), certificates, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_pem_is_left_to_its_reader() {
        for text in ["hunter2", ONE, "-----BEGIN PRIVATE KEY-----\nAAAA"] {
            assert_eq!(revealed(text, PemPart::PrivateKey), text);
        }
    }
}
