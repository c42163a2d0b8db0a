//! What nearly every test starts from: an org, an input topic, a place for dead letters, and one route between them.

use sandbox::{Fault, Server, ServerOptions};
use serde_json::Value;

use super::{
    Broker, Config, Daemon, Metrics, Read, Record, broker,
    org::{self, Fields},
    python, unique,
};

/// The object of most tests.
pub(crate) const OBJECT: &str = "MyObject__c";

pub(crate) struct TestBed {
    pub(crate) broker: &'static Broker,
    pub(crate) org: Server,
    /// One partition, unless made otherwise.
    pub(crate) topic: String,
    /// Not created yet.
    pub(crate) letters: String,
    pub(crate) group: String,
    pub(crate) config: Config,
}

impl TestBed {
    /// The route upserts `MyObject__c` by `ExternalId__c`, reads the header `operation`, and a tombstone deletes.
    pub(crate) async fn new(name: &str) -> Self {
        Self::with_partitions(name, 1).await
    }

    pub(crate) async fn with_partitions(name: &str, partitions: i32) -> Self {
        Self::on(broker().await, name, partitions).await
    }

    pub(crate) async fn on(broker: &'static Broker, name: &str, partitions: i32) -> Self {
        Self::between(broker, ServerOptions::default(), name, partitions).await
    }

    /// An org whose fields take text of any length and numbers of any size: what arrives is what was sent.
    pub(crate) async fn wide(name: &str) -> Self {
        let schema = sandbox::SchemaSource::Json(org::wide_schema());
        Self::between(broker().await, ServerOptions { schema, ..ServerOptions::default() }, name, 1).await
    }

    /// An org of the built-in schema, after `change` of each field of each object.
    pub(crate) async fn with_schema(name: &str, change: impl Fn(&str, &mut Value)) -> Self {
        let schema = sandbox::SchemaSource::Json(org::schema(change));
        Self::between(broker().await, ServerOptions { schema, ..ServerOptions::default() }, name, 1).await
    }

    async fn between(broker: &'static Broker, options: ServerOptions, name: &str, partitions: i32) -> Self {
        let org = Server::start(options).await.unwrap();
        let (topic, letters, group) = (unique(name), unique(&format!("{name}.dlq")), unique(&format!("{name}.group")));
        broker.topic(&topic, partitions).await;
        let mut config = Config::new(&broker.bootstrap, org.url(), &group);
        config.set("dead_letter.topic", &format!("'{letters}'"));
        config.route(&[
            ("topic", &format!("'{topic}'")),
            ("sobject", &format!("'{OBJECT}'")),
            ("operation", "'upsert'"),
            ("external_id_field", "'ExternalId__c'"),
            ("operation_header", "'operation'"),
            ("tombstone", "'delete'"),
        ]);
        Self { broker, org, topic, letters, group, config }
    }

    /// Takes `external_id_field` out of the route: the record key is the record id, and the default operation is UPDATE.
    pub(crate) fn native(&mut self) {
        self.config.not_in_route("external_id_field").in_route("operation", "'update'");
    }

    /// The org is at this address: the daemon is told so, and the org says so at a login.
    pub(crate) fn org_is_at(&mut self, url: &str) {
        self.config.set("salesforce.login_url", &format!("'{url}'"));
        self.org.change_settings(serde_json::json!({"instance_url": url})).unwrap();
    }

    /// The port of the org itself.
    pub(crate) fn port(&self) -> u16 {
        self.org.url().rsplit(':').next().unwrap().parse().unwrap()
    }

    pub(crate) async fn produce(&self, records: &[Record]) {
        python::produce(self.broker, &self.topic, records).await;
    }

    /// Produces, runs the daemon until each of these records has its outcome, and stops it.
    pub(crate) async fn run(&self, records: &[Record]) -> Metrics {
        self.produce(records).await;
        let daemon = Daemon::start(&self.config).await;
        let metrics = daemon.settled(records.len() as u64).await;
        daemon.stop().await;
        metrics
    }

    /// All dead letters, of which there must be `count`.
    pub(crate) async fn dead_letters(&self, count: usize) -> Vec<Read> {
        let letters = python::consume(self.broker, &self.letters, count).await;
        assert_eq!(letters.len(), count, "{letters:#?}");
        letters
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.org.fault(fault);
    }

    /// The record of this external id: field → JSON text.
    pub(crate) fn find(&self, key: &str) -> Option<Fields> {
        org::find(&self.org, OBJECT, "ExternalId__c", &serde_json::to_string(key).unwrap())
    }

    /// What was last sent of this external id: field → JSON text as it was sent.
    pub(crate) fn sent(&self, key: &str) -> Option<Fields> {
        org::sent(&self.org, "ExternalId__c", &serde_json::to_string(key).unwrap())
    }

    /// The text field of the record of this external id, which exists.
    pub(crate) fn text(&self, key: &str) -> String {
        let fields = self.find(key).unwrap_or_else(|| panic!("no record of {key:?}"));
        serde_json::from_str(&fields["Text__c"]).unwrap()
    }

    /// What happened to this external id: `create`, `update`, `delete`, with the text that was sent.
    pub(crate) fn history(&self, key: &str) -> Vec<(String, Option<String>)> {
        let changes = org::changes(&self.org, "ExternalId__c", &serde_json::to_string(key).unwrap());
        let of = |change: sandbox::Change| {
            let fields = change.fields.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
            (format!("{:?}", change.op).to_lowercase(), fields.and_then(|f| f["Text__c"].as_str().map(str::to_owned)))
        };
        changes.into_iter().map(of).collect()
    }

    pub(crate) async fn committed(&self) -> i64 {
        self.broker.committed(&self.group, &self.topic, 1).await[0].unwrap_or(0)
    }
}
