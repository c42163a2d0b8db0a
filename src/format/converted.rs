use bytestring::ByteString;

use crate::record::{LogicalType, Object};

/// The result of a converter.
#[derive(Debug)]
pub enum Converted {
    Object(Object),
    /// Any other JSON value.
    Value(ByteString, LogicalType),
}
