use std::collections::{BTreeMap, BTreeSet};

use super::{DeadLetter, Expected, by_cause};
use crate::{Org, Value};

impl Expected {
    /// The differences of the org and the dead letters from what is expected; empty if there are none.
    pub fn differences(&self, records: usize, org: &Org, letters: &[DeadLetter]) -> Vec<String> {
        let mut differences = Vec::new();
        let mut check = |what: &str, is: &dyn std::fmt::Debug, must: &dyn std::fmt::Debug| {
            let (is, must) = (format!("{is:?}"), format!("{must:?}"));
            if is != must {
                differences.push(format!("{what}: {is}, expected {must}"));
            }
        };
        check("dead letters", &by_cause(letters), &self.rejected);
        let settled = self.written.values().sum::<u64>() + self.rejected.values().sum::<u64>();
        check("records with an expected outcome", &settled, &records);
        let origins: BTreeSet<_> = letters.iter().map(|letter| &letter.origin).collect();
        check("records with a dead letter", &origins.len(), &letters.len());
        check("records of MyObject__c", &org.records("MyObject__c").len(), &self.readings);

        let text = |value: Option<&Value>| value.and_then(Value::as_text).unwrap_or("").to_owned();
        let contacts = org.records("Contact").into_iter();
        let contacts: BTreeMap<_, _> = contacts
            .map(|record| (text(record.fields.get("ExternalId__c")), text(record.fields.get("LastName"))))
            .collect();
        check("contacts", &contacts.len(), &self.contacts.len());
        for (key, name) in &self.contacts {
            if contacts.get(key) != Some(name) {
                check(&format!("contact {key}"), &contacts.get(key), &Some(name));
            }
        }
        differences
    }
}
