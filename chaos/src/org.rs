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
    /// Kept open: the sandbox would fail if it could not write.
    _output: BufReader<ChildStdout>,
    _process: Child,
}

/// One entry of the org's journal.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Entry {
    #[serde(default)]
    pub id: String,
    pub at_ms: u64,
    /// Made outside of calls.
    #[serde(default)]
    pub outside: bool,
    pub op: Op,
    /// The record's external ids.
    pub keys: BTreeMap<String, Value>,
    pub fields: Option<Fields>,
}

/// A live record, as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stored {
    #[serde(default)]
    pub id: String,
    pub fields: Fields,
}

/// The hits of one fault of the script.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Struck {
    pub hits: u64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Deserialize)]
struct Calls {
    applied: u64,
}

impl Org {
    /// Starts `binary sandbox` on a free port.
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
        let url = line.trim().strip_prefix("org ").context("the sandbox printed no address")?.to_owned();
        Ok(Self { url, http: reqwest::Client::new(), _output: output, _process: process })
    }

    /// Makes these records as an ordinary client does, and returns them with their ids.
    pub(crate) async fn fill(&self, sobject: &str, rows: Vec<Value>) -> Result<Vec<(String, Fields)>> {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            sandbox::CLIENT_ID,
            sandbox::CLIENT_SECRET
        );
        let login = self.http.post(format!("{}/services/oauth2/token", self.url));
        let login = login.header("content-type", "application/x-www-form-urlencoded").body(form);
        let granted: Granted = login.send().await?.error_for_status()?.json().await?;
        let with_type = |mut row: Value| {
            row["attributes"] = json!({"type": sobject});
            row
        };
        let records: Vec<_> = rows.iter().cloned().map(with_type).collect();
        let call = self.http.post(format!("{}/services/data/v66.0/composite/sobjects", self.url));
        let call = call.bearer_auth(granted.access_token).json(&json!({"records": records}));
        let made: Vec<Made> = call.send().await?.error_for_status()?.json().await?;
        ensure!(made.len() == rows.len(), "the org has made {} of {}", made.len(), rows.len());
        let fields = |row: &Value| row.as_object().cloned().unwrap_or_default();
        Ok(made.into_iter().zip(&rows).map(|(made, row)| (made.id, fields(row))).collect())
    }

    /// The journal of an object. The record id is among the keys.
    pub(crate) async fn journal(&self, sobject: &str) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = self.get(&format!("journal?sobject={sobject}")).await?;
        for entry in &mut entries {
            entry.keys.insert("Id".to_owned(), entry.id.clone().into());
        }
        Ok(entries)
    }

    pub(crate) async fn records(&self, sobject: &str) -> Result<Vec<Stored>> {
        let mut records: Vec<Stored> = self.get(&format!("records/{sobject}")).await?;
        for record in &mut records {
            record.fields.insert("Id".to_owned(), record.id.clone().into());
        }
        Ok(records)
    }

    /// Makes and changes records as another integration does; `false` if the org refuses.
    pub(crate) async fn put(&self, sobject: &str, rows: &Value) -> Result<bool> {
        let call = self.http.post(format!("{}/sandbox/records/{sobject}", self.url)).json(rows);
        Ok(call.send().await?.status().is_success())
    }

    /// The number of applied changes.
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
