//! The work of the calls of the data API.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    login::identity_url,
    org::Org,
    protocol::{Answer, ApiError, Call, CallOptions, Request, Verb},
    query::{Query, Selected, count, page, run},
    rows::{Collection, Forced, Retrieve, Single, body_text},
    schema::{basic, full, global},
    settings::{ApiSettings, Choices},
    store::{Rules, Transaction, View},
    value::RecordId,
};

/// Carries out a call that was admitted.
pub(super) fn execute(org: &Org, call: &Call, request: &Request, forced: &Forced) -> Result<Answer, ApiError> {
    let schema = org.schema();
    match call {
        Call::Collection { verb, sobject, field, query, .. } => {
            let target = sobject.as_deref().zip(field.as_deref());
            collection(org, *verb, target, query, request, forced)
        }
        Call::Row { version, verb, sobject, key, query } => {
            let settings = org.settings();
            let options = CallOptions::read(&request.headers)?;
            let has_body = matches!(verb, Some(Verb::Create | Verb::Update | Verb::Upsert));
            let text = if has_body { Some(json_body(request)?) } else { None };
            let choices = Choices::new(&settings, &org.turns);
            let single = Single::read(&schema, &choices, *version, *verb, sobject, key.as_ref(), query, text);
            choices.end_turn();
            let single = single?;
            if let Some(verb) = verb {
                org.counters.rows(*verb, 1);
            }
            let mut store = org.store();
            let rules = Rules { settings: &settings, schema: &schema };
            single.run(Transaction::new(&mut store, rules, (request.number, options), org.clock.now_millis()), forced)
        }
        Call::Retrieve { version, sobject, query } => {
            let text = if query.is_none() { Some(json_body(request)?) } else { None };
            let retrieve = Retrieve::read(&schema, sobject, query.as_deref(), text)?;
            Ok(retrieve.run(&org.store(), *version, org.settings().user.owner_only))
        }
        Call::Query { version, soql } => {
            let settings = org.settings();
            let query = Query::parse(&schema, soql)?;
            let store = org.store();
            let ids = run(&store, &query, &settings);
            Ok(match query.selected {
                Selected::Count => count(ids.len()),
                Selected::Fields(fields) => {
                    page(&store, &mut org.cursors(), *version, (query.place, fields, ids), settings.api.page_size)
                }
            })
        }
        Call::QueryMore { version, cursor } => {
            let size = org.settings().api.page_size;
            let store = org.store();
            org.cursors().next(&store, *version, cursor, size)
        }
        Call::Describe { version, sobject } => {
            let sobject = schema.sobject(sobject).ok_or_else(ApiError::not_found)?;
            Ok(Answer::json(200, &full(sobject, *version)))
        }
        Call::Basic { version, sobject } => {
            let sobject = schema.sobject(sobject).ok_or_else(ApiError::not_found)?;
            Ok(Answer::json(200, &basic(sobject, *version)))
        }
        Call::Global { version } => Ok(Answer::json(200, &global(&schema, *version))),
        // Needs "View Setup and Configuration" (REST guide, "Limits"); how it is refused was not found.
        Call::Limits if !org.settings().user.view_setup => {
            Err(ApiError::new(403, "INSUFFICIENT_ACCESS", "insufficient access rights on this resource"))
        }
        Call::Limits => Ok(Answer::json(200, &limits(org))),
        Call::Resources { version } => {
            let base = format!("/services/data/v{version}.0");
            let names = ["composite", "limits", "query", "sobjects"];
            let mut list: BTreeMap<_, _> = names.iter().map(|name| (*name, format!("{base}/{name}"))).collect();
            list.insert("identity", identity_url(org));
            Ok(Answer::json(200, &list))
        }
        Call::Versions => Ok(versions(&org.settings().api)),
        // Carried out elsewhere.
        Call::Login | Call::Revoke | Call::Identity | Call::UserInfo | Call::Composite { .. } => {
            Err(ApiError::not_found())
        }
    }
}

fn collection(
    org: &Org,
    verb: Verb,
    target: Option<(&str, &str)>,
    query: &[(String, String)],
    request: &Request,
    forced: &Forced,
) -> Result<Answer, ApiError> {
    let (settings, schema) = (org.settings(), org.schema());
    let options = CallOptions::read(&request.headers)?;
    let collection = if verb == Verb::Delete {
        Collection::delete(query, &org.store())?
    } else {
        // Read before the lock is taken.
        let choices = Choices::new(&settings, &org.turns);
        let collection = Collection::read(&schema, &choices, verb, target, json_body(request)?);
        choices.end_turn();
        collection?
    };
    org.counters.rows(verb, collection.len());
    let mut store = org.store();
    let rules = Rules { settings: &settings, schema: &schema };
    let tx = Transaction::new(&mut store, rules, (request.number, options), org.clock.now_millis());
    let (results, triggered) = collection.run(tx, forced);
    drop(store);
    org.counters.triggered(triggered);
    Ok(Answer::json(200, &results))
}

/// The records that each row of a collection locks: the parents that it names, and the record that it changes. Nothing
/// if the collection cannot be read.
pub(super) fn locked_records(org: &Org, call: &Call, request: &Request) -> Vec<Vec<RecordId>> {
    let Call::Collection { verb, sobject, field, query, .. } = call else { return Vec::new() };
    let target = sobject.as_deref().zip(field.as_deref());
    let (settings, schema) = (org.settings(), org.schema());
    let choices = Choices::new(&settings, &org.turns);
    let collection = if *verb == Verb::Delete {
        Collection::delete(query, &org.store())
    } else {
        json_body(request).and_then(|body| Collection::read(&schema, &choices, *verb, target, body))
    };
    let rules = Rules { settings: &settings, schema: &schema };
    collection.map(|collection| collection.parents(View { store: &org.store(), rules })).unwrap_or_default()
}

pub(super) fn json_body(request: &Request) -> Result<&str, ApiError> {
    let content_type = request.header("content-type").unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with("application/json") {
        let message = "The specified content type is not supported by this resource";
        return Err(ApiError::framework(415, "UNSUPPORTED_MEDIA_TYPE", message));
    }
    body_text(&request.body)
}

/// The versions list: no session, not counted.
fn versions(api: &ApiSettings) -> Answer {
    let seasons = ["Spring", "Summer", "Winter"];
    let list: Vec<_> = (api.oldest_version..=api.newest_version)
        .map(|version| {
            // v31 was Summer '14; a Winter release carries the coming year.
            let release = version.saturating_sub(30);
            let year = 14 + (release + u32::from(release % 3 == 2)) / 3;
            let season = seasons[(release % 3) as usize];
            let year = if season == "Winter" { 15 + (release - 2) / 3 } else { year };
            json!({"label": format!("{season} '{year}"), "url": format!("/services/data/v{version}.0"), "version": format!("{version}.0")})
        })
        .collect();
    Answer::json(200, &list)
}

fn limits(org: &Org) -> serde_json::Value {
    let quota = org.settings().quota;
    let pair = |max: u64, remaining: u64| json!({"Max": max, "Remaining": remaining});
    json!({
        "ConcurrentAsyncGetReportInstances": pair(200, 200),
        "DailyApiRequests": pair(quota.max, quota.max.saturating_sub(quota.used)),
        "DailyAsyncApexExecutions": pair(250_000, 250_000),
        "DailyBulkApiBatches": pair(15_000, 15_000),
        "DataStorageMB": pair(1024, 1024),
        "FileStorageMB": pair(1024, 1024),
        "HourlyTimeBasedWorkflow": pair(1000, 1000),
    })
}
