//! The table of operations.

mod external_id;
mod native;
mod options;
mod records;
mod rights;
mod routes;
