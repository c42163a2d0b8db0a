//! Converters: a record's bytes → what they mean. One file for each format; so far keys are text and values are JSON.
//! A `DELETE`'s value is not converted.

pub mod json;
pub mod string;
