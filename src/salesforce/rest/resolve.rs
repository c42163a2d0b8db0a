//! Record ids by external id, for updates and deletes: the cache, and queries for many values at a time. A delete
//! always asks: what it finds is gone for good. Only the look-ups of updates make the cache remember a field's ids.
//!
//! Which row an answer belongs to is decided here and by [`MatchKey`]; the org compares without case in most queries,
//! so that it answers more than was asked:
//!
//! | the org's rows for a value | it is |
//! |---|---|
//! | one letter for letter, whatever else | found |
//! | else one with the same match key | found |
//! | two or more | ambiguous |
//! | none, but a row that was not asked for | asked again alone: then a single row is the org's own answer. Not where the field knows case, or is not unique: what differs in case is another record there, and nothing is asked again |
//! | none | not found |

use std::{collections::HashSet, sync::Arc};

use super::{
    super::{
        Observer,
        call::{Calls, is_of_every_call},
        classify::IdOrigin,
        http::request::{ApiRequest, Endpoint, Purpose},
        part::call_rejected,
    },
    id_cache::IdCache,
    soql::{self, Hit},
};
use crate::{
    config,
    record::{Action, ApiName, Cause, ExternalId, Identity, KeyField, KeyKind, MatchKey, OrderKey, RecordId, Verdict},
};

/// The most pages of a query, of 2,000 rows each: more records for a few values are not an answer that serves.
const MAX_PAGES: usize = 10;

#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) cache: IdCache,
    calls: Arc<Calls>,
    observer: Arc<dyn Observer>,
}

/// The result of looking an external id up.
#[derive(Debug, Clone)]
pub(crate) enum Resolved {
    Found(RecordId, IdOrigin),
    NotFound,
    Ambiguous(Vec<RecordId>),
    Failed(Verdict),
}

impl Resolver {
    pub(crate) fn new(config: &config::Cache, calls: Arc<Calls>, observer: Arc<dyn Observer>) -> Self {
        Self { cache: IdCache::new(config), calls, observer }
    }

    /// Looks the values up: one result for each, in their order. `values` are of one field, for one action.
    pub(crate) async fn resolve(&self, sobject: &ApiName, action: Action, values: &[&ExternalId]) -> Vec<Resolved> {
        let mut resolved = vec![Resolved::NotFound; values.len()];
        let Some(first) = values.first() else { return resolved };
        // A delete does not use the cache, so that its look-ups are not a reason to fill it.
        let is_served = action == Action::Update;
        let generation = if is_served {
            Some(self.cache.watch(sobject, first.field()))
        } else {
            self.cache.generation(sobject, first.field())
        };
        let mut open = Vec::new();
        for (index, value) in values.iter().enumerate() {
            match generation.filter(|_| is_served).and_then(|generation| self.cache.get(generation, value)) {
                Some(id) => resolved[index] = Resolved::Found(id, IdOrigin::Cache),
                None => open.push(index),
            }
        }
        self.observer.ids_looked_up(values.len() - open.len(), open.len());
        let asked: Vec<_> = open.iter().map(|index| values[*index]).collect();
        let mut parts = soql::parts(&asked, self.calls.longest_query()).into_iter();
        while let Some(part) = parts.next() {
            let answers = self.ask(sobject, &asked[part.clone()]).await;
            let stop = answers.iter().find_map(|answer| match answer {
                Resolved::Failed(verdict) if is_of_every_call(verdict) => Some(verdict.clone()),
                _ => None,
            });
            for (at, answer) in part.zip(answers) {
                match (&answer, generation) {
                    (Resolved::Found(id, _), Some(generation)) => self.cache.remember(generation, asked[at], *id),
                    (Resolved::NotFound | Resolved::Ambiguous(_), _) => self.cache.evict(sobject, asked[at]),
                    (Resolved::Found(..), None) | (Resolved::Failed(_), _) => {}
                }
                resolved[open[at]] = answer;
            }
            // Neither the org nor the place takes calls: the others need not find out.
            if let Some(verdict) = stop {
                for at in parts.by_ref().flatten() {
                    resolved[open[at]] = Resolved::Failed(verdict.clone());
                }
            }
        }
        resolved
    }

    /// Queries one part of the values: one result for each.
    async fn ask(&self, sobject: &ApiName, values: &[&ExternalId]) -> Vec<Resolved> {
        let Some(first) = values.first() else { return Vec::new() };
        let hits = match self.query(sobject, first.field(), values).await {
            Ok(hits) => hits,
            Err(verdict) => return vec![Resolved::Failed(verdict); values.len()],
        };
        if let [value] = values {
            return vec![find_alone(value, &hits)];
        }
        let mut resolved: Vec<_> = values.iter().map(|value| find_among_many(value, &hits)).collect();
        for index in unanswered_near_strays(values, &resolved, &hits) {
            resolved[index] = match self.query(sobject, first.field(), &values[index..=index]).await {
                Ok(hits) => find_alone(values[index], &hits),
                Err(verdict) => Resolved::Failed(verdict),
            };
        }
        resolved
    }

