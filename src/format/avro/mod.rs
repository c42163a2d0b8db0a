//! Avro: a datum of a schema that the registry has, straight to JSON.
//!
//! apache-avro is what the tests compare with. Its decoder takes truncated bytes for nulls, nests as deep as the bytes
//! say, and builds a value first that costs more than the whole way to JSON.
//!
//! | file | role |
//! |---|---|
//! | `schema` | a schema, checked once, as a flat table of nodes |
//! | `datum` | bytes and a table → JSON |

mod datum;
#[cfg(test)]
mod left_out;
mod schema;
mod skip;
#[cfg(test)]
mod tests;

pub(super) use self::schema::Schema;
