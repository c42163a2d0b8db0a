//! Reads JSON with a JSON Schema of the registry. The payload is JSON already. Of the schema only the logical types are
//! read, which JSON itself does not have: dates, times, instants and decimals. As in Connect's `JsonSchemaConverter`,
//! `title` names them. The payload is not validated, as by Confluent's consumers by
//! default.
//!
//! | file | role |
//! |---|---|
//! | `schema` | compiles the logical types of a schema and its references to a table |
//! | `payload` | converts a payload to JSON by that table |

mod payload;
mod schema;
#[cfg(test)]
mod tests;

pub(super) use self::schema::Schema;
