use bytestring::ByteString;

use crate::record::{LogicalType, Object};

/// What a converter makes of bytes.
#[derive(Debug)]
pub enum Converted {
    Object(Object),
    /// Any other JSON value.
    Value(ByteString, LogicalType),
}
