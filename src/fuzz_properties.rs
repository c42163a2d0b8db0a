//! What is asked of whatever reads bytes that others have written, whatever these are: by the fuzz targets, and shortly
//! by the tests. The org's answers: [`crate::salesforce::fuzz_properties`].

use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;

use crate::{
    config::load_text,
    format::read_frame,
    record::{Excess, ExternalId, Header, Identity, KeyField, KeyKind, Position, Record, RecordId},
    sink::route::Route,
};

/// The headers that say what to do, an identity, and the head of a payload.
pub fn headers(data: &[u8]) {
    read_frame(data);
    intent(data);
    if let Ok(text) = std::str::from_utf8(data) {
        identity(text);
    }
}

fn intent(word: &[u8]) {
    static ROUTE: LazyLock<Route> = LazyLock::new(|| {
        let route = "topic = 't'\nsobject = 'Thing__c'\noperation = 'upsert'\nexternal_id_field = 'Ext__c'\n\
            operation_header = 'op'\noperation_aliases = { c = 'insert', \"\u{e9}\" = 'delete' }\ntombstone = 'delete'";
        Route::new(&toml::from_str(route).expect("a route"), 1 << 20, None).expect("no registry is asked for")
    });
    let header = Header { name: "op".to_owned(), value: Some(Bytes::copy_from_slice(word)) };
    let position = Position { topic: "t".into(), partition: 0, offset: 0 };
    let mut record =
        Record { position, timestamp: None, key: None, value: None, headers: vec![header], excess: Excess::default() };
    let without = ROUTE.intent(&record);
    record.value = Some(Bytes::from_static(b"{}"));
    // A null value never asks for more than the same record with a value.
    assert!(ROUTE.intent(&record).is_ok() || without.is_err());
}

/// What the org would read of it is the same record.
fn identity(text: &str) {
    let kinds =
        [KeyKind::Text { unique: true, case_sensitive: false }, KeyKind::Number { unique: true, scale: Some(18) }];
    for kind in kinds {
        let field = Arc::new(KeyField { name: "Ext__c".into(), kind });
        let Ok(external) = ExternalId::new(field.clone(), text) else { continue };
        let again = ExternalId::new(field, external.text()).expect("what was taken once");
        assert_eq!(external.match_key(), again.match_key());
        let [first, second] = [external, again].map(|external| Identity::ExternalId(external).gate_key("Thing__c"));
        assert_eq!(first, second);
    }
    if let Ok(id) = text.parse::<RecordId>() {
        assert_eq!(id.as_str().parse::<RecordId>().ok(), Some(id));
    }
}

/// A configuration, and variables of the environment, one in each line. Texts that may name a file are left out: a
/// secret's file is read.
///
/// # Panics
///
/// When it is wrong and nothing is said of why.
pub fn configuration(text: &str, variables: &str) {
    let names_file = |text: &str| text.to_ascii_lowercase().contains("file");
    if names_file(text) || names_file(variables) {
        return;
    }
    let variable = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        (format!("SOBJECTD__{name}"), value.to_owned())
    };
    if let Err(problems) = load_text(text, Path::new("f.toml"), variables.lines().map(variable)) {
        assert!(!problems.to_string().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index};

    use super::*;
    use crate::salesforce;

    /// Where a seed is cut off, and where it is damaged, and by what.
    type Damage = (Index, Index, Index, [u8; 2]);

    /// One of the target's seeds: as it is, cut off, and with two bytes in place of one.
    fn read_damaged(target: &str, (seed, cut, at, bytes): Damage, read: impl Fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let seed = std::fs::read(seed.get(&files)).unwrap();
        read(&seed);
        read(&seed[..cut.index(seed.len())]);
        let mut damaged = seed;
        let at = at.index(damaged.len());
        damaged.splice(at..=at, bytes);
        read(&damaged);
    }

    fn configuration_of(data: &[u8]) {
        let text = String::from_utf8_lossy(data);
        let (text, variables) = text.split_once('\u{1e}').unwrap_or((&text, ""));
        configuration(text, variables);
    }

    // Short runs of the fuzz targets of these names.
    proptest! {
        #[test]
        fn no_answer_is_beyond_its_parser(damage in any::<Damage>()) {
            read_damaged("salesforce", damage, salesforce::fuzz_properties::read);
        }

        #[test]
        fn no_header_is_beyond_its_reader(damage in any::<Damage>()) {
            read_damaged("headers", damage, headers);
        }

        #[test]
        fn no_configuration_is_beyond_its_loader(damage in any::<Damage>()) {
            read_damaged("configuration", damage, configuration_of);
        }
    }
}
