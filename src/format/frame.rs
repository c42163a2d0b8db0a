//! Reads the schema id of a record. Serializers write it before the payload (the Confluent wire format), or into a
//! header (Confluent's `HeaderSchemaIdSerializer`).
//!
//! | first byte | then |
//! |---|---|
//! | `0` | the schema's id: 4 bytes, big-endian |
//! | `1` | the schema's GUID: 16 bytes |
//!
//! For Protobuf the path to the message type follows: the number of indexes, and each of them, as zigzag varints. A
//! single 0 means the first message type of the file.

use std::fmt;

use uuid::Uuid;

use super::FormatError;

/// The id of a schema in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SchemaId {
    Number(u32),
    Guid(Uuid),
}

/// A schema id and the bytes after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) id: SchemaId,
    /// The bytes after the id. For Protobuf they begin with the message's [path](path).
    pub(super) rest: &'a [u8],
}

/// The limit of a path: message types are not nested deeper in practice.
const LONGEST_PATH: usize = 32;

/// Reads the schema id at the beginning of a payload, or in the value of a header.
pub(super) fn read(bytes: &[u8]) -> Result<Frame<'_>, FormatError> {
    let short = || FormatError::new(format!("{} bytes are too few for a schema id", bytes.len()));
    match bytes.split_first() {
        Some((0, rest)) => {
            let (id, rest) = rest.split_first_chunk().ok_or_else(short)?;
            Ok(Frame { id: SchemaId::Number(u32::from_be_bytes(*id)), rest })
        }
        Some((1, rest)) => {
            let (guid, rest) = rest.split_first_chunk().ok_or_else(short)?;
            Ok(Frame { id: SchemaId::Guid(Uuid::from_bytes(*guid)), rest })
        }
        Some((magic, _)) => Err(FormatError::new(format!(
            "it does not begin with a schema id: the first byte is {magic:#04x}, and 0x00 was expected"
        ))),
        None => Err(short()),
    }
}

/// Reads the id and the path of any bytes, for the fuzz target.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_any(bytes: &[u8]) {
    match read(bytes) {
        Ok(frame) => {
            assert!(bytes.ends_with(frame.rest) && !frame.id.to_string().is_empty());
            if let Ok((path, rest)) = path(frame.rest) {
                assert!(frame.rest.ends_with(rest) && (1..=LONGEST_PATH).contains(&path.len()));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Reads the path to a message type, and returns the bytes after it.
pub(super) fn path(bytes: &[u8]) -> Result<(Vec<usize>, &[u8]), FormatError> {
    let mut rest = bytes;
    let mut next = || -> Option<usize> {
        let value = varint(&mut rest)?;
        // The numbers are in zigzag; a negative one is not an index.
        (value & 1 == 0).then_some(usize::try_from(value >> 1).ok()?)
    };
    let bad = || FormatError::new("the message indexes after the schema id cannot be read");
    let count = next().filter(|count| *count <= LONGEST_PATH).ok_or_else(bad)?;
    let mut path = Vec::with_capacity(count.max(1));
    for _ in 0..count {
        path.push(next().ok_or_else(bad)?);
    }
    if path.is_empty() {
        path.push(0);
    }
    Ok((path, rest))
}

/// Reads an unsigned 64-bit number in up to ten bytes, low bits first, as Avro and Protobuf write it.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let digit = u64::from(byte & 0x7f);
        if shift == 63 && digit > 1 {
            return None;
        }
        value |= digit << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(id) => id.fmt(f),
            Self::Guid(guid) => guid.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_begins_with_an_id_or_a_guid() {
        let number = read(&[0, 0, 0, 1, 2, 9, 9]).unwrap();
        assert_eq!(number, Frame { id: SchemaId::Number(258), rest: &[9, 9] });
        let guid: Vec<u8> = (1..=17).collect();
        let frame = read(&guid).unwrap();
        assert_eq!(frame.id.to_string(), "02030405-0607-0809-0a0b-0c0d0e0f1011");
        for bad in [&b""[..], &[0, 1, 2, 3], &[1; 16], b"{\"a\":1}"] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_message_path_is_a_count_and_indexes() {
        assert_eq!(path(&[0, 7]).unwrap(), (vec![0], &[7][..]));
        assert_eq!(path(&[4, 0, 2, 7]).unwrap(), (vec![0, 1], &[7][..]));
        assert_eq!(path(&[2, 0xd8, 0x04, 7]).unwrap(), (vec![300], &[7][..]));
        for bad in [&b""[..], &[1], &[2], &[2, 1], &[0x80], &[0xff; 12], &[100, 0]] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            drop(read(&bytes).and_then(|frame| path(frame.rest)));
        }
    }
}
