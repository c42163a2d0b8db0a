use std::collections::BTreeMap;

use super::{CONTACTS, READINGS};

/// One record to be produced.
#[derive(Debug, Clone)]
pub struct SampleRecord {
    pub topic: &'static str,
    pub key: Option<String>,
    pub value: Option<String>,
    pub operation: Option<&'static str>,
}

/// Records, and the outcomes that they must have.
#[derive(Debug)]
pub struct Sample {
    pub records: Vec<SampleRecord>,
    pub expected: Expected,
}

#[derive(Debug, Default)]
pub struct Expected {
    /// Records that are written, by operation.
    pub written: BTreeMap<&'static str, u64>,
    /// Records that are rejected, by the name of the reason or Salesforce's code.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Last names of the contacts at the end, by external id.
    pub contacts: BTreeMap<String, String>,
    /// Readings at the end.
    pub readings: u64,
}

impl SampleRecord {
    /// The operation that it asks for, also without a header.
    pub fn asks_for(&self) -> &'static str {
        self.operation.unwrap_or(if self.value.is_some() { "INSERT" } else { "DELETE" })
    }
}

impl Sample {
    /// Generates records: the same for the same seed.
    pub fn generate(count: u64, seed: u64) -> Self {
        let mut sample = Self { records: Vec::new(), expected: Expected::default() };
        let mut dice = Dice(seed);
        for number in 0..count {
            match dice.roll(100) {
                0..20 => sample.reading(number),
                20..24 => sample.bad(number, &mut dice),
                _ => sample.contact(number, count, &mut dice),
            }
        }
        sample
    }

    fn reading(&mut self, number: u64) {
        *self.expected.written.entry("INSERT").or_default() += 1;
        self.expected.readings += 1;
        let value = format!(r#"{{"Text__c":"reading {number}","Number__c":{number}.25}}"#);
        self.records.push(SampleRecord { topic: READINGS.0, key: None, value: Some(value), operation: None });
    }

    /// Keys repeat: a twentieth of the records, each changed again and again.
    fn contact(&mut self, number: u64, count: u64, dice: &mut Dice) {
        let key = format!("C-{:06}", dice.roll((count / 20).max(1)));
        let name = format!("Name {number}");
        let value = format!(r#"{{"LastName":"{name}","Email":"c{number}@example.com"}}"#);
        let contacts = &mut self.expected.contacts;
        let (operation, value, outcome) = match dice.roll(100) {
            roll @ 0..62 => {
                // In external id mode an INSERT is an upsert.
                contacts.insert(key.clone(), name);
                let operation = if roll < 50 { "UPSERT" } else { "INSERT" };
                (Some(operation), Some(value), Ok(operation))
            }
            62..84 => match contacts.get_mut(&key) {
                Some(known) => {
                    *known = name;
                    (Some("UPDATE"), Some(value), Ok("UPDATE"))
                }
                None => (Some("UPDATE"), Some(value), Err("NotFound")),
            },
            roll => {
                // A delete of a record that does not exist is done.
                contacts.remove(&key);
                let header = (roll < 92).then_some("DELETE");
                (header, header.map(|_| value), Ok("DELETE"))
            }
        };
        self.count(outcome);
        self.records.push(SampleRecord { topic: CONTACTS.0, key: Some(key), value, operation });
    }

    fn bad(&mut self, number: u64, dice: &mut Dice) {
        let key = || Some(format!("BAD-{number}"));
        let long = format!(r#"{{"LastName":"{}"}}"#, "x".repeat(300));
        let (key, value, operation, reason) = match dice.roll(7) {
            0 => (key(), "this is not JSON".to_owned(), "UPSERT", "InvalidValue"),
            1 => (key(), r#"{"LastName":"A"}"#.to_owned(), "MERGE", "InvalidOperation"),
            2 => (None, r#"{"LastName":"A"}"#.to_owned(), "UPSERT", "InvalidKey"),
            3 => (key(), r#"{"LastName":"A","NoSuchField__c":1}"#.to_owned(), "UPSERT", "InvalidField"),
            4 => (key(), r#"{"LastName":"A","ExternalId__c":"another"}"#.to_owned(), "UPSERT", "TargetMismatch"),
            5 => (key(), r#"{"Email":"no.name@example.com"}"#.to_owned(), "UPSERT", "REQUIRED_FIELD_MISSING"),
            _ => (key(), long, "UPSERT", "STRING_TOO_LONG"),
        };
        self.count(Err(reason));
        self.records.push(SampleRecord { topic: CONTACTS.0, key, value: Some(value), operation: Some(operation) });
    }

    fn count(&mut self, outcome: Result<&'static str, &'static str>) {
        let (counts, name) = match outcome {
            Ok(operation) => (&mut self.expected.written, operation),
            Err(reason) => (&mut self.expected.rejected, reason),
        };
        *counts.entry(name).or_default() += 1;
    }
}

/// `SplitMix64`: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}
