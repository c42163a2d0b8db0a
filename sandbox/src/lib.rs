//! What stands in for the world around the daemon: a Salesforce org over HTTP and an embedded Kafka broker.
//!
//! The org is the daemon's referee. It is written from the official guides and from recorded traffic, never from the
//! daemon's client, shares no type with it, and is stricter than a real org where that is not known. A request passes
//! through `http` (read), `org` (session, allocation, faults), `rows` or `query` (the work) and `store` (the records);
//! everything applied is in the journal, in its order.

#![recursion_limit = "256"] // a field's describe has 57 keys in one `json!`

mod broker;
mod control;
mod faults;
mod http;
mod login;
mod org;
mod query;
mod rows;
pub mod sample;
mod schema;
mod settings;
mod store;
mod value;

pub use broker::{Broker, BrokerError};
pub use faults::{Action, Answered, Fault, On, Scripted, StatusError, When};
pub use http::{CallOptions, Origin};
pub use org::{Calls, Org, OrgOptions};
pub use schema::SchemaSource;
pub use settings::{
    ApiAccess, CLIENT_ID, CLIENT_SECRET, Columns, DuplicateAction, DuplicateRule, Refuses, SameIdTwice, SayCreated,
    Settings,
};
pub use store::{Change, Op, StoredRecord};
pub use value::{RecordId, Value};
