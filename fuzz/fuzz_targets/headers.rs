//! Any bytes as the headers that say what to do, as an identity, and as the head of a payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sobjectd::fuzz_properties;

fuzz_target!(|data: &[u8]| fuzz_properties::headers(data));
