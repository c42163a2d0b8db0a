//! Writes: a body is read (one bad value refuses the call), each row is validated (a bad one fails alone), applied, and
//! answered.

mod apply;
mod collection;
mod forced;
mod input;
mod outside;
mod read;
mod retrieve;
mod rules;
mod single;
mod validate;

pub(crate) use collection::Collection;
pub(crate) use forced::Forced;
pub(crate) use input::{Input, Reader};
pub(crate) use outside::{outside, put, remove};
pub(crate) use read::{body_text, row_json};
pub(crate) use retrieve::Retrieve;
pub(crate) use single::Single;
