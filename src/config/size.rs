//! Sizes in bytes: `4096`, `"512KiB"`, `"16MiB"`.

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer};

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
