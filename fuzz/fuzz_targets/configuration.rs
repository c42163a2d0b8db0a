//! Any text as a configuration, and the lines after a separator as variables of the environment.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sobjectd::fuzz_properties;
use sobjectd_fuzz::parts;

fuzz_target!(|data: &[u8]| {
    let (text, variables) = parts(data);
    fuzz_properties::configuration(&text, variables.as_deref().unwrap_or_default());
});
