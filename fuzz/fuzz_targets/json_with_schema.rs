//! Any bytes as a record of Connect's `JsonConverter`, with the schema in it.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sobjectd::format::json_with_schema::JsonWithSchema;
use sobjectd_fuzz::{Names, check};

const LIMIT: usize = 1024 * 1024;

fuzz_target!(|data: &[u8]| {
    check(JsonWithSchema::default().read(Bytes::copy_from_slice(data), LIMIT), LIMIT, Names::UniqueEverywhere);
});
