//! Rules of TLS and of a proxy. No message repeats what a PEM or a URL holds.

use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{Error, PemObject as _},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{PemPart, Problem, Proxy, Secret, Tls};

pub(super) fn tls(section: &str, tls: &Tls, problems: &mut Vec<Problem>) {
    let mut report = |key: &str, message: &str, hint: &str| {
        problems.push(Problem::new(format!("{section}.tls.{key}"), message).hint(hint));
    };
    for (key, pem) in [("ca", &tls.ca), ("certificate", &tls.certificate)] {
        if pem
            .as_ref()
            .and_then(|pem| revealed(pem, PemPart::Certificates))
            .is_some_and(|pem| !holds_certificates(&pem))
        {
            report(key, "holds no certificate in PEM, or a broken one", "it begins with -----BEGIN CERTIFICATE-----");
        }
    }
    if tls.key.as_ref().and_then(|pem| revealed(pem, PemPart::PrivateKey)).is_some_and(|pem| !holds_key(&pem)) {
        let hint = "PKCS#8, PKCS#1 or SEC 1, not encrypted: it begins with -----BEGIN PRIVATE KEY----- or the like";
        report("key", "holds no private key in PEM", hint);
    }
    match (&tls.certificate, &tls.key) {
        (Some(_), None) => report("key", "missing", "a client certificate needs its key"),
        (None, Some(_)) => report("certificate", "missing", "a key needs its certificate"),
        _ => {}
    }
}

pub(super) fn proxy(section: &str, proxy: &Proxy, problems: &mut Vec<Problem>) {
    const SUCH_AS: &str = "such as \"http://proxy:3128\"";
    let mut report = |key: &str, message: String, hint: &str| {
        problems.push(Problem::new(format!("{section}.proxy.{key}"), message).hint(hint));
    };
    match &proxy.url {
        None if proxy.username.is_some() || proxy.password.is_some() || !proxy.exclude.is_empty() => {
            report("url", "missing, and another key of its section is set".to_owned(), SUCH_AS);
        }
        None => {}
        Some(url) => {
            if !matches!(url.scheme(), "http" | "https") {
                report("url", "is not an http or https URL".to_owned(), SUCH_AS);
            }
            if !url.username().is_empty() || url.password().is_some() {
                report("url", "holds a user or password".to_owned(), "they belong in the keys username and password");
            }
            if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
                report("url", "holds more than a scheme, host and port".to_owned(), SUCH_AS);
            }
        }
    }
    match (&proxy.username, &proxy.password) {
        (Some(_), None) => report("password", "missing, and a username is set".to_owned(), "set both or none"),
        (None, Some(_)) => report("username", "missing, and a password is set".to_owned(), "set both or none"),
        _ => {}
    }
    for entry in proxy.exclude.iter().filter(|entry| !is_exclusion(entry)) {
        let hint = "such as \"intranet.example.com\" or \"10.0.0.0/8\"";
        report("exclude", format!("{entry:?} is not a host, address or network"), hint);
    }
}

/// Whether an entry is a host, a suffix, or an address with or without a mask. A port would match nothing, and `*`
/// would match no address.
fn is_exclusion(entry: &str) -> bool {
    let (host, mask) = entry.split_once('/').unwrap_or((entry, "0"));
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => mask.parse::<u8>().is_ok_and(|mask| mask <= if address.is_ipv4() { 32 } else { 128 }),
        Err(_) => is_host(entry.strip_prefix('.').unwrap_or(entry)),
    }
}

/// Whether a name has only letters, digits, hyphens and underscores between single dots.
pub(super) fn is_host(name: &str) -> bool {
    name.split('.').all(|label| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

/// Returns the PEM of a secret, or `None` if it cannot be read: the loader has reported that already.
fn revealed(secret: &Secret, part: PemPart) -> Option<SecretString> {
    secret.reveal_pem(part).ok()
}

fn holds_certificates(pem: &SecretString) -> bool {
    let certificates: Result<Vec<_>, Error> = CertificateDer::pem_slice_iter(pem.expose_secret().as_bytes()).collect();
    certificates.is_ok_and(|certificates| !certificates.is_empty())
}

fn holds_key(pem: &SecretString) -> bool {
    PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).is_ok()
}
