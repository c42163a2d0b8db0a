//! Any text as an Avro schema, and any other after a separator as the one that it refers to.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sobjectd::format::Schema;
use sobjectd_fuzz::{Names, check, parts, registered};

const LIMIT: usize = 64 * 1024;
/// Small numbers, so that many schemas find something in them.
const DATA: [&[u8]; 3] =
    [&[], &[0; 64], &[2, 2, 2, 2, 0, 2, 4, b'a', b'b', 2, 2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]];

fuzz_target!(|data: &[u8]| {
    let (text, reference) = parts(data);
    let references: Vec<_> = reference.iter().map(|text| ("other", &**text)).collect();
    let schema = Schema::compile(&registered("AVRO", &text, &references));
    for datum in DATA {
        check(schema.read(&[], &Bytes::from_static(datum), LIMIT), LIMIT, Names::UniqueOutside);
    }
});
