//! Record ids: a key prefix of 3 characters in a case-sensitive core of 15, and a suffix of 3 that checks its case.

use std::fmt;

use serde::{Serialize, Serializer};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The 15 characters of the org's own id, and the user that every session is of and every record belongs to.
pub(crate) const ORG: &str = "00DSB0000000001";
pub(crate) const USER: &str = "005SB0000000001YAA";

/// The owner of records that are made outside of calls.
pub(crate) fn other_user() -> String {
    RecordId::nth("005", 2).to_string()
}

/// The user that becomes the owner of a record by the org's assignment rules.
pub(crate) fn default_owner() -> String {
    RecordId::nth("005", 3).to_string()
}

/// A record id; it displays and serializes with its 18 characters, as REST returns ids.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId([u8; 15]);

impl RecordId {
    /// Takes 15 characters, or 18 with the right suffix (a wrong suffix is refused: recorded, `update-malformed-id`).
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if !matches!(bytes.len(), 15 | 18) || !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let id = Self(bytes[..15].try_into().ok()?);
        (bytes.len() == 15 || bytes[15..] == id.suffix()).then_some(id)
    }

    /// The `n`th id of a prefix. Neighbours differ in case only (`…A`, `…a`), so a client that folds ids is found out.
    pub(crate) fn nth(prefix: &str, mut n: u64) -> Self {
        let mut core = *b"000SB0000000000";
        for (to, from) in core.iter_mut().zip(prefix.bytes()) {
            *to = from;
        }
        for place in core[6..].iter_mut().rev() {
            *place = BASE62[(n % 62) as usize];
            n /= 62;
        }
        Self(core)
    }

    fn suffix(self) -> [u8; 3] {
        let mut suffix = [0; 3];
        for (place, group) in suffix.iter_mut().zip(self.0.chunks(5)) {
            let bits = group.iter().enumerate().fold(0, |bits, (i, c)| bits | usize::from(c.is_ascii_uppercase()) << i);
            *place = SUFFIX[bits];
        }
        suffix
    }

    /// The 15 characters of the core, as `DUPLICATE_VALUE` texts quote ids.
    pub fn short(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.short()[..3]
    }

    /// An order that follows neither creation nor any order a client would ask in.
    pub(crate) fn scrambled(&self) -> u64 {
        self.0.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())?;
        f.write_str(std::str::from_utf8(&self.suffix()).unwrap_or_default())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_ids_carry_the_suffix_of_their_case() {
        for id in ["a00B000000FSjVUIA1", "001B000001PUvQUIA1", "0037e00001WZ30qAAD", "0687S00000AX5WVQA1"] {
            assert_eq!(RecordId::parse(&id[..15]).unwrap().to_string(), id);
            assert!(RecordId::parse(id).is_some());
        }
        assert_eq!(RecordId::parse("a00B000000FSjVUIB1"), None, "recorded as MALFORMED_ID");
        assert!(RecordId::parse(ORG).is_some());
        assert_eq!(RecordId::parse(USER).unwrap().to_string(), USER);
    }
}
