//! Record ids by external id, as queries and upserts have answered them. It serves updates only: a delete always asks,
//! since an external id may have moved to another living record.
//!
//! Nothing is remembered of a field before an update has looked it up: a process that makes no updates by external id
//! pays nothing for the ids that its upserts are answered with. From that look-up on the field is *watched*.
//!
//! Invariant: an id is found only as long as no row of ours has named its key field in another way than as its key.
//! Such a row may give a value to another record, or take it away. Ids that were asked for before it was written, and
//! are answered after, are lost as well: each is stored under the generation that was read before its call was made.
//! A call that was made before its field was watched has no generation, and none of its ids is remembered.

use parking_lot::{Mutex, MutexGuard};

use crate::{
    config,
    record::{ApiName, Command, ExternalId, KeyField, MatchKey, RecordId},
};

#[derive(Debug)]
pub(crate) struct IdCache {
    ids: moka::sync::Cache<(Generation, MatchKey), RecordId>,
    watched: Mutex<WatchedFields>,
}

/// The ids of one field, from one moment to the next at which they are forgotten. No two fields share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Generation(u64);

/// The key fields that updates have looked up: a few, since routes name them.
#[derive(Debug, Default)]
struct WatchedFields {
    fields: Vec<WatchedField>,
    last: u64,
}

#[derive(Debug)]
struct WatchedField {
    sobject: ApiName,
    field: ApiName,
    generation: Generation,
}

impl IdCache {
    pub(crate) fn new(config: &config::Cache) -> Self {
        // The ids of past generations are never used again, and the first to go.
        let lru = moka::policy::EvictionPolicy::lru();
        let builder = moka::sync::Cache::builder().max_capacity(config.max_entries).time_to_live(config.ttl);
        Self { ids: builder.eviction_policy(lru).build(), watched: Mutex::default() }
    }

    /// Watches a field from now on, which an update looks up. Returns its generation, to be read before the query.
    pub(crate) fn watch(&self, sobject: &ApiName, field: &KeyField) -> Generation {
        let mut watched = self.lock();
        match watched.generation(sobject, field) {
            Some(generation) => generation,
            None => watched.add(sobject.clone(), field.name.clone()),
        }
    }

    /// Returns the generation of a watched field, to be read before the call whose answer is remembered.
    pub(crate) fn generation(&self, sobject: &ApiName, field: &KeyField) -> Option<Generation> {
        self.lock().generation(sobject, field)
    }

    /// Whether a field of the SObject is watched. Of one that is not, a row that was written before this was asked has
    /// nothing to forget: the query of a later look-up sees the row.
    pub(crate) fn is_watching(&self, sobject: &ApiName) -> bool {
        self.lock().fields.iter().any(|watched| watched.sobject == *sobject)
    }

    pub(crate) fn get(&self, generation: Generation, value: &ExternalId) -> Option<RecordId> {
        self.ids.get(&(generation, value.match_key()))
    }

    pub(crate) fn remember(&self, generation: Generation, value: &ExternalId, id: RecordId) {
        self.ids.insert((generation, value.match_key()), id);
    }

    pub(crate) fn evict(&self, sobject: &ApiName, value: &ExternalId) {
        if let Some(generation) = self.generation(sobject, value.field()) {
            self.ids.invalidate(&(generation, value.match_key()));
        }
    }

    /// A row of the command has been written, or may have been: forgets all ids of the key fields among its fields.
    pub(crate) fn written(&self, command: &Command) {
        let is_named = |watched: &WatchedField| {
            watched.sobject == command.sobject.name && command.fields.iter().any(|(name, _)| *name == watched.field)
        };
        self.lock().forget(is_named);
    }

    /// Forgets all ids. The fields stay watched.
    pub(crate) fn clear(&self) {
        self.ids.invalidate_all();
        self.lock().forget(|_| true);
    }

