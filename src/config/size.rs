//! Serialises sizes in bytes: `4096`, `"512KiB"`, `"16MiB"`.

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, Serializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Bytes(u64),
    Text(String),
}

pub(super) fn parse(text: &str) -> Option<usize> {
    let size: ByteSize = text.parse().ok()?;
    usize::try_from(size.as_u64()).ok()
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let size = match Written::deserialize(deserializer)? {
        Written::Bytes(bytes) => usize::try_from(bytes).ok(),
        Written::Text(text) => parse(&text),
    };
    size.ok_or_else(|| serde::de::Error::custom("expected a size, such as \"16MiB\""))
}

/// Writes a size in the largest unit that leaves no fraction.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(super) fn serialize<S: Serializer>(size: &usize, serializer: S) -> Result<S::Ok, S::Error> {
    const UNITS: [(u32, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match UNITS.iter().find(|(bits, _)| *size > 0 && size.trailing_zeros() >= *bits) {
        Some((bits, unit)) => serializer.collect_str(&format_args!("{}{unit}", size >> bits)),
        None => serializer.serialize_u64(*size as u64),
    }
}
