//! The two OAuth grants of a server: what is posted to the token endpoint (Salesforce Help, "OAuth Authorization
//! Flows").

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use url::Url;

use crate::{config, record::Cause};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The time that an assertion may take to reach the org.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(3 * 60);

/// The form, encoded. Secrets are read where they are, at each login.
pub(crate) fn form(auth: &config::Auth, login_url: &Url, now: SystemTime) -> Result<SecretString, Cause> {
    let pairs = pairs(auth, login_url, now)?;
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs.iter().map(|(name, value)| (name, value.expose_secret())));
    Ok(form.finish().into())
}

fn pairs(auth: &config::Auth, login_url: &Url, now: SystemTime) -> Result<Vec<(&'static str, SecretString)>, Cause> {
    match auth {
        config::Auth::ClientCredentials { client_id, client_secret } => Ok(vec![
            ("grant_type", "client_credentials".into()),
            ("client_id", reveal(client_id, "client_id")?),
            ("client_secret", reveal(client_secret, "client_secret")?),
        ]),
        config::Auth::JwtBearer { client_id, username, private_key, audience } => {
            let issuer = reveal(client_id, "client_id")?;
            let claims = Claims {
                iss: issuer.expose_secret(),
                sub: username,
                aud: &audience.clone().unwrap_or_else(|| default_audience(login_url)),
                exp: (now.duration_since(UNIX_EPOCH).unwrap_or_default() + ASSERTION_LIFETIME).as_secs(),
            };
            let assertion = assertion(&claims, &private_pem(private_key)?)?;
            Ok(vec![("grant_type", JWT_BEARER.into()), ("assertion", assertion)])
        }
    }
}

/// Picks the cryptography of jsonwebtoken, which otherwise does so at the first signature and panics if it cannot.
pub(crate) fn install_crypto() {
    // An error says that one is installed already, which is as good.
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().unwrap_or(());
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
}

fn reveal(secret: &config::Secret, key: &str) -> Result<SecretString, Cause> {
    secret.reveal().map_err(|error| Cause::new(format!("salesforce.auth.{key}: {error}")))
}

fn private_pem(secret: &config::Secret) -> Result<SecretString, Cause> {
    let revealed = secret.reveal_pem(config::PemPart::PrivateKey);
    revealed.map_err(|error| Cause::new(format!("salesforce.auth.private_key: {error}")))
}

fn assertion(claims: &Claims<'_>, pem: &SecretString) -> Result<SecretString, Cause> {
    // Neither error repeats the key.
    let key = EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes())
        .map_err(|error| Cause::new(format!("salesforce.auth.private_key is not an RSA key in PEM: {error}")))?;
    let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key)
        .map_err(|error| Cause::new(format!("salesforce.auth.private_key cannot sign: {error}")))?;
    Ok(token.into())
}

/// The audience of the assertion. Sandboxes and scratch orgs are known by their My Domain name; a host that is not
/// Salesforce's own is taken to be its own audience, as Experience Cloud sites are.
fn default_audience(login_url: &Url) -> String {
    let host = login_url.host_str().unwrap_or_default();
    let mut labels = host.trim_end_matches(".salesforce.com").split('.');
    if !host.ends_with(".salesforce.com") {
        return login_url.as_str().trim_end_matches('/').to_owned();
    }
    let sandbox =
        host == "test.salesforce.com" || labels.any(|l| matches!(l, "sandbox" | "scratch") || l.contains("--"));
    if sandbox { "https://test.salesforce.com" } else { "https://login.salesforce.com" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_audience_of_an_assertion_follows_the_host() {
        for (login_url, audience) in [
            ("https://login.salesforce.com", "https://login.salesforce.com"),
            ("https://test.salesforce.com", "https://test.salesforce.com"),
            ("https://crm.my.salesforce.com/", "https://login.salesforce.com"),
            ("https://crm--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
            ("https://crm--uat.my.salesforce.com", "https://test.salesforce.com"),
            ("https://power-fun-1234.scratch.my.salesforce.com", "https://test.salesforce.com"),
            ("https://crm.my.site.com/portal", "https://crm.my.site.com/portal"),
            ("https://salesforce.example.com", "https://salesforce.example.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(default_audience(&login_url.parse().unwrap()), audience, "{login_url}");
        }
    }

    #[test]
    fn private_keys_in_each_form_sign_an_assertion() {
        install_crypto();
        let key = include_str!("../tests/over_http/jwt.key.pem");
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let before = format!("{certificate}{key}");
        for text in [key.to_owned(), key.trim().replace('\n', "\\n"), before.clone(), before.replace('\n', "\\n")] {
            let auth = config::Auth::JwtBearer {
                client_id: config::Secret::literal("app"),
                username: "sync@example.com".to_owned(),
                private_key: config::Secret::literal(text),
                audience: None,
            };
            let form = form(&auth, &"https://login.salesforce.com".parse().unwrap(), SystemTime::now());
            assert!(form.unwrap().expose_secret().contains("assertion="));
        }
    }

    #[test]
    fn an_invalid_private_key_is_rejected_without_being_shown() {
        install_crypto();
        let auth = config::Auth::JwtBearer {
            client_id: config::Secret::literal("app"),
            username: "sync@example.com".to_owned(),
            private_key: config::Secret::literal("hunter2"),
            audience: None,
        };
        let cause = form(&auth, &"https://login.salesforce.com".parse().unwrap(), SystemTime::now()).unwrap_err();
        assert!(cause.message.starts_with("salesforce.auth.private_key is not an RSA key"), "{cause}");
        assert!(!format!("{cause:?}").contains("hunter2"));
    }
}