    /// The number of ids, those of past generations included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> u64 {
        self.ids.run_pending_tasks();
        self.ids.entry_count()
    }

    fn lock(&self) -> MutexGuard<'_, WatchedFields> {
        self.watched.lock()
    }
}

impl WatchedFields {
    fn generation(&self, sobject: &ApiName, field: &KeyField) -> Option<Generation> {
        let watched = self.fields.iter().find(|watched| watched.sobject == *sobject && watched.field == field.name);
        watched.map(|watched| watched.generation)
    }

    fn add(&mut self, sobject: ApiName, field: ApiName) -> Generation {
        self.last += 1;
        let generation = Generation(self.last);
        self.fields.push(WatchedField { sobject, field, generation });
        generation
    }

    /// Gives a new generation to the fields that are meant: what is stored under their last one is not found any more.
    fn forget(&mut self, is_meant: impl Fn(&WatchedField) -> bool) {
        for watched in self.fields.iter_mut().filter(|watched| is_meant(watched)) {
            self.last += 1;
            watched.generation = Generation(self.last);
        }
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

    #[test]
    fn a_row_that_names_a_key_field_forgets_its_ids_and_those_on_their_way() {
        let cache = IdCache::new(&config::Cache::default());
        let object = testing::sobject("Thing__c", &["Ext__c", "Other__c", "Text__c"]);
        let [external, other] = ["Ext__c", "Other__c"].map(|field| testing::external(field, TEXT, "e1"));
        let id: RecordId = "0017Q00000EZlby".parse().unwrap();
        let wrote = |json: &str| {
            cache.written(&testing::command(Action::Create, &object, None, testing::fields(json)));
        };
        let generation = |value: &ExternalId| cache.watch(&object.name, value.field());
        wrote(r#"{"Ext__c":"before anything was asked"}"#);
        for (json, left) in [
            (r#"{"Text__c":"x"}"#, (true, true)),
            (r#"{"EXT__C":"e1"}"#, (false, true)),
            (r#"{"Other__c":null}"#, (true, false)),
            (r#"{"Other__c":"a","Ext__c":"b"}"#, (false, false)),
        ] {
            let begun = [generation(&external), generation(&other)];
            cache.remember(begun[0], &external, id);
            cache.remember(begun[1], &other, id);
            wrote(json);
            let found = || {
                let found = cache.get(generation(&external), &external);
                (found.is_some(), cache.get(generation(&other), &other).is_some())
            };
            assert_eq!(found(), left, "{json}");
            // The answer of a query that was begun before.
            cache.remember(begun[0], &external, id);
            cache.remember(begun[1], &other, id);
            assert_eq!(found(), left, "{json}, late");
        }
        let begun = generation(&external);
        cache.remember(begun, &external, id);
        cache.clear();
        assert_eq!(cache.get(generation(&external), &external), None);
        cache.remember(begun, &external, id);
        assert_eq!(cache.get(generation(&external), &external), None, "late");
    }

    #[test]
    fn a_field_is_watched_from_its_first_look_up_on() {
        let cache = IdCache::new(&config::Cache::default());
        let [thing, place] = ["Thing__c", "Place__c"].map(|name| testing::sobject(name, &["Ext__c"]));
        let [external, other] = ["Ext__c", "Other__c"].map(|field| testing::external(field, TEXT, "e1"));
        assert_eq!(cache.generation(&thing.name, external.field()), None);
        cache.evict(&thing.name, &external);
        assert!(!cache.is_watching(&thing.name));
        let watched = cache.watch(&thing.name, external.field());
        assert_eq!(cache.watch(&"thing__C".into(), external.field()), watched);
        for (sobject, value, expected) in
            [(&thing, &external, Some(watched)), (&thing, &other, None), (&place, &external, None)]
        {
            assert_eq!(cache.generation(&sobject.name, value.field()), expected);
        }
        assert!(cache.is_watching(&thing.name) && !cache.is_watching(&place.name));
        cache.clear();
        assert!(cache.generation(&thing.name, external.field()).is_some_and(|generation| generation != watched));
    }
}
