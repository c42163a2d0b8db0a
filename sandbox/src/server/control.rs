//! `/sandbox/…`: the control pages, which show the org's journal and records, and script its faults. They need no
//! session, and are not counted.
//!
//! | address | what |
//! |---|---|
//! | `GET journal?sobject=&id=&since=&limit=` | applied changes in their order; `since` is the last `seq` already seen |
//! | `GET records/{sobject}` | live records with the values as stored |
//! | `POST records/{sobject}` | makes records as another integration does, or changes those whose `Id` a row has: one row or an array, all or none; answered with their ids |
//! | `DELETE records/{sobject}/{id}` | deletes a record as another integration does |
//! | `GET creates/{sobject}?by={field}` | the number of applied creates for each value that the field was sent with |
//! | `GET calls` | counts of calls and rows, concurrency, the allocation |
//! | `GET`, `POST settings` | all settings; a post names only those that it changes |
//! | `POST faults` | one fault or an array, answered with their ids |
//! | `GET`, `DELETE faults` | the script with its hits; a delete also releases hanging calls |
//! | `POST expire_sessions` | ends all sessions |
//! | `POST reset` | forgets everything but settings and sessions |
//!
//! A fault: `{"on": "upsert", "sobject": "Contact", "key": "k1", "text": "DROP TABLE", "min_rows": 2, "after": 2, "times": null,
//! "do": {"kind": "lock"}}`; the kinds are those of [`Action`](crate::Action).

use serde::Serialize;
use serde_json::json;

use crate::{
    org::Org,
    protocol::{Answer, Request},
    store::Filter,
    value::RecordId,
};

/// Answers a request to a control page.
pub(super) fn control(org: &Org, request: &Request) -> Answer {
    let path: Vec<&str> = request.uri.path().trim_end_matches('/').split('/').skip(2).collect();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["journal"]) => match filter(request) {
            Ok(filter) => ok(&org.store().journal.select(&filter)),
            Err(error) => refuse(400, &error),
        },
        ("GET", ["records", sobject]) => match org.records_of(sobject) {
            Some(records) => ok(&records),
            None => refuse(404, "no such object"),
        },
        ("POST", ["records", sobject]) => {
            let text = std::str::from_utf8(&request.body).map_err(|error| error.to_string());
            or_say(text.and_then(|text| org.put_text(sobject, text)))
        }
        ("DELETE", ["records", _, id]) => or_say(org.remove_record(id)),
        ("GET", ["creates", sobject]) => match by(request) {
            Some(field) => ok(&org.creates_by(sobject, &field)),
            None => refuse(400, "creates/{sobject}?by={field}"),
        },
        ("GET", ["calls"]) => ok(&org.calls()),
        ("POST", ["reset"]) => {
            org.reset();
            ok(&json!({}))
        }
        ("GET", ["settings"]) => ok(&org.settings()),
        ("POST", ["settings"]) => or_refuse(body(request).and_then(|patch| org.change_settings(patch))),
        ("GET", ["faults"]) => ok(&org.faults()),
        ("POST", ["faults"]) => {
            let added = body(request).and_then(|faults| org.script(faults));
            or_refuse(added.map(|ids| json!({"ids": ids})))
        }
        ("DELETE", ["faults"]) => {
            org.clear_faults();
            ok(&json!({}))
        }
        ("POST", ["expire_sessions"]) => {
            org.expire_sessions();
            ok(&json!({}))
        }
        _ => refuse(
            404,
            "journal, records/{sobject}, creates/{sobject}, calls, settings, faults, reset, expire_sessions",
        ),
    }
}

fn filter(request: &Request) -> Result<Filter, String> {
    let mut filter = Filter::default();
    for (name, value) in form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes()) {
        let bad = |_| format!("{name}: not a number");
        match name.as_ref() {
            "sobject" => filter.sobject = Some(value.into_owned()),
            "id" => filter.id = Some(RecordId::parse(&value).ok_or_else(|| format!("not a record id: {value}"))?),
            "since" => filter.since = value.parse().map_err(bad)?,
            "limit" => filter.limit = Some(value.parse().map_err(bad)?),
            other => return Err(format!("unknown parameter: {other}")),
        }
    }
    Ok(filter)
}

fn by(request: &Request) -> Option<String> {
    let mut query = form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes());
    query.find(|(name, _)| name == "by").map(|(_, field)| field.into_owned())
}

fn body(request: &Request) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::from_slice(&request.body)
}

fn ok(body: &impl Serialize) -> Answer {
    Answer::json(200, body)
}

fn or_refuse(result: Result<impl Serialize, serde_json::Error>) -> Answer {
    result.map_or_else(|error| refuse(400, &error.to_string()), |body| ok(&body))
}

fn or_say(result: Result<Vec<RecordId>, String>) -> Answer {
    result.map_or_else(|error| refuse(400, &error), |ids| ok(&json!({"ids": ids})))
}

fn refuse(status: u16, error: &str) -> Answer {
    Answer::json(status, &json!({"error": error}))
}
