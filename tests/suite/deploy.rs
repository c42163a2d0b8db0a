//! What is in deploy/, as far as it can be tried without a cluster: its configurations are good ones, and its numbers
//! fit those of the daemon.

use std::{collections::BTreeSet, process::Command, time::Duration};

use humantime_serde::re::humantime::parse_duration;
use serde_json::Value;

use crate::harness::config_file;

const DOCKERFILE: &str = include_str!("../../Dockerfile");
const COMPOSE: &str = include_str!("../../docker-compose.yml");
const COMPOSE_CONFIG: &str = include_str!("../../deploy/compose/sobjectd.toml");
const CHART: &str = include_str!("../../deploy/helm/sobjectd/Chart.yaml");
const VALUES: &str = include_str!("../../deploy/helm/sobjectd/values.yaml");
const VALUES_SCHEMA: &str = include_str!("../../deploy/helm/sobjectd/values.schema.json");
const STATEFUL_SET: &str = include_str!("../../deploy/helm/sobjectd/templates/statefulset.yaml");

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The value of a key in a configuration that is taken.
fn value(toml: &str, environment: &[(&str, &str)], key: &str) -> Value {
    let (_dir, file) = config_file(toml);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sobjectd"));
    command.args(["config", "show", "--json", "--config"]).arg(file).env_clear().envs(environment.iter().copied());
    let shown = command.output().unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let settings: Vec<Value> = serde_json::from_slice(&shown.stdout).unwrap();
    let setting = settings.iter().find(|setting| setting["key"] == key);
    setting.unwrap_or_else(|| panic!("no {key} in {settings:#?}"))["value"].clone()
}

fn duration(text: &Value) -> Duration {
    parse_duration(text.as_str().unwrap()).unwrap()
}

/// A drain, and what follows it: 5 s for the commit, 5 s to leave the group.
const AFTER_THE_DRAIN: Duration = Duration::from_secs(10);

#[test]
fn compose_runs_a_good_configuration_and_lets_it_drain() {
    let daemon = &yaml(COMPOSE)["services"]["daemon"];
    let drain = value(COMPOSE_CONFIG, &[], "drain_timeout");
    let grace = duration(&daemon["stop_grace_period"]);
    assert!(grace > duration(&drain) + AFTER_THE_DRAIN, "{grace:?} for a drain of {drain}");
    let published = yaml(COMPOSE)["services"]["org"]["ports"][0].as_str().unwrap().to_owned();
    let listen = value(COMPOSE_CONFIG, &[], "admin.listen");
    assert!(listen.as_str().unwrap().ends_with(published.rsplit_once(':').unwrap().1), "{listen} is {published}");
}

#[test]
fn the_chart_sets_keys_that_there_are_and_lets_it_drain() {
    let values = yaml(VALUES);
    let config = values["config"].as_str().unwrap();
    let of_the_chart: BTreeSet<_> = STATEFUL_SET
        .split(|c: char| !c.is_ascii_uppercase() && c != '_')
        .filter(|word| word.starts_with("SOBJECTD__"))
        .collect();
    let drain = format!("{}s", values["drainTimeoutSeconds"]);
    let session = format!("{}s", values["sessionTimeoutSeconds"]);
    let set = [
        ("SOBJECTD__ADMIN__LISTEN", "[::]:8089", "admin.listen"),
        ("SOBJECTD__DRAIN_TIMEOUT", &drain, "drain_timeout"),
        ("SOBJECTD__KAFKA__GROUP_INSTANCE_ID", "crm-sobjectd-0", "kafka.group_instance_id"),
        ("SOBJECTD__KAFKA__SESSION_TIMEOUT", &session, "kafka.session_timeout"),
    ];
    assert_eq!(of_the_chart, set.iter().map(|(name, ..)| *name).collect());
    let secrets = [("SF_CLIENT_ID", "id"), ("SF_CLIENT_SECRET", "secret")];
    let environment: Vec<_> = set.iter().map(|(name, value, _)| (*name, *value)).chain(secrets).collect();
    for (_, expected, key) in set {
        let found = value(config, &environment, key);
        assert!(found == expected || duration(&found) == duration(&expected.into()), "{key} is {found}");
    }

    let schema: Value = serde_json::from_str(VALUES_SCHEMA).unwrap();
    let least_grace = schema["properties"]["graceSeconds"]["minimum"].as_u64().unwrap();
    assert!(Duration::from_secs(least_grace) > AFTER_THE_DRAIN);
    // The least drain that the configuration takes.
    let least = format!("{}s", schema["properties"]["drainTimeoutSeconds"]["minimum"]);
    value(config, &[&secrets[..], &[("SOBJECTD__DRAIN_TIMEOUT", least.as_str())]].concat(), "drain_timeout");
}

#[test]
fn the_chart_has_a_schema_for_each_value() {
    let (values, schema): (Value, Value) = (yaml(VALUES), serde_json::from_str(VALUES_SCHEMA).unwrap());
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let mut described = keys(&schema["properties"]);
    described.remove("global"); // Helm's own
    assert_eq!(keys(&values), described);
}

#[test]
fn image_chart_and_crate_have_one_version() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(yaml(CHART)["appVersion"], version);
    assert!(DOCKERFILE.contains(&format!("ARG VERSION={version}\n")));
}

#[test]
fn the_release_image_is_the_default_and_has_no_sandbox() {
    let stage = |name: &str| {
        let mut stages = DOCKERFILE.split("\nFROM ").skip(1);
        stages.find(|stage| stage.lines().next().is_some_and(|line| line.ends_with(&format!(" AS {name}")))).unwrap()
    };
    assert_eq!(DOCKERFILE.rsplit("\nFROM ").next().unwrap(), stage("release"));
    assert!(stage("release").contains("COPY --from=build "));
    assert!(stage("build").contains("--no-default-features --features static"));
    for line in ["USER 65532:65532", "STOPSIGNAL SIGTERM", r#"CMD ["/usr/local/bin/sobjectd", "status"]"#] {
        assert!(stage("base").contains(line), "{line}");
    }
}
