//! What every HTTP client of the daemon has in common.

use std::error::Error as _;

use reqwest::{Client, ClientBuilder};
use url::Url;

use crate::config;

/// `User-Agent`: it shows in the org's event log.
const USER_AGENT: &str = concat!("sobjectd/", env!("CARGO_PKG_VERSION"));

/// A client of the server at `url`: with roots of its own beside the system's, which an image may lack; without
/// redirects, which would carry credentials along; without repeats, which are not the client's to decide.
pub(crate) fn client(url: &Url) -> reqwest::Result<ClientBuilder> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|der| reqwest::Certificate::from_der(der))
        .collect::<reqwest::Result<Vec<_>>>()?;
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tls_certs_merge(roots)
        .http1_only()
        .tcp_nodelay(true);
    Ok(if config::is_loopback(url) { builder.no_proxy() } else { builder })
}

/// Why a request failed, with all causes. The address is long, may hold secrets, and is no news.
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
