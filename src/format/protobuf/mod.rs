//! Converts Protobuf with a schema of the registry to JSON, by prost-reflect.
//!
//! | file | role |
//! |---|---|
//! | `schema` | compiles a .proto text, or the descriptor that some clients register instead, with its imports |
//! | `options` | removes options from a file before it is compiled |
//! | `well_known` | the files that a schema may import without a reference, and their types that are single values |
//! | `message` | converts bytes to JSON by a message type |

mod message;
mod options;
mod schema;
#[cfg(test)]
mod tests;
mod well_known;

pub(super) use self::schema::Schema;
