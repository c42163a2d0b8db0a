//! A JWT bearer assertion: strict on a past `exp`, lenient on one far ahead, in milliseconds or in a string, because
//! the real endpoint is known to be (as the official command line shows).

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::error::{OauthError, refuse};
use crate::settings::LoginSettings;

#[derive(Debug, Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<String>,
    exp: Option<Expiry>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expiry {
    Seconds(u64),
    Text(String),
}

/// `url` is the org's own address, one of the audiences it takes.
pub(super) fn check(jwt: &str, login: &LoginSettings, url: &str, now: u64) -> Result<(), OauthError> {
    let failed = || refuse("invalid_grant", "invalid assertion");
    let header = decode_header(jwt).map_err(|_| failed())?;
    if header.alg != Algorithm::RS256 {
        return Err(failed());
    }
    let claims = claims(jwt, login).ok_or_else(failed)?;
    if !claims.iss.is_some_and(|iss| login.client_ids.contains(&iss)) {
        return Err(refuse("invalid_client_id", "client identifier invalid"));
    }
    if claims.sub.is_none_or(|sub| sub.trim().is_empty()) {
        return Err(failed());
    }
    let audience = claims.aud.unwrap_or_default();
    let known = ["https://login.salesforce.com", "https://test.salesforce.com", url, host_only(url)];
    if !known.contains(&audience.trim_end_matches('/')) {
        return Err(refuse("invalid_grant", "audience is invalid"));
    }
    let expires = match claims.exp {
        Some(Expiry::Seconds(seconds)) => Some(seconds),
        Some(Expiry::Text(text)) => text.trim().parse().ok(),
        None => None,
    };
    match expires {
        Some(expires) if expires > now => Ok(()),
        // The exact text was not found.
        Some(_) => Err(refuse("invalid_grant", "expired authorization code")),
        None => Err(failed()),
    }
}

fn claims(jwt: &str, login: &LoginSettings) -> Option<Claims> {
    let Some(pem) = &login.jwt_public_key else {
        let signed = jwt.rsplit('.').next().is_some_and(|signature| signature.len() > 80);
        return signed.then(|| jsonwebtoken::dangerous::insecure_decode_claims(jwt).ok())?;
    };
    // The claims are checked by hand, above.
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_rsa_pem(pem.as_bytes()).ok()?;
    decode(jwt, &key, &validation).ok().map(|token| token.claims)
}

/// `http://127.0.0.1` of `http://127.0.0.1:8080`.
fn host_only(url: &str) -> &str {
    url.rsplit_once(':').map_or(url, |(host, _)| host)
}
