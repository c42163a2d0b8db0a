//! Properties that every parser of untrusted input must satisfy. The fuzz targets check them, and short tests below.
//! [`crate::salesforce::fuzz_properties`] has those of the org's answers.

use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;

use crate::{
    config::load_text,
    format::read_frame,
    record::{ExternalId, Header, Identity, KeyField, KeyKind, Position, Record, RecordId},
    sink::route::Route,
};

/// Checks the parsers of the operation header, of an identity, and of a payload's frame.
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
    let mut record = Record { position, timestamp: None, key: None, value: None, headers: vec![header], excess: None };
    let without = ROUTE.intent(&record);
    record.value = Some(Bytes::from_static(b"{}"));
    // A null value never asks for more than the same record with a value.
    assert!(ROUTE.intent(&record).is_ok() || without.is_err());
}

/// Checks that an identity and the text that is sent to the org name the same record.
fn identity(text: &str) {
    let kinds =
        [KeyKind::Text { unique: true, case_sensitive: false }, KeyKind::Number { unique: true, scale: Some(18) }];
    for kind in kinds {
        let field = Arc::new(KeyField { name: "Ext__c".into(), kind });
        let Ok(external) = ExternalId::new(field.clone(), text) else { continue };
        let sent = ExternalId::new(field, external.text()).expect("a text that was accepted once");
        assert_eq!(external.match_key(), sent.match_key());
        let [order_key, sent_gate_key] = [external, sent].map(|id| Identity::ExternalId(id).order_key("Thing__c"));
        assert_eq!(order_key, sent_gate_key);
    }
    if let Ok(id) = text.parse::<RecordId>() {
        assert_eq!(id.as_str().parse::<RecordId>().ok(), Some(id));
    }
}

/// Checks the loader with a configuration and variables of the environment, one in each line. Texts that may name a
/// file are skipped, since the file of a secret is read.
///
/// # Panics
///
/// If the configuration is refused without a problem.
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

    /// A seed, the place where it is cut off, the place where it is damaged, and the bytes that are put there.
    type Damage = (Index, Index, Index, [u8; 2]);

    /// Reads one of the target's seeds: unchanged, cut off, and with two bytes in place of one.
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

    // Short runs of the fuzz targets `salesforce`, `headers` and `configuration`.
    proptest! {
        #[test]
        fn the_parser_of_answers_survives_any_input(damage in any::<Damage>()) {
            read_damaged("salesforce", damage, salesforce::fuzz_properties::read);
        }

        #[test]
        fn the_parser_of_headers_survives_any_input(damage in any::<Damage>()) {
            read_damaged("headers", damage, headers);
        }

        #[test]
        fn the_loader_survives_any_configuration(damage in any::<Damage>()) {
            read_damaged("configuration", damage, configuration_of);
        }
    }
}
