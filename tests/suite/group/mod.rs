//! The ways to share partitions with the other members of the group. What must hold, holds under each of them.

mod fenced;
mod globs;
mod members;
mod offsets;
mod partitions;
mod static_member;
mod unclean_election;

use crate::harness::{Config, TestBed};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    CooperativeSticky,
    /// Eager: everything is given back before it is shared anew.
    Range,
    /// KIP-848: the broker decides.
    Consumer,
}

use Protocol::{Consumer, CooperativeSticky, Range};

impl Protocol {
    fn choose(self, config: &mut Config) {
        const STRATEGY: &str = r#"kafka.properties."partition.assignment.strategy""#;
        match self {
            CooperativeSticky => config.set(STRATEGY, "'cooperative-sticky'"),
            Range => config.set(STRATEGY, "'range'"),
            Consumer => config
                .set(r#"kafka.properties."group.protocol""#, "'consumer'")
                .unset("kafka.session_timeout")
                .unset(r#"kafka.properties."heartbeat.interval.ms""#),
        };
    }

    async fn bed(self, name: &str, partitions: i32) -> TestBed {
        let mut bed = TestBed::with_partitions(&format!("{name}.{self:?}"), partitions).await;
        self.choose(&mut bed.config);
        bed
    }
}
