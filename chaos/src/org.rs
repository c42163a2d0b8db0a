//! The sandbox org in a process of its own, and its control pages.

use std::{collections::BTreeMap, path::Path, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::change::{Fields, Op};

pub(crate) struct Org {
    pub url: String,
    http: reqwest::Client,
    /// It has more to say, and would fail without a reader.
    _output: BufReader<ChildStdout>,
    _process: Child,
}

/// One entry of the journal.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Entry {
    pub at_ms: u64,
    pub op: Op,
    /// The record's external ids.
    pub keys: BTreeMap<String, Value>,
    pub fields: Option<Fields>,
}

/// A live record, as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stored {
    pub fields: Fields,
}

/// A fault of the script, and how often it struck.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Struck {
    pub hits: u64,
}

#[derive(Deserialize)]
struct Calls {
    applied: u64,
}

impl Org {
    /// `binary sandbox`, on a free port.
    pub(crate) async fn start(binary: &Path) -> Result<Self> {
        let mut process = Command::new(binary)
            .args(["sandbox", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{}", binary.display()))?;
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().context("no output")?);
        output.read_line(&mut line).await?;
        let url = line.trim().strip_prefix("org ").context("the sandbox says no address")?.to_owned();
        Ok(Self { url, http: reqwest::Client::new(), _output: output, _process: process })
    }

    pub(crate) async fn journal(&self, sobject: &str) -> Result<Vec<Entry>> {
        self.get(&format!("journal?sobject={sobject}")).await
    }

    pub(crate) async fn records(&self, sobject: &str) -> Result<Vec<Stored>> {
        self.get(&format!("records/{sobject}")).await
    }

    /// How many changes were applied.
    pub(crate) async fn applied(&self) -> Result<u64> {
        Ok(self.get::<Calls>("calls").await?.applied)
    }

    pub(crate) async fn script(&self, faults: &Value) -> Result<()> {
        self.post("faults", faults).await
    }

    pub(crate) async fn struck(&self) -> Result<Vec<Struck>> {
        self.get("faults").await
    }

    /// Ends the script.
    pub(crate) async fn clear(&self) -> Result<()> {
        self.http.delete(format!("{}/sandbox/faults", self.url)).send().await?.error_for_status()?;
        self.set(&json!({"quota_used": 0})).await
    }

    pub(crate) async fn set(&self, settings: &Value) -> Result<()> {
        self.post("settings", settings).await
    }

    pub(crate) async fn expire_sessions(&self) -> Result<()> {
        self.post("expire_sessions", &json!({})).await
    }

    async fn get<T: DeserializeOwned>(&self, page: &str) -> Result<T> {
        Ok(self.http.get(format!("{}/sandbox/{page}", self.url)).send().await?.error_for_status()?.json().await?)
    }

    async fn post(&self, page: &str, body: &Value) -> Result<()> {
        let answer = self.http.post(format!("{}/sandbox/{page}", self.url)).json(body).send().await?;
        ensure!(answer.status().is_success(), "{page}: {}", answer.text().await?);
        Ok(())
    }
}
