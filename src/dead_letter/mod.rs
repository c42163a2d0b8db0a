//! The contract of a dead letter: which headers it has, how large it may be, and what is cut where it is too large.
//! Pure: it is delivered elsewhere.

pub mod headers;
mod letter;

pub use letter::{DeadLetter, LetterContext, MAX_OVERHEAD, Rejected};
