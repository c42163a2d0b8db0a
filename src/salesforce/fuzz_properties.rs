//! Properties that every parser of the org's bytes must satisfy, checked by the fuzz targets, and shortly by the tests.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::StatusCode;
use serde::de::IgnoredAny;

use super::{
    answer::{self, Errors, RowAnswer},
    classify::{self, Asked},
    http::{client::Answer, request::Purpose},
    org::{description, usage::Usage},
    rest::{collections::render, send_row::SendRow, soql, suspects, target::Target},
    session::login,
    testing,
};
use crate::{
    config,
    record::{Action, BatchKey, Cause, Identity, KeyField, KeyKind, MatchKey, RecordId, Suspicion},
};

/// The first byte chooses who reads the rest: `'0'` rows, `'1'` errors of a call, `'2'` a page of a query, `'3'` a
/// describe, `'4'` a token, `'5'` a usage header.
pub fn read(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    match first % 6 {
        0 => rows(body),
        1 => errors(body),
        2 => page(body),
        3 => describe(body),
        4 => token(body),
        _ => usage(&String::from_utf8_lossy(body)),
    }
}

/// Checks that there is one answer for each row that was sent, and a cause for each that failed.
fn rows(body: &[u8]) {
    let count = serde_json::from_slice::<Vec<IgnoredAny>>(body).map_or(1, |rows| rows.len());
    let id: RecordId = "001000000000001".parse().expect("a record id");
    for action in [Action::Create, Action::Update, Action::Upsert, Action::Delete] {
        assert!(answer::rows(body, action, std::iter::repeat_n(Some(id), count + 1)).is_err());
        let Ok(rows) = answer::rows(body, action, std::iter::repeat_n(Some(id), count)) else { continue };
        assert_eq!(rows.len(), count);
        let makes = matches!(action, Action::Create | Action::Upsert);
        assert!(rows.iter().all(|row| !makes || !matches!(row, RowAnswer::Done { id: None, .. })));
        let failed = || rows.iter().filter_map(RowAnswer::errors);
        let asked = Asked { action, key_field: Some("Ext__c") };
        let shared = classify::shared_codes(asked, failed());
        for errors in failed() {
            let (_, cause) = classify::of_failed_row(asked, errors, &shared);
            assert!(cause.code.is_some() || !cause.message.is_empty());
        }
    }
}

/// An error names at most some of the rows.
fn errors(body: &[u8]) {
    let errors = Errors::of_call(body);
    for status in [200, 302, 400, 401, 403, 404, 408, 413, 420, 429, 500, 503] {
        let status = StatusCode::from_u16(status).expect("a status");
        for purpose in [Purpose::Write, Purpose::Resolve, Purpose::Read, Purpose::Describe] {
            let _: classify::Answered = classify::of_call(purpose, status, errors.as_ref(), classify::Facts::default());
        }
        let cause = classify::cause(status, errors.as_ref());
        assert!(errors.is_some() || !cause.message.is_empty());
        names(&cause);
    }
}

fn names(cause: &Cause) {
    let things = testing::sobject("Thing__c", &["Name", "V__c"]);
    let fields = ["{\"Name\":[\n\"é\u{1f980}\"]}", "{\"V__c\":1}", "{}"];
    let target = |text: &str| testing::external("Ext__c", KeyKind::Text { unique: true, case_sensitive: false }, text);
    let command = |json: &&str| {
        let target = Identity::ExternalId(target(json));
        testing::command(Action::Upsert, &things, Some(target), testing::fields(json))
    };
    let commands: Vec<_> = fields.iter().map(command).collect();
    let key_field = Some("Ext__c".into());
    let key = BatchKey { action: Action::Upsert, sobject: "Thing__c".into(), key_field, options: Arc::default() };
    let mut rows = Vec::new();
    for command in &commands {
        let target = match &command.target {
            Some(Identity::ExternalId(external)) => Target::Key(external),
            Some(Identity::RecordId(_)) | None => Target::New,
        };
        rows.push(SendRow::to(command, target));
    }
    let call = render(&key, &mut rows);
    suspects::mark(cause, &call.body, &mut rows);
    assert!(!rows.iter().all(|row| row.suspicion() == Some(&Suspicion::Row)));
}

/// A value is a key that can be compared, and a page that is not the last leads to the next one.
fn page(body: &[u8]) {
    let text = KeyKind::Text { unique: true, case_sensitive: false };
    for kind in [text, KeyKind::Number { unique: true, scale: Some(2) }] {
        let field = KeyField { name: "Ext__c".into(), kind };
        if let Ok(page) = soql::read(body, &field) {
            for hit in &page.hits {
                assert_eq!(MatchKey::new(&field, &hit.value), MatchKey::new(&field, &hit.value));
            }
        }
    }
}

/// Checks that each field is found by its own name, in any case.
fn describe(body: &[u8]) {
    let Ok(sobject) = description::read(body) else { return };
    for name in ["Ext__c", "EXT__C", "Id", "", "\0"] {
        if let Ok(field) = sobject.key_field(name) {
            assert!(sobject.knows(&field.name) && field.name == *name);
        }
    }
}

/// Checks that an answer of the token endpoint leads only to where secrets may go.
fn token(body: &[u8]) {
    let auth = config::Auth::ClientCredentials {
        client_id: config::Secret::literal("id"),
        client_secret: config::Secret::literal("secret"),
    };
    let config = testing::config("https://crm.my.salesforce.com", auth);
    for status in [200, 400, 401, 420, 429, 503] {
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = Answer::plain(status, Bytes::copy_from_slice(body));
        if let login::Login::Token { instance, .. } = login::read(&answer, &config) {
            let safe = instance.scheme() == "https" || config::is_loopback(&instance);
            assert!(status == StatusCode::OK && safe && instance.host_str().is_some());
        }
    }
}

fn usage(header: &str) {
    if let Some(usage) = Usage::parse(header) {
        assert!(usage.max > 0 && (usage.used > usage.max || usage.percent() <= 100));
    }
}
