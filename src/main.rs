//! One page: parse the command line, run the command, end with its exit code.

fn main() {}
