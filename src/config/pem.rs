//! PEM as variables and files hold it: possibly in one line with `\n` for each line end, and possibly a key together
//! with its certificates.

use std::borrow::Cow;

use pem::{EncodeConfig, LineEnding, encode_config, parse_many};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Secret, SecretError};

/// The sections of a PEM text that a caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PemPart {
    Certificates,
    PrivateKey,
}

impl PemPart {
    fn matches(self, tag: &str) -> bool {
        tag.ends_with(match self {
            Self::Certificates => "CERTIFICATE",
            Self::PrivateKey => "PRIVATE KEY",
        })
    }
}

impl Secret {
    /// Reads the secret as [`Secret::reveal`] does, and keeps only these sections. A text that is not PEM, or that has
    /// none of these sections, is returned as it is: the code that parses it reports the error.
    pub(crate) fn reveal_pem(&self, part: PemPart) -> Result<SecretString, SecretError> {
        let text = self.reveal()?;
        let lines = unescape_line_ends(text.expose_secret());
        Ok(sections(&lines, part).unwrap_or_else(|| lines.into_owned()).into())
    }
}

/// Replaces `\n` by a line end: `.env` files, containers and secret stores hold a PEM in one line. PEM itself has no
/// backslash.
pub(crate) fn unescape_line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\\') { text.replace("\\r", "").replace("\\n", "\n").into() } else { text.into() }
}

fn sections(text: &str, part: PemPart) -> Option<String> {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    let mut wanted = String::new();
    for section in parse_many(text).ok()? {
        if part.matches(section.tag()) {
            wanted.push_str(&encode_config(&section, config));
        }
    }
    (!wanted.is_empty()).then_some(wanted)
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
    fn a_private_key_is_found_in_one_line_and_after_certificates() {
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
    fn certificates_are_found_next_to_a_key() {
        for (text, certificates) in [
            (format!("{ONE}{TWO}"), format!("{ONE}{TWO}")),
            (format!("{KEY}{ONE}{TWO}").replace('\n', "\\n"), format!("{ONE}{TWO}")),
        ] {
            assert_eq!(revealed(&text, PemPart::Certificates), certificates, "{text:?}");
        }
    }

    #[test]
    fn a_text_without_the_wanted_section_is_returned_unchanged() {
        for text in ["hunter2", ONE, "-----BEGIN PRIVATE KEY-----\nAAAA"] {
            assert_eq!(revealed(text, PemPart::PrivateKey), text);
        }
    }
}
