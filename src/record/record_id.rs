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

    /// The first three characters, which name the SObject (a describe's `keyPrefix`).
    pub fn prefix(&self) -> &str {
        &self.as_str()[..3]
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
    /// for systems that lose the case: an id whose letters are all lower or all upper case gets its own case back.
    fn from_str(text: &str) -> Result<Self, RecordIdError> {
        let bytes = text.as_bytes();
        if !matches!(bytes.len(), 15 | 18) {
            return Err(RecordIdError::Length(text.chars().count()));
        }
        if !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return Err(RecordIdError::Character);
        }
        let (core, given) = bytes.split_at(Self::CORE);
        let id = with_suffix(core);
        if given.is_empty() || given.eq_ignore_ascii_case(&id[Self::CORE..]) {
            return Ok(Self(id));
        }
        let lost_its_case = !bytes.iter().any(u8::is_ascii_uppercase) || !bytes.iter().any(u8::is_ascii_lowercase);
        let restored = if lost_its_case { with_case_of(core, given) } else { None };
        restored.map(|core| Self(with_suffix(&core))).ok_or(RecordIdError::Checksum)
    }
}

/// The 32 characters that a suffix is made of, by the value of their five bits.
const SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// Adds the suffix of three characters to a core of 15.
fn with_suffix(core: &[u8]) -> [u8; 18] {
    let mut id = [0; 18];
    id[..RecordId::CORE].copy_from_slice(core);
    for (group, suffix) in core.chunks(5).zip(RecordId::CORE..) {
        id[suffix] = checksum(group);
    }
    id
}

/// Makes one character of five: bit i says whether character i is an upper-case letter.
fn checksum(group: &[u8]) -> u8 {
    let bits = group.iter().rev().fold(0_u8, |bits, c| bits << 1 | u8::from(c.is_ascii_uppercase()));
    SUFFIX[usize::from(bits)]
}

/// The core with capitals where the suffix puts them; `None` if it puts one on a digit, or is not a suffix.
fn with_case_of(core: &[u8], suffix: &[u8]) -> Option<[u8; RecordId::CORE]> {
    let mut restored = [0; RecordId::CORE];
    for (at, c) in core.iter().enumerate() {
        let bits = SUFFIX.iter().position(|known| known.eq_ignore_ascii_case(&suffix[at / 5]))?;
        restored[at] = match bits >> (at % 5) & 1 {
            0 => c.to_ascii_lowercase(),
            _ if c.is_ascii_alphabetic() => c.to_ascii_uppercase(),
            _ => return None,
        };
    }
    Some(restored)
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
    fn both_lengths_of_a_record_id_are_equal() {
        let long: RecordId = "0017Q00000EZlbyQAD".parse().unwrap();
        assert_eq!("0017Q00000EZlby".parse::<RecordId>(), Ok(long));
        assert_eq!("0017Q00000EZlbyqad".parse::<RecordId>(), Ok(long));
        assert_eq!(long.to_string(), "0017Q00000EZlbyQAD");
    }

    #[test]
    fn record_ids_of_the_org_are_taken_with_any_suffix() {
        let id = RecordId::from_org("0017Q00000EZlbyXXX").unwrap();
        assert_eq!((id.as_str(), id), ("0017Q00000EZlbyXXX", "0017Q00000EZlby".parse().unwrap()));
        assert_eq!(RecordId::from_org("0017Q00000EZlby").unwrap().as_str(), "0017Q00000EZlbyQAD");
        assert!(RecordId::from_org("0017Q00000EZlby-AD").is_err() && RecordId::from_org("").is_err());
    }

    #[test]
    fn a_record_id_with_a_wrong_suffix_is_rejected() {
        // The suffix of a recorded MALFORMED_ID answer.
        assert_eq!("a00B000000FSjVUIB1".parse::<RecordId>(), Err(RecordIdError::Checksum));
        assert!("a00B000000FSjVUIA1".parse::<RecordId>().is_ok());
    }

    #[test]
    fn an_id_that_lost_its_case_gets_it_back_by_its_suffix() {
        const ID: &str = "0017Q00000EZlbyQAD";
        for (text, restored) in [
            (ID.to_lowercase(), Ok(ID)),
            (ID.to_uppercase(), Ok(ID)),
            ("a00B000000FSjVUIA1".to_lowercase(), Ok("a00B000000FSjVUIA1")),
            // Its letters are in one case by themselves.
            ("001000000000001aaa".to_owned(), Ok("001000000000001AAA")),
            // A wrong suffix beside letters in both cases.
            ("0017Q00000EZlbyAAA".to_owned(), Err(RecordIdError::Checksum)),
            ("0017q00000ezlbyQAD".to_owned(), Err(RecordIdError::Checksum)),
            // Capitals on digits; 6 to 9 are in no suffix.
            ("0017q00000ezlbybad".to_owned(), Err(RecordIdError::Checksum)),
            ("0017q00000ezlby9ad".to_owned(), Err(RecordIdError::Checksum)),
        ] {
            let read = text.parse::<RecordId>();
            assert_eq!(read.as_ref().map(RecordId::as_str).map_err(|error| *error), restored, "{text}");
        }
    }

    #[test]
    fn an_invalid_record_id_says_why() {
        assert_eq!("".parse::<RecordId>(), Err(RecordIdError::Length(0)));
        assert_eq!("0017Q00000EZlb-".parse::<RecordId>(), Err(RecordIdError::Character));
        assert_eq!("0017Q00000EZlbü".parse::<RecordId>(), Err(RecordIdError::Length(15)));
    }
}
