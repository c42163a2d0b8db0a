//! Rows, fields and SObjects for the tests of this folder.

use std::{sync::Arc, time::Duration};

use crate::{
    config,
    record::{Action, Command, ExternalId, Field, Fields, Identity, KeyField, KeyKind, OnMissing, Operation, SObject},
};

pub(super) fn sobject(name: &str, fields: &[&str]) -> Arc<SObject> {
    let field = |name: &&str| Field::sample(name, "string", false);
    Arc::new(SObject::new(name, fields.iter().map(field)))
}

pub(super) fn external(field: &str, kind: KeyKind, text: &str) -> ExternalId {
    ExternalId::new(Arc::new(KeyField { name: field.into(), kind }), text).expect("a value of the field")
}

/// The members of a JSON object, as they are written there.
pub(super) fn fields(json: &str) -> Fields {
    let members: std::collections::BTreeMap<&str, &serde_json::value::RawValue> =
        serde_json::from_str(json).expect("an object");
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort_by_key(|(_, value)| value.get().as_ptr());
    let mut fields = Fields::default();
    for (name, value) in members {
        fields.push(name.into(), value.get());
    }
    fields
}

pub(super) fn command(action: Action, sobject: &Arc<SObject>, target: Option<Identity>, fields: Fields) -> Command {
    let operation = match action {
        Action::Create => Operation::Insert,
        Action::Update => Operation::Update,
        Action::Upsert => Operation::Upsert,
        Action::Delete => Operation::Delete,
    };
    Command {
        operation,
        action,
        sobject: sobject.clone(),
        target,
        fields,
        parent: None,
        options: Arc::default(),
        on_missing: OnMissing::Written,
    }
}

pub(super) fn config(login_url: &str, auth: config::Auth) -> config::Salesforce {
    config::Salesforce {
        login_url: login_url.parse().expect("an address"),
        instance_hosts: Vec::new(),
        api_version: "66.0".to_owned(),
        auth,
        session_lifetime: Duration::from_secs(7200),
        renew_before: Duration::from_secs(120),
        login_interval: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(2),
        request_timeout: Duration::from_secs(5),
        query_timeout: Duration::from_secs(5),
        login_timeout: Duration::from_secs(5),
        pool_idle_timeout: Duration::from_secs(20),
        compression: config::Compression::None,
        unknown_hold: Duration::from_secs(1),
        describe_interval: Duration::from_secs(300),
        assign_hold: Duration::ZERO,
        max_concurrent_requests: 4,
        allow_insecure: false,
        tls: config::Tls::default(),
        proxy: config::Proxy::default(),
        quota: config::Quota::default(),
    }
}
