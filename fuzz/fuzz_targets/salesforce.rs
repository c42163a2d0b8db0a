//! Any bytes as an answer of the org. The first of them chooses who asked for it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sobjectd::salesforce::fuzz_properties;

fuzz_target!(|data: &[u8]| fuzz_properties::read(data));
