//! The REST API: what each call does to the org, and how its answer is to be delivered.

mod composite;
mod delivery;
mod execute;
mod handle;
mod lock_rows;
mod refusals;
mod scripted;
mod status_answer;
mod work;

pub(crate) use delivery::Delivery;
pub(crate) use handle::handle;
