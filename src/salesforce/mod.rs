//! The org over HTTP.
//!
//! | file | role |
//! |---|---|
//! | `client` | [`Salesforce`]: all of this as one client |
//! | `observer` | what it reports of its work, for metrics |
//! | `session/` | one session for all callers, one login at a time: `auth`, `login`, `grant`, `clock`, `pacing` |
//! | `http/` | a request (`request`), the one place that sends (`client`), what counts as sent (`tracked_body`), compression (`gzip`), and what is kept of an answer that is too long to be held (`distil`) |
//! | `call` | one call: a session, a resend at most, and what its HTTP answer shows of the org |
//! | `part` | what an answer, or a part of it, says of its rows: results, or one verdict for all of them |
//! | `answer`, `classify` | the org's JSON, and **the failure model**: what every answer means |
//! | `org/` | whether the org can be called, and by how many at a time (`limiter`, `slots`, `org_state`, `usage`), what it describes (`describe`, `description`), which API versions it speaks (`versions`) |
//! | `rest/` | one attempt to write rows (`writer`): a row with all that is known of it (`send_row`), the record that it is about (`target`, `find_targets`), record ids by external id (`resolve`, `id_cache`, `soql`), the body of a call (`collections`), and which of its rows a rejection names (`suspects`) |

mod answer;
mod call;
mod classify;
mod client;
#[cfg(any(test, fuzzing))]
pub mod fuzz_properties;
mod http;
mod observer;
mod org;
mod part;
mod rest;
mod session;
#[cfg(any(test, fuzzing))]
mod testing;

pub use self::{
    client::{BuildError, NoLogin, Salesforce},
    http::request::MAX_ANSWER,
    observer::{EndedCall, Observer},
    org::{describe::NoDescription, limiter::CallPermit, versions::Version},
};

#[cfg(test)]
#[cfg(feature = "dev")]
#[path = "tests/over_http/mod.rs"]
mod over_http;
