//! SOQL, as much of it as a writer needs: one object, equality and `IN`, `AND`, an order, a limit, `COUNT()`.

mod lex;
mod page;
mod parse;
mod run;

pub(crate) use page::{Cursors, count, page};
pub(crate) use parse::{Query, Selected};
pub(crate) use run::run;
