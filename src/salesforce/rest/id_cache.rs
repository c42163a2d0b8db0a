//! Record ids by external id, as queries and upserts have answered them. It serves updates only: a delete always asks,
//! since an external id may have moved to another living record.
//!
//! Invariant: an id is found only as long as no row of ours has named its key field in another way than as its key.
//! Such a row may give a value to another record, or take it away. Ids that were asked for before it was written, and
//! are answered after, are lost as well: each is stored under the generation that was read before its call was made.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};

use crate::{
    config,
    record::{ApiName, Command, ExternalId, KeyField, MatchKey, RecordId},
};

#[derive(Debug)]
pub(crate) struct IdCache {
    ids: moka::future::Cache<CacheKey, RecordId>,
    /// The generation of each key field of updates.
    generations: Mutex<HashMap<FieldKey, u64>>,
}

/// SObject and field.
type FieldKey = (ApiName, ApiName);

type CacheKey = (ApiName, ApiName, u64, MatchKey);

/// The generation of one field's ids at which a call was begun.
#[derive(Debug, Clone)]
pub(crate) struct Generation {
    sobject: ApiName,
    field: ApiName,
    number: u64,
}

impl IdCache {
    pub(crate) fn new(config: &config::Cache) -> Self {
        // The ids of past generations are never used again, and the first to go.
        let lru = moka::policy::EvictionPolicy::lru();
        let builder = moka::future::Cache::builder().max_capacity(config.max_entries).time_to_live(config.ttl);
        Self { ids: builder.eviction_policy(lru).build(), generations: Mutex::default() }
    }

    /// Returns the generation of a field, to be read before the call whose answer is remembered.
    pub(crate) fn generation(&self, sobject: &ApiName, field: &KeyField) -> Generation {
        let key = (sobject.clone(), field.name.clone());
        let number = *self.lock().entry(key).or_default();
        Generation { sobject: sobject.clone(), field: field.name.clone(), number }
    }

    pub(crate) async fn get(&self, generation: &Generation, value: &ExternalId) -> Option<RecordId> {
        self.ids.get(&generation.key(value)).await
    }

    pub(crate) async fn remember(&self, generation: &Generation, value: &ExternalId, id: RecordId) {
        self.ids.insert(generation.key(value), id).await;
    }

    pub(crate) async fn evict(&self, sobject: &ApiName, value: &ExternalId) {
        self.ids.invalidate(&self.generation(sobject, value.field()).key(value)).await;
    }

    /// A row of the command has been written, or may have been: forgets all ids of the key fields among its fields.
    pub(crate) fn written(&self, command: &Command) {
        let mut generations = self.lock();
        if generations.is_empty() {
            return;
        }
        let sobject = &command.sobject.name;
        for (name, _) in command.fields.iter() {
            let known = generations.iter_mut().find(|((of, field), _)| of == sobject && field == name);
            if let Some((_, number)) = known {
                *number += 1;
            }
        }
    }

    pub(crate) fn clear(&self) {
        self.ids.invalidate_all();
        self.lock().values_mut().for_each(|number| *number += 1);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FieldKey, u64>> {
        self.generations.lock()
    }
}

impl Generation {
    fn key(&self, value: &ExternalId) -> CacheKey {
        (self.sobject.clone(), self.field.clone(), self.number, value.match_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{Action, KeyKind},
        salesforce::testing,
    };

    const TEXT: KeyKind = KeyKind::Text { unique: true, case_sensitive: false };

    #[tokio::test]
    async fn a_row_that_names_a_key_field_forgets_its_ids_and_those_on_their_way() {
        let cache = IdCache::new(&config::Cache::default());
        let object = testing::sobject("Thing__c", &["Ext__c", "Other__c", "Text__c"]);
        let [external, other] = ["Ext__c", "Other__c"].map(|field| testing::external(field, TEXT, "e1"));
        let id: RecordId = "0017Q00000EZlby".parse().unwrap();
        let wrote = |json: &str| {
            cache.written(&testing::command(Action::Create, &object, None, testing::fields(json)));
        };
        let generation = |value: &ExternalId| cache.generation(&object.name, value.field());
        wrote(r#"{"Ext__c":"before anything was asked"}"#);
        for (json, left) in [
            (r#"{"Text__c":"x"}"#, (true, true)),
            (r#"{"EXT__C":"e1"}"#, (false, true)),
            (r#"{"Other__c":null}"#, (true, false)),
            (r#"{"Other__c":"a","Ext__c":"b"}"#, (false, false)),
        ] {
            let begun = [generation(&external), generation(&other)];
            cache.remember(&begun[0], &external, id).await;
            cache.remember(&begun[1], &other, id).await;
            wrote(json);
            let found = async || {
                let found = cache.get(&generation(&external), &external).await;
                (found.is_some(), cache.get(&generation(&other), &other).await.is_some())
            };
            assert_eq!(found().await, left, "{json}");
            // The answer of a query that was begun before.
            cache.remember(&begun[0], &external, id).await;
            cache.remember(&begun[1], &other, id).await;
            assert_eq!(found().await, left, "{json}, late");
        }
        cache.remember(&generation(&external), &external, id).await;
        cache.clear();
        assert_eq!(cache.get(&generation(&external), &external).await, None);
    }
}
