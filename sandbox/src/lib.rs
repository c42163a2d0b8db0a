//! What stands in for the world around the daemon: a Salesforce org over HTTP and an embedded Kafka broker.
//!
//! The org is the daemon's referee. It is written from the official guides and from recorded traffic, never from the
//! daemon's client, shares no type with it, and is stricter than a real org where that is not known. A request passes
//! through `server` (connections, HTTP), `rest` (session, allocation, faults), `rows` or `query` (the work) and `store`
//! (the records); the journal holds all applied changes, in their order. Each of these imports only what is below it:
//!
//! ```text
//! server        listener, requests, control pages
//! rest          what a call does
//! login         tokens and identity
//! org           the state of an org: no listener, no connection
//! faults        scripted faults
//! rows query    writes, reads
//! store         records, journal
//! schema protocol settings value
//! ```
//!
//! [`Broker`] and [`sample`] are what `sobjectd dev` needs beside the org; nothing of the org imports them.

#![recursion_limit = "256"] // a field's describe has 57 keys in one `json!`

mod broker;
mod faults;
mod login;
mod org;
mod protocol;
mod query;
mod rest;
mod rows;
pub mod sample;
mod schema;
mod server;
mod settings;
mod store;
mod value;

pub use broker::{Broker, BrokerError};
pub use faults::{Action, Answered, Fault, On, Scripted, StatusError, When};
pub use org::{Calls, Org};
pub use protocol::{CallOptions, Origin};
pub use schema::SchemaSource;
pub use server::{Server, ServerOptions};
pub use settings::{
    ApiAccess, ApiSettings, CLIENT_ID, CLIENT_SECRET, Columns, DuplicateAction, DuplicateRule, LockSettings,
    LoginSettings, QuotaSettings, ReadingSettings, Refuses, RuleSettings, SameIdTwice, SayCreated, Settings,
    UserSettings,
};
pub use store::{Change, Op, StoredRecord};
pub use value::{RecordId, Value};
