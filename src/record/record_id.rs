use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

/// A Salesforce record id in its 18-character form, which is safe to compare without case (REST guide, "Record ID").
///
/// Two ids are equal if their first 15 characters are: the last three only repeat what case these have.
#[derive(Clone, Copy)]
pub struct RecordId([u8; 18]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordIdError {
    #[error("a record id has 15 or 18 characters, not {0}")]
    Length(usize),
    #[error("a record id has only letters and digits")]
    Character,
    #[error("the last three characters of the record id do not fit the others")]
    Checksum,
}

impl RecordId {
    const CORE: usize = 15;

    /// An id as the org itself gives it: taken as it is, since the org will be given it back.
    pub fn from_org(text: &str) -> Result<Self, RecordIdError> {
        match <[u8; 18]>::try_from(text.as_bytes()) {
            Ok(id) if id.iter().all(u8::is_ascii_alphanumeric) => Ok(Self(id)),
            _ => text.parse(),
        }
    }

    fn core(&self) -> &[u8] {
        &self.0[..Self::CORE]
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl PartialEq for RecordId {
    fn eq(&self, other: &Self) -> bool {
        self.core() == other.core()
    }
}

impl Eq for RecordId {}

impl Hash for RecordId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.core().hash(state);
    }
}

impl FromStr for RecordId {
    type Err = RecordIdError;

    /// Takes the 15- and the 18-character form. The suffix of the long form is checked without case, since it exists
    /// for systems that lose the case.
    fn from_str(text: &str) -> Result<Self, RecordIdError> {
        let bytes = text.as_bytes();
        if !matches!(bytes.len(), 15 | 18) {
            return Err(RecordIdError::Length(text.chars().count()));
        }
        if !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return Err(RecordIdError::Character);
        }
        let mut id = [0; 18];
        id[..15].copy_from_slice(&bytes[..15]);
        for (group, suffix) in bytes[..15].chunks(5).zip(15..) {
            id[suffix] = checksum(group);
        }
        if bytes.len() == 18 && !bytes[15..].eq_ignore_ascii_case(&id[15..]) {
            return Err(RecordIdError::Checksum);
        }
        Ok(Self(id))
    }
}

/// Five characters → one: bit i says whether character i is an upper-case letter.
fn checksum(group: &[u8]) -> u8 {
    let bits = group.iter().rev().fold(0_u8, |bits, c| bits << 1 | u8::from(c.is_ascii_uppercase()));
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[usize::from(bits)]
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_one_id() {
        let long: RecordId = "0017Q00000EZlbyQAD".parse().unwrap();
        assert_eq!("0017Q00000EZlby".parse::<RecordId>(), Ok(long));
        assert_eq!("0017Q00000EZlbyqad".parse::<RecordId>(), Ok(long));
        assert_eq!(long.to_string(), "0017Q00000EZlbyQAD");
    }

    #[test]
    fn the_orgs_own_ids_are_taken_as_they_are() {
        let id = RecordId::from_org("0017Q00000EZlbyXXX").unwrap();
        assert_eq!((id.as_str(), id), ("0017Q00000EZlbyXXX", "0017Q00000EZlby".parse().unwrap()));
        assert_eq!(RecordId::from_org("0017Q00000EZlby").unwrap().as_str(), "0017Q00000EZlbyQAD");
        assert!(RecordId::from_org("0017Q00000EZlby-AD").is_err() && RecordId::from_org("").is_err());
    }

    #[test]
    fn a_wrong_suffix_is_refused() {
        // The suffix of a recorded MALFORMED_ID answer.
        assert_eq!("a00B000000FSjVUIB1".parse::<RecordId>(), Err(RecordIdError::Checksum));
        assert!("a00B000000FSjVUIA1".parse::<RecordId>().is_ok());
    }

    #[test]
    fn what_is_not_an_id_says_why() {
        assert_eq!("".parse::<RecordId>(), Err(RecordIdError::Length(0)));
        assert_eq!("0017Q00000EZlb-".parse::<RecordId>(), Err(RecordIdError::Character));
        assert_eq!("0017Q00000EZlbü".parse::<RecordId>(), Err(RecordIdError::Length(15)));
    }
}
