//! The table of operations.

mod external_id;
mod native;
mod routes;
