//! Any bytes as the headers that say what to do, as an identity, and as the head of a payload.
#![no_main]

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sobjectd::{
    format::read_frame,
    record::{ExternalId, Header, Identity, KeyField, KeyKind, Position, Record, RecordId},
    route::Route,
};

const TEXT: KeyKind = KeyKind::Text { unique: true, case_sensitive: false };
const NUMBER: KeyKind = KeyKind::Number { unique: true, scale: Some(18) };

static ROUTE: LazyLock<Route> = LazyLock::new(|| {
    let route = "topic = 't'\nsobject = 'Thing__c'\noperation = 'upsert'\nexternal_id_field = 'Ext__c'\n\
        operation_header = 'op'\noperation_aliases = { c = 'insert', \"\u{e9}\" = 'delete' }\ntombstone = 'delete'";
    Route::new(&toml::from_str(route).expect("a route"), 1 << 20, None).expect("no registry is asked for")
});

fuzz_target!(|data: &[u8]| {
    read_frame(data);
    let header = Header { name: "op".to_owned(), value: Some(Bytes::copy_from_slice(data)) };
    let position = Position { topic: "t".into(), partition: 0, offset: 0 };
    let mut record = Record { position, timestamp: None, key: None, value: None, headers: vec![header] };
    let without = ROUTE.intent(&record);
    record.value = Some(Bytes::from_static(b"{}"));
    // A null value never asks for more than the same record with a value.
    assert!(ROUTE.intent(&record).is_ok() || without.is_err());

    let Ok(text) = std::str::from_utf8(data) else { return };
    for kind in [TEXT, NUMBER] {
        let field = Arc::new(KeyField { name: "Ext__c".into(), kind });
        let Ok(external) = ExternalId::new(field.clone(), text) else { continue };
        // What the org would read of it is the same record.
        let again = ExternalId::new(field, external.text()).expect("what was taken once");
        assert_eq!(external.match_key(), again.match_key());
        let [first, second] = [external, again].map(|external| Identity::ExternalId(external).gate_key("Thing__c"));
        assert_eq!(first, second);
    }
    if let Ok(id) = text.parse::<RecordId>() {
        assert_eq!(id.as_str().parse::<RecordId>().ok(), Some(id));
    }
});
