//! Dead letters: what they hold, and what happens where none can be written.

mod content;
mod topic;
mod without;
