//! `sobjectd status`: asks a running daemon over its admin listener.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};
use url::Url;

use super::{failed, show};
use crate::{
    config::Tls,
    ops::{health::State, status::Status},
    web::{self, Way},
};

/// It is on this machine, or near.
const TIMEOUT: Duration = Duration::from_secs(5);

/// With `ready`, a daemon that is there and does not run is a failure as well.
pub(super) async fn run(admin: &Url, json: bool, ready: bool) -> ExitCode {
    let told = async {
        let status = ask(admin).await?;
        let text = if json { serde_json::to_string_pretty(&status)? } else { status.to_string() };
        show::print(&text)?;
        Ok(status.health.state)
    };
    match told.await {
        Ok(state) if ready && state != State::Running => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn ask(admin: &Url) -> Result<Status> {
    let url = admin.join("/status").context("--admin")?;
    let way = Way { section: "--admin", tls: &Tls::default(), proxy: None };
    let client = web::client(&url, way)?.timeout(TIMEOUT).build()?;
    let answer = client.get(url).send().await.map_err(|error| anyhow::anyhow!("{admin}: {}", web::reason(error)))?;
    if !answer.status().is_success() {
        bail!("{admin}: {}: this is no admin listener of sobjectd", answer.status());
    }
    let body = answer.bytes().await?;
    serde_json::from_slice(&body).with_context(|| format!("{admin}: this is no admin listener of sobjectd"))
}
