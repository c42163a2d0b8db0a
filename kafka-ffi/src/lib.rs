//! The calls of librdkafka that rdkafka has no safe call for. All unsafe code of the daemon is here.

mod epoch;
mod position;
mod token;

pub use epoch::{leader_epoch, leader_epochs, set_leader_epochs};
pub use position::{Position, position};
pub use token::{Token, set_token};
