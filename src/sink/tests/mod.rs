//! Lane, core, scheduler and settle together, in paused time, against an org that does what its script says.

mod breaker;
mod children;
mod drain;
mod harness;
mod memory;
mod model;
mod order;
mod parents;
mod places;
mod sizes;
mod verdicts;
