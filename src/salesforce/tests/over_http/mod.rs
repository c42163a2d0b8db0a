//! Against the sandbox org: real HTTP over loopback.

mod places;
mod resolving;
mod sending;
mod session;
mod waiting;
mod writing;

use std::{sync::Arc, time::Duration};

use sandbox::{Server as Sandbox, ServerOptions};
use serde_json::Value;

use super::{Salesforce, testing};
use crate::{
    config::{self, Auth, Secret},
    record::{
        Action, BatchKey, BatchRow, Command, ExternalId, Fields, Identity, RecordId, Refresh, RetryKind, SObject,
        Suspicion, Verdict,
    },
    runtime::lease::Lease,
};

const OBJECT: &str = "MyObject__c";
/// Key fields: unique without case, unique with case, a number, not unique.
const KEY: &str = "ExternalId__c";
const CASE: &str = "ExternalIdCase__c";
const NUMBER: &str = "ExternalNumber__c";
const LOOSE: &str = "ExternalLoose__c";

struct Fixture {
    org: Sandbox,
    salesforce: Arc<Salesforce>,
    object: Arc<SObject>,
    lease: Lease,
}

fn credentials() -> Auth {
    Auth::ClientCredentials {
        client_id: Secret::literal(sandbox::CLIENT_ID),
        client_secret: Secret::literal(sandbox::CLIENT_SECRET),
    }
}

fn config(org: &Sandbox) -> config::Salesforce {
    config::Salesforce { login_interval: Duration::ZERO, ..testing::config(org.url(), credentials()) }
}

fn salesforce(config: &config::Salesforce) -> Arc<Salesforce> {
    let retry = config::Retry {
        initial_backoff: Duration::from_millis(10),
        max_backoff: Duration::from_millis(40),
        ..config::Retry::default()
    };
    Arc::new(Salesforce::new(config, &retry, &config::Cache::default(), Arc::new(())).unwrap())
}

async fn sandbox() -> Sandbox {
    Sandbox::start(ServerOptions::default()).await.unwrap()
}

impl Fixture {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut config::Salesforce)) -> Self {
        let org = sandbox().await;
        let mut config = config(&org);
        change(&mut config);
        let salesforce = salesforce(&config);
        let object = salesforce.describe(OBJECT, Refresh::IfUnknown).await.unwrap();
        Self { org, salesforce, object, lease: Lease::for_ever() }
    }

    fn script(&self, faults: Value) {
        self.org.script(faults).unwrap();
    }

    fn key(&self, field: &str, text: &str) -> Identity {
        let field = self.object.key_field(field).unwrap();
        Identity::ExternalId(ExternalId::new(Arc::new(field), text).unwrap())
    }

    fn command(&self, action: Action, target: Option<Identity>, json: &str) -> Command {
        let fields = if action == Action::Delete { Fields::default() } else { testing::fields(json) };
        testing::command(action, &self.object, target, fields)
    }

    fn by_key(&self, action: Action, field: &str, values: &[&str], json: &str) -> Vec<Command> {
        let mut commands = Vec::new();
        for value in values {
            commands.push(self.command(action, Some(self.key(field, value)), json));
        }
        commands
    }

    async fn write(&self, commands: &[Command]) -> Vec<Verdict> {
        self.attempt(commands, false).await
    }

    async fn attempt(&self, commands: &[Command], maybe_applied: bool) -> Vec<Verdict> {
        self.attempt_of(&self.salesforce, commands, maybe_applied).await
    }

    /// Writes as another process would: this one's cache is not told.
    async fn write_elsewhere(&self, commands: &[Command]) -> Vec<Verdict> {
        self.attempt_of(&salesforce(&config(&self.org)), commands, false).await
    }

    async fn attempt_of(&self, salesforce: &Salesforce, commands: &[Command], maybe_applied: bool) -> Vec<Verdict> {
        let first = &commands[0];
        let key_field = match &first.target {
            Some(Identity::ExternalId(external)) => Some(external.field().name.clone()),
            _ => None,
        };
        let key =
            BatchKey { action: first.action, sobject: self.object.name.clone(), key_field, options: Arc::default() };
        let rows: Vec<_> = commands.iter().map(|command| BatchRow { command, maybe_applied }).collect();
        salesforce.write(&key, &rows, &self.lease.permit()).await
    }

    /// Makes the records, and says their ids.
    async fn upsert(&self, field: &str, values: &[&str]) -> Vec<RecordId> {
        let commands = self.by_key(Action::Upsert, field, values, r#"{"Text__c":"made"}"#);
        let written = |verdict| match verdict {
            Verdict::Written { id: Some(id), created: true } => id,
            other => panic!("{other:?}"),
        };
        self.write(&commands).await.into_iter().map(written).collect()
    }

    /// The text of each record that has one, in the order of the ids.
    fn texts(&self) -> Vec<String> {
        let text = |record: sandbox::StoredRecord| match serde_json::to_value(&record).unwrap()["fields"]["Text__c"] {
            Value::String(ref text) => Some(text.clone()),
            _ => None,
        };
        self.org.records(OBJECT).into_iter().filter_map(text).collect()
    }
}

/// A verdict in short: its name and its code.
fn short(verdict: &Verdict) -> String {
    let code = |cause: &crate::record::Cause| cause.code.clone().map_or(String::new(), |code| format!(" {code}"));
    match verdict {
        Verdict::Written { id, created } => format!("written {} {created}", id.is_some()),
        Verdict::Rejected(rejection) => format!("rejected {}{}", rejection.reason.name(), code(&rejection.cause)),
        Verdict::Retry { kind: RetryKind::NextCall, .. } => "next call".to_owned(),
        Verdict::Retry { cause, kind } => format!("{}{}", short_kind(kind), code(cause)),
        Verdict::Unknown { cause, .. } => format!("unknown{}", code(cause)),
        Verdict::Fatal(cause) => format!("fatal{}", code(cause)),
    }
}

fn short_kind(kind: &RetryKind) -> String {
    match kind {
        RetryKind::Backoff => "backoff".to_owned(),
        RetryKind::Parent => "parent".to_owned(),
        RetryKind::Alone => "alone".to_owned(),
        RetryKind::DeletedMeanwhile => "deleted meanwhile".to_owned(),
        RetryKind::WithoutFields(fields) => format!("without {fields:?}"),
        RetryKind::Smaller { suspicion: None } => "smaller".to_owned(),
        RetryKind::Smaller { suspicion: Some(Suspicion::NotNamed) } => "call rejected".to_owned(),
        RetryKind::Smaller { suspicion: Some(_) } => "call rejected, named".to_owned(),
        RetryKind::Parked => "parked".to_owned(),
        RetryKind::Storage => "storage".to_owned(),
        RetryKind::Place => "place".to_owned(),
        RetryKind::NextCall => "next call".to_owned(),
        RetryKind::NoLease => "no lease".to_owned(),
        RetryKind::Org(trouble) => trouble.label().to_owned(),
    }
}

fn shorts(verdicts: &[Verdict]) -> Vec<String> {
    verdicts.iter().map(short).collect()
}
