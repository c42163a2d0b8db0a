//! `sobjectd status`: asks a running daemon over its admin listener.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};
use url::Url;

use super::{outcome::failed, show};
use crate::{
    config::Tls,
    ops::{health::State, status::Status},
    runtime::http_client::{self, ClientOptions},
};

/// The time-out of the request: the daemon is on this machine, or near.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Prints the status of a running daemon. With `ready`, a daemon that is not running is a failure as well.
pub(super) async fn run(admin: Option<String>, json: bool, ready: bool) -> ExitCode {
    let printed = async {
        let listen = std::env::var("SOBJECTD__ADMIN__LISTEN").ok();
        let status = ask(&address(admin.as_deref(), listen.as_deref())?).await?;
        let text = if json { serde_json::to_string_pretty(&status)? } else { status.to_string() };
        show::print(&text)?;
        Ok(status.health.state)
    };
    match printed.await {
        Ok(state) if ready && state != State::Running => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Returns the URL of the admin listener: the argument, or the address of a daemon with this environment. The argument
/// may leave out the scheme.
fn address(admin: Option<&str>, listen: Option<&str>) -> Result<Url> {
    let text = match (admin, listen) {
        (Some(admin), _) if admin.contains("://") => admin.to_owned(),
        (Some(admin), _) => format!("http://{admin}"),
        (None, Some("")) => bail!("SOBJECTD__ADMIN__LISTEN is empty: the daemon has no admin listener"),
        (None, Some(listen)) => {
            let listen: SocketAddr = listen.parse().context("SOBJECTD__ADMIN__LISTEN")?;
            // This machine may have an IPv4 or an IPv6 loopback address.
            if listen.ip().is_unspecified() {
                format!("http://localhost:{}", listen.port())
            } else {
                format!("http://{listen}")
            }
        }
        (None, None) => "http://127.0.0.1:8089".to_owned(),
    };
    text.parse().with_context(|| format!("{text} is not a URL of an admin listener"))
}

async fn ask(admin: &Url) -> Result<Status> {
    let url = admin.join("/status").context("--admin")?;
    let options = ClientOptions { section: "--admin", tls: &Tls::default(), proxy: None };
    let client = http_client::client(&url, options)?.no_proxy().timeout(TIMEOUT).build()?;
    let answer =
        client.get(url).send().await.map_err(|error| anyhow::anyhow!("{admin}: {}", http_client::reason(error)))?;
    if !answer.status().is_success() {
        bail!("{admin}: {}: not an admin listener of sobjectd", answer.status());
    }
    let body = answer.bytes().await?;
    serde_json::from_slice(&body).with_context(|| format!("{admin}: not an admin listener of sobjectd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_admin_url_comes_from_the_argument_or_the_environment() {
        for (admin, listen, expected) in [
            (None, None, Some("http://127.0.0.1:8089/")),
            (None, Some("0.0.0.0:9000"), Some("http://localhost:9000/")),
            (None, Some("[::]:9000"), Some("http://localhost:9000/")),
            (None, Some("10.0.0.7:80"), Some("http://10.0.0.7/")),
            (None, Some(""), None),
            (None, Some("somewhere"), None),
            (Some("localhost:8089"), Some("0.0.0.0:9000"), Some("http://localhost:8089/")),
            (Some("https://admin.example.com"), None, Some("https://admin.example.com/")),
            (Some("http://a b"), None, None),
        ] {
            let found = address(admin, listen).ok().map(|url| url.to_string());
            assert_eq!(found.as_deref(), expected, "{admin:?} {listen:?}");
        }
    }
}
