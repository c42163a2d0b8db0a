//! Any bytes as JSON without a schema. What is taken is JSON to serde_json too.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sobjectd::format::json;
use sobjectd_fuzz::{Names, check};

fuzz_target!(|data: &[u8]| {
    // What is taken is a slice of the input, so that a name may take more bytes there than here.
    check(json::read(Bytes::copy_from_slice(data)), data.len(), Names::UniqueEverywhere);
});
