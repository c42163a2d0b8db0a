//! Converts Avro with a schema of the registry directly to JSON.
//!
//! The tests compare it with apache-avro. The decoder of that library reads truncated bytes as nulls, does not bound
//! the nesting, and builds a value first, which costs more than the whole conversion to JSON.
//!
//! | file | role |
//! |---|---|
//! | `schema` | compiles a schema to a flat table of nodes |
//! | `datum` | converts bytes to JSON by that table |
//! | `skip` | skips values that a route leaves out |

mod datum;
#[cfg(test)]
mod left_out;
mod schema;
mod skip;
#[cfg(test)]
mod tests;

pub(super) use self::schema::Schema;
