//! Any text as a .proto file or a descriptor in base64, and any other after a separator as the file that it imports.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sobjectd::format::Schema;
use sobjectd_fuzz::{Names, check, parts, registered};

const LIMIT: usize = 64 * 1024;
const PATHS: [&[usize]; 4] = [&[0], &[1], &[0, 0], &[7]];
/// The fields 1 to 3 as numbers, as texts, and as messages in each other.
const MESSAGES: [&[u8]; 4] = [&[], &[8, 1, 16, 2, 24, 3], b"\x0a\x01a\x12\x02bc\x1a\x00", b"\x0a\x04\x0a\x02\x08\x01"];

fuzz_target!(|data: &[u8]| {
    let (text, import) = parts(data);
    let references: Vec<_> = import.iter().map(|text| ("other.proto", &**text)).collect();
    let schema = Schema::compile(&registered("PROTOBUF", &text, &references));
    for path in PATHS {
        for message in MESSAGES {
            check(schema.read(path, &Bytes::from_static(message), LIMIT), LIMIT, Names::UniqueOutside);
        }
    }
});
