//! The wire: connections that can be cut, requests read to their end, and the shapes of answers.

mod answer;
mod call;
mod error;
mod gzip;
mod options;
mod paced;
mod receive;
mod wire;

pub(crate) use answer::Answer;
pub use answer::Origin;
pub(crate) use call::{Call, Kind, Refusal, Verb};
pub(crate) use error::{ApiError, RowError};
pub use options::CallOptions;
pub(crate) use paced::Paced;
pub(crate) use receive::{Request, receive};
pub(crate) use wire::{Wire, WireListener};