    async fn query(&self, sobject: &str, field: &KeyField, values: &[&ExternalId]) -> Result<Vec<Hit>, Verdict> {
        let query = soql::query(sobject, field, values);
        let mut endpoint = Endpoint::Data { segments: vec!["query".into()], query: Some(query) };
        let mut hits = Vec::new();
        for _ in 0..MAX_PAGES {
            let request = ApiRequest { rows: values.len(), ..ApiRequest::get("query", Purpose::Resolve, endpoint) };
            let page = self.calls.make(&request, |body| soql::read(body, field)).await?;
            hits.extend(page.hits);
            match page.next {
                None => return Ok(hits),
                Some(next) => endpoint = Endpoint::Path(next),
            }
        }
        let message = format!("more than {} records have these values in {}", hits.len(), field.name);
        Err(call_rejected(Cause::new(message)))
    }
}

/// Finds the value's record among the rows of a query for many values.
fn find_among_many(value: &ExternalId, hits: &[Hit]) -> Resolved {
    let key = value.match_key();
    let is_match = |hit: &&Hit| MatchKey::new(value.field(), &hit.value) == key || value.is_exactly(&hit.value);
    pick_record(value, hits.iter().filter(is_match).collect())
}

/// Finds the value's record in the answer to a query for it alone: the org knows best how it compares, unless it can
/// only mean equal.
fn find_alone(value: &ExternalId, hits: &[Hit]) -> Resolved {
    let is_match = |hit: &&Hit| match value.field().kind {
        KeyKind::Text { case_sensitive: true, .. } => value.is_exactly(&hit.value),
        KeyKind::Text { .. } => true,
        KeyKind::Number { .. } => value.is_exactly(&hit.value) || is_same_double(value.text(), &hit.value),
    };
    pick_record(value, hits.iter().filter(is_match).collect())
}

/// Whether the org has written `asked` as a double. It keeps 18 digits, and may write only those of a double:
/// `1.2345678901234568E17`. Digits without an exponent are all that there are.
fn is_same_double(asked: &str, written: &str) -> bool {
    if !written.contains(['e', 'E']) {
        return false;
    }
    let double = |text: &str| text.trim().parse::<f64>().ok().map(f64::to_bits);
    double(asked).is_some() && double(asked) == double(written)
}

/// Returns the record of the rows that match a value. Rows with exactly the value come before all others.
fn pick_record(value: &ExternalId, matches: Vec<&Hit>) -> Resolved {
    let exact: Vec<_> = matches.iter().copied().filter(|hit| value.is_exactly(&hit.value)).collect();
    let best = if exact.is_empty() { matches } else { exact };
    let ids: HashSet<_> = best.into_iter().map(|hit| hit.id).collect();
    let mut ids = ids.into_iter();
    match (ids.next(), ids.next()) {
        (None, _) => Resolved::NotFound,
        (Some(id), None) => Resolved::Found(id, IdOrigin::Query),
        (Some(first), Some(second)) => Resolved::Ambiguous([first, second].into_iter().chain(ids).collect()),
    }
}

/// Returns the values without an answer that a row which answers no value may belong to, by their places: those that
/// are alike in a coarse comparison, or all of them if none is. Where case makes another record, a row in another case
/// is not an answer.
fn unanswered_near_strays(values: &[&ExternalId], resolved: &[Resolved], hits: &[Hit]) -> Vec<usize> {
    let Some(field) = values.first().map(|value| value.field()) else { return Vec::new() };
    if let KeyKind::Text { case_sensitive: true, .. } = field.kind {
        return Vec::new();
    }
    let coarse = |text: &str| -> Option<OrderKey> {
        let value = ExternalId::new(Arc::new(field.clone()), text).ok()?;
        Some(Identity::ExternalId(value).order_key(""))
    };
    let asked: HashSet<_> = values.iter().map(|value| value.match_key()).collect();
    let strays = hits.iter().filter(|hit| !asked.contains(&MatchKey::new(field, &hit.value)));
    let strays: HashSet<_> = strays.map(|hit| coarse(&hit.value)).collect();
    let (mut alike, mut unlike, mut explained) = (Vec::new(), Vec::new(), HashSet::new());
    for (index, value) in values.iter().enumerate() {
        if !matches!(resolved[index], Resolved::NotFound) {
            continue;
        }
        let key = coarse(value.text());
        if strays.contains(&key) {
            alike.push(index);
            explained.insert(key);
        } else {
            unlike.push(index);
        }
    }
    if strays.is_subset(&explained) { alike } else { [alike, unlike].concat() }
}

#[cfg(test)]
#[path = "tests/resolve.rs"]
mod tests;
