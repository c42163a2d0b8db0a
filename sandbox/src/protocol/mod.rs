//! The shapes of the REST API: which call a request is, the headers that say how to carry it out, answers and errors.
//! No state and no work.

mod answer;
mod call;
mod call_options;
mod composite;
mod error;
mod request;

pub(crate) use answer::Answer;
pub use answer::Origin;
pub(crate) use call::{Call, Kind, Refusal, Verb};
pub use call_options::CallOptions;
pub(crate) use composite::{CompositeBody, Subrequest};
pub(crate) use error::{ApiError, RowError};
pub(crate) use request::Request;
