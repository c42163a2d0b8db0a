//! Converters: a record's bytes → what they mean. One file for each format; a route chooses one for keys and one for
//! values. A `DELETE`'s value is not converted.

pub mod json;
pub mod string;
