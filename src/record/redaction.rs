//! Redaction: whether logs may quote values of records. Salesforce does so in its messages, and so do some of our own.
//!
//! One switch for the process, as there is one log: set at start, before anything is read. What hides is the `Display`
//! of [`Cause`](super::Cause) and of [`Rejection`](super::Rejection); a dead letter keeps every text.

use std::sync::atomic::{AtomicBool, Ordering};

static ON: AtomicBool = AtomicBool::new(false);

pub fn turn_on() {
    ON.store(true, Ordering::Relaxed);
}

pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}
