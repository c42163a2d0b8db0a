//! JSON with a schema that the registry has. The payload is JSON as it is; of the schema only that is read which JSON
//! cannot say: which integers are dates, times and instants, and which texts are decimals. As Connect's
//! `JsonSchemaConverter` does, the schema names them in `title`. Nothing is validated: no consumer of Confluent's does.
//!
//! | file | role |
//! |---|---|
//! | `schema` | a schema and its references, as a table of what they annotate |
//! | `payload` | a payload and that table → JSON |

mod payload;
mod schema;
#[cfg(test)]
mod tests;

pub(super) use self::schema::Schema;
