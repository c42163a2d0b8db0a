//! The options that all HTTP clients of the daemon share.

use std::error::Error as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, header::HeaderValue, tls::Version};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::config::{self, PemPart, Proxy, Secret, Tls};

/// The `User-Agent`, which shows in the org's event log.
const USER_AGENT: &str = concat!("sobjectd/", env!("CARGO_PKG_VERSION"));

/// The client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{key}: {source}")]
    Secret { key: String, source: config::SecretError },
    #[error("{key} is not PEM")]
    Pem { key: String, source: reqwest::Error },
    #[error("cannot set up the http client of {section}{hint}")]
    Build { section: &'static str, hint: &'static str, source: reqwest::Error },
}

/// The TLS and proxy options of the client of one server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientOptions<'a> {
    /// The section of the configuration that has them, for messages.
    pub(crate) section: &'static str,
    pub(crate) tls: &'a Tls,
    pub(crate) proxy: Option<&'a Proxy>,
}

/// Builds the options of a client of the server at `url`: with roots of its own beside the system's, which an image may
/// lack; without redirects, which would carry credentials along; without retries, which are not the client's to decide.
///
/// A proxy that is configured is used for every host that it does not exclude; one of the environment's, for those that
/// are not this machine.
pub(crate) fn client(url: &Url, options: ClientOptions<'_>) -> Result<ClientBuilder, ClientError> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|der| Certificate::from_der(der))
        .collect::<reqwest::Result<Vec<_>>>()
        .map_err(|source| options.failed(source))?;
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tls_version_min(Version::TLS_1_2)
        .tls_certs_merge(roots)
        .http1_only()
        .tcp_nodelay(true);
    if let Some(ca) = &options.tls.ca {
        let ca = Certificate::from_pem_bundle(
            options.reveal_pem("tls.ca", ca, PemPart::Certificates)?.expose_secret().as_bytes(),
        );
        builder = builder.tls_certs_merge(ca.map_err(|source| options.pem("tls.ca", source))?);
    }
    if let (Some(certificate), Some(key)) = (&options.tls.certificate, &options.tls.key) {
        let certificate = options.reveal_pem("tls.certificate", certificate, PemPart::Certificates)?;
        let key = options.reveal_pem("tls.key", key, PemPart::PrivateKey)?;
        let both = SecretString::from(format!("{}\n{}", certificate.expose_secret(), key.expose_secret()));
        let identity = Identity::from_pem(both.expose_secret().as_bytes());
        builder = builder.identity(identity.map_err(|source| options.pem("tls.certificate", source))?);
    }
    Ok(match options.proxy.and_then(|proxy| Some((proxy, proxy.url.as_ref()?))) {
        Some((proxy, url)) => builder.proxy(options.through(proxy, url)?),
        None if config::is_loopback(url) => builder.no_proxy(),
        None => builder,
    })
}

impl ClientOptions<'_> {
    /// The error of a client that could not be built.
    pub(crate) fn failed(&self, source: reqwest::Error) -> ClientError {
        let hint = if self.tls.certificate.is_some() { ": does tls.key belong to tls.certificate?" } else { "" };
        ClientError::Build { section: self.section, hint, source: source.without_url() }
    }

    fn pem(&self, key: &str, source: reqwest::Error) -> ClientError {
        ClientError::Pem { key: format!("{}.{key}", self.section), source }
    }

    fn reveal(&self, key: &str, secret: &Secret) -> Result<SecretString, ClientError> {
        secret.reveal().map_err(|source| ClientError::Secret { key: format!("{}.{key}", self.section), source })
    }

    fn reveal_pem(&self, key: &str, secret: &Secret, part: PemPart) -> Result<SecretString, ClientError> {
        secret.reveal_pem(part).map_err(|source| ClientError::Secret { key: format!("{}.{key}", self.section), source })
    }

    fn through(&self, config: &Proxy, url: &Url) -> Result<reqwest::Proxy, ClientError> {
        let mut proxy = reqwest::Proxy::all(url.clone()).map_err(|source| self.failed(source))?;
        if let (Some(username), Some(password)) = (&config.username, &config.password) {
            // The client's own basic authentication would put them into the URL, and take `%41` there for an `A`.
            let password = self.reveal("proxy.password", password)?;
            let pair = SecretString::from(format!("{username}:{}", password.expose_secret()));
            let text = format!("Basic {}", BASE64_STANDARD.encode(pair.expose_secret()));
            // Base64 fits into every header.
            if let Ok(mut header) = HeaderValue::try_from(text) {
                header.set_sensitive(true);
                proxy = proxy.custom_http_auth(header);
            }
        }
        Ok(proxy.no_proxy(NoProxy::from_string(&config.exclude.join(","))))
    }
}

/// Says why a request failed, with all causes. The address is left out: it is long, may hold secrets, and is known.
pub(crate) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !message.ends_with(&inner_text) {
            message = format!("{message}: {inner_text}");
        }
        source = inner.source();
    }
    message
}
