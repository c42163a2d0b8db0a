//! Dead letters: what they hold, and what happens where none can be written.

mod content;
mod large;
mod topic;
mod without;
