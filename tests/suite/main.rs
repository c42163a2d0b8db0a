//! The daemon through its front door: the real binary between a real Kafka and the sandbox org.
//!
//! | suite | shows |
//! |---|---|
//! | `operations` | the table of operations, in both id modes |
//! | `values` | that values arrive as they were sent |
//! | `formats` | every format, as foreign serializers write it, and the schema registry |
//! | `examples` | that the files of config/examples do what they say |
//! | `bad_input` | that one bad record costs one dead letter |
//! | `dead_letters` | what a dead letter holds, and what happens where none can be written |
//! | `restart` | resuming, draining, start-up |
//! | `group` | each way to share partitions: members that come, go and die, globs, lost offsets |
//! | `faults` | every verdict of the failure model, for upserts |
//! | `verdicts` | the same for every operation in both id modes: the whole table |
//! | `quota`, `auth`, `calls` | that the org is a scarce, shared resource |
//! | `check` | what is said of a configuration before it runs |
//! | `states`, `closed` | what the daemon says it is doing, and what waits while the rest goes on |
//! | `security` | the ways into a cluster, and what is said of those that are closed |
//! | `hostile` | that a key reaches its own record and no other |
//! | `secrets` | that no secret shows anywhere |
//! | `messages` | that each WARN and ERROR has an event, and the documentation has each event |
//! | `metrics` | that every metric is documented, and that dashboard and alerts ask for what is there |
//! | `deploy` | that images, compose and chart fit the daemon |
//! | `dev` | the daemon with everything around it, as people first meet it |
//! | `transport` | TLS, proxies, compression and connections, on real listeners; where credentials go |
//! | `outside` | that watching the daemon does not slow it |
//! | `org_alone` | the sandbox as people start it, with objects of their own |
//! | `order` | order per identity, and nothing lost, judged by a model in another language |
//!
//! `script/test` runs all of it. Every test has topics, a group and an org of its own; they share one broker.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the message")]
#![expect(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "counts of records, all small")]
#![expect(clippy::format_collect, clippy::needless_pass_by_value, reason = "short to write, and fast enough here")]

mod auth;
mod bad_input;
mod calls;
mod check;
mod closed;
mod dead_letters;
mod deploy;
mod dev;
mod examples;
mod faults;
mod formats;
mod group;
mod harness;
mod hostile;
mod messages;
mod metrics;
mod operations;
mod order;
mod org_alone;
mod outside;
mod quota;
mod restart;
mod secrets;
mod security;
mod states;
mod transport;
mod values;
mod verdicts;
