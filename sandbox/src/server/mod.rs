//! The HTTP front: the listener on top of the org, its connections, and the control pages.

mod connection;
mod control;
mod gzip;
mod listen;
mod paced;
mod receive;

pub use listen::{Server, ServerOptions};
