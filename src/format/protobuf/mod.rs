//! Protobuf: a message whose file the registry has, to JSON, by prost-reflect.
//!
//! | file | role |
//! |---|---|
//! | `schema` | a .proto text, or the descriptor that some clients register in its place, with its imports |
//! | `options` | what is dropped of a file before it is resolved |
//! | `well_known` | the files that every registry takes for granted, and the types of theirs that are values |
//! | `message` | bytes and a message type → JSON |

mod message;
mod options;
mod schema;
#[cfg(test)]
mod tests;
mod well_known;

pub(super) use self::schema::Schema;
