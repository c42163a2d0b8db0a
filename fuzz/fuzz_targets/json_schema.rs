//! Any text as a JSON schema, and any other after a separator as the payload.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sobjectd::format::Schema;
use sobjectd_fuzz::{Names, check, parts, registered};

const LIMIT: usize = 1024 * 1024;
const OTHER: &str = r##"{"$id":"http://a.b/other.json","properties":{"day":{"title":"org.apache.kafka.connect.data.Date"},
    "next":{"$ref":"#"},"all":{"items":{"$ref":"#/properties/day"}}}}"##;

fuzz_target!(|data: &[u8]| {
    let (text, payload) = parts(data);
    let schema = Schema::compile(&registered("JSON", &text, &[("other.json", OTHER)]));
    let payload = payload.as_deref().unwrap_or(r#"{"a":1,"b":[1],"c":{"a":"AQ=="}}"#);
    check(schema.read(&[], &Bytes::copy_from_slice(payload.as_bytes()), LIMIT), LIMIT, Names::UniqueEverywhere);
});
