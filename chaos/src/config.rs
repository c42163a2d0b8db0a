//! The configuration of all replicas. Times that are seconds or minutes in production are a tenth of that in a seed.

use std::time::Duration;

use crate::{
    scenario::{CACHED, Orphans, Protocol, Scenario, Times},
    source::Names,
};

/// Any key: the org checks the expiry of an assertion, not its signature.
const KEY: &str = include_str!("../../sandbox/tests/front_door/test_key.pem");
/// The lease with `group.protocol=consumer`, where the broker sets the session: 3 s (`script/kafka.d/server.properties`).
const CONSUMER_LEASE: &str = "2s";

/// The longest time of a rebalance, without its drains.
const REBALANCE: Duration = Duration::from_secs(6);

/// The addresses and names in the configuration of the replicas.
pub(crate) struct Addresses<'a> {
    pub bootstrap: &'a str,
    pub org: &'a str,
    pub group: &'a str,
    pub letters: &'a str,
    pub routes: Vec<Route>,
}

pub(crate) struct Route {
    pub topic: String,
    pub sobject: &'static str,
    pub names: Names,
}

impl Route {
    fn text(&self) -> String {
        let Self { topic, sobject, names } = self;
        let operation = match names {
            Names::RecordId => "operation = 'update'\n".to_owned(),
            names => format!("operation = 'upsert'\nexternal_id_field = '{}'\n", names.field()),
        };
        format!(
            "[[routes]]\ntopic = '{topic}'\nsobject = '{sobject}'\n{operation}\
             operation_header = 'operation'\ntombstone = 'delete'\n"
        )
    }
}

/// The TOML text of the configuration.
pub(crate) fn text(scenario: &Scenario, addresses: &Addresses<'_>) -> String {
    let millis = |time: Duration| format!("{}ms", time.as_millis());
    let Times { session, request, hold } = scenario.times;
    let group = match scenario.protocol {
        Protocol::Consumer => format!(
            "kafka.lease = '{CONSUMER_LEASE}'\n\
             kafka.properties.'group.protocol' = 'consumer'\n"
        ),
        Protocol::Sticky | Protocol::Range => format!(
            "kafka.session_timeout = '{}'\n\
             kafka.properties.'heartbeat.interval.ms' = '500'\n\
             kafka.properties.'partition.assignment.strategy' = '{}'\n",
            millis(session),
            if scenario.protocol == Protocol::Range { "range" } else { "cooperative-sticky" },
        ),
    };
    let held = if scenario.orphans == Orphans::Held { hold } else { Duration::ZERO };
    let held = if held.is_zero() { String::new() } else { format!("salesforce.assign_hold = '{}'\n", millis(held)) };
    let cached = if scenario.moves { format!("cache.ttl = '{}'\n", millis(CACHED)) } else { String::new() };
    let id = sandbox::CLIENT_ID;
    let auth = if scenario.asserts {
        format!(
            "{{ flow = 'jwt_bearer', client_id = '{id}', username = 'chaos@example.com', private_key = '''\n{KEY}''' }}"
        )
    } else {
        format!("{{ flow = 'client_credentials', client_id = '{id}', client_secret = '{}' }}", sandbox::CLIENT_SECRET)
    };
    format!(
        "name = 'chaos'\n\
         drain_timeout = '{drain}'\n\
         kafka.bootstrap_servers = '{bootstrap}'\n\
         kafka.group_id = '{group_id}'\n\
         kafka.on_lost_offsets = 'earliest'\n\
         kafka.commit_interval = '{commits}'\n\
         kafka.max_poll_interval = '{rebalance}'\n\
         kafka.properties.'topic.metadata.refresh.interval.ms' = '500'\n\
         kafka.properties.'reconnect.backoff.max.ms' = '500'\n\
         {group}\
         salesforce.login_url = '{org}'\n\
         salesforce.auth = {auth}\n\
         salesforce.login_interval = '100ms'\n\
         salesforce.request_timeout = '{request}'\n\
         salesforce.query_timeout = '{request}'\n\
         salesforce.login_timeout = '{request}'\n\
         salesforce.unknown_hold = '{hold}'\n\
         {held}\
         {cached}\
         salesforce.quota.probe_interval = '500ms'\n\
         pipeline.batch_rows = {rows}\n\
         pipeline.linger = '10ms'\n\
         pipeline.max_in_flight_bytes = '4MiB'\n\
         pipeline.max_row_bytes = '64KiB'\n\
         retry.initial_backoff = '50ms'\n\
         retry.max_backoff = '500ms'\n\
         retry.max_attempts = 1000\n\
         dead_letter.topic = '{letters}'\n\
         dead_letter.too_large = 'reference'\n\
         log.format = 'json'\n\
         admin.listen = ''\n\n{routes}",
        drain = millis(scenario.times.drain()),
        bootstrap = addresses.bootstrap,
        group_id = addresses.group,
        org = addresses.org,
        request = millis(request),
        commits = millis(scenario.commits),
        rebalance = millis(scenario.times.drain() + REBALANCE),
        hold = millis(hold),
        rows = scenario.batch_rows,
        letters = addresses.letters,
        routes = addresses.routes.iter().map(Route::text).collect::<String>(),
    )
}
