//! Whether logs may quote what a record holds. Salesforce does so in its messages, and so do some of our own.
//!
//! One switch for the process, as there is one log: set at start, before anything is read. What hides is the `Display`
//! of [`Cause`](super::Cause) and of [`Rejection`](super::Rejection); a dead letter keeps every text.

use std::sync::atomic::{AtomicBool, Ordering};

static HIDDEN: AtomicBool = AtomicBool::new(false);

pub fn hide() {
    HIDDEN.store(true, Ordering::Relaxed);
}

pub fn are_hidden() -> bool {
    HIDDEN.load(Ordering::Relaxed)
}
