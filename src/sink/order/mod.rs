//! Order as data: what becomes of each record between its lane and the org.

#![cfg_attr(not(test), expect(dead_code, reason = "the lanes use it in a change of its own"))]

mod fifo;
mod slab;
