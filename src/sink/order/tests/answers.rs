//! The org's words, and the records that it says them of.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;

use super::{
    super::row::{Body, Decoded},
    steps::{Answer, Entry, Kind, RowFate, Whole},
};
use crate::record::{
    Action, ApiName, CallOptions, Cause, Command, ConnectStage, Doubt, Fields, OnMissing, Operation, OrgTrouble,
    Position, Reason, Record, Rejection, RetryKind, SObject, Suspicion, Verdict,
};

/// What all rows have in common.
pub(super) struct Common {
    sobject: Arc<SObject>,
    options: Arc<CallOptions>,
    topic: Arc<str>,
}

impl Common {
    pub(super) fn new() -> Self {
        let sobject = Arc::new(SObject::new("Thing__c", Vec::new()));
        Self { sobject, options: Arc::default(), topic: "t".into() }
    }

    /// The number of the record is its partition: so it is known again.
    pub(super) fn body(&self, serial: usize, offset: i64, entry: &Entry) -> Box<Body> {
        let partition = i32::try_from(serial).unwrap();
        let record = Record {
            position: Position { topic: self.topic.clone(), partition, offset },
            timestamp: None,
            key: Some(Bytes::new()),
            value: None,
            headers: Vec::new(),
            excess: None,
        };
        Box::new(Body { record, decoded: self.asks(entry) })
    }

    fn asks(&self, entry: &Entry) -> Decoded {
        let action = match entry.kind {
            Kind::Create => Action::Create,
            Kind::Upsert => Action::Upsert,
            Kind::Delete => Action::Delete,
            Kind::Bad => return Decoded::Rejected { operation: None, target: None },
        };
        let mut fields = Fields::default();
        fields.push(ApiName::from("Pad__c"), &"x".repeat(usize::from(entry.padding)));
        Decoded::Command(Command {
            operation: Operation::Upsert,
            action,
            sobject: self.sobject.clone(),
            target: None,
            fields,
            parent: None,
            options: self.options.clone(),
            on_missing: OnMissing::default(),
        })
    }
}

pub(super) fn serial(body: &Body) -> usize {
    usize::try_from(body.record.position.partition).unwrap()
}

pub(super) fn rejection(code: u8) -> Rejection {
    let cause = Cause { code: Some(format!("CODE_{code}").into()), ..Cause::new("no") };
    Rejection { reason: Reason::Refused, stage: ConnectStage::Put, cause }
}

/// What an answer says of one of the rows of a call that ended now.
pub(super) fn verdict(answer: &Answer, position: usize, now: Instant) -> Verdict {
    let cause = Cause::new("so it is");
    let unknown = |doubt| Verdict::Unknown { cause: Cause::new("lost"), ended: now, doubt };
    match answer {
        Answer::Whole(whole) => match whole {
            Whole::Written => Verdict::Written { id: None, created: true },
            Whole::Transaction => Verdict::retry(RetryKind::Smaller { suspicion: None }, cause),
            Whole::Refused { named, by_field } => {
                let is_named = named >> (position % 8) & 1 == 1;
                let named = if *by_field { Suspicion::Field("Pad__c".into()) } else { Suspicion::Row };
                Verdict::retry(
                    RetryKind::Smaller { suspicion: Some(if is_named { named } else { Suspicion::NotNamed }) },
                    cause,
                )
            }
            Whole::Unavailable => Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), cause),
            Whole::Session => Verdict::retry(RetryKind::Org(OrgTrouble::Session), cause),
            Whole::Quota => Verdict::retry(RetryKind::Org(OrgTrouble::Quota), cause),
            Whole::NoLease => Verdict::retry(RetryKind::NoLease, cause),
            Whole::Place => Verdict::retry(RetryKind::Place, cause),
            Whole::Lost => unknown(Doubt::Lost),
            Whole::TimedOut => unknown(Doubt::TimedOut),
            Whole::TooLong => unknown(Doubt::TooLong),
            Whole::Fatal => Verdict::Fatal(cause),
        },
        Answer::Rows(rows) => match rows[position % rows.len()] {
            RowFate::Written => Verdict::Written { id: None, created: true },
            RowFate::Rejected(code) => Verdict::Rejected(rejection(code)),
            RowFate::Backoff => Verdict::retry(RetryKind::Backoff, cause),
            RowFate::Parent => Verdict::retry(RetryKind::Parent, cause),
            RowFate::Alone => Verdict::retry(RetryKind::Alone, cause),
            RowFate::DeletedMeanwhile => Verdict::retry(RetryKind::DeletedMeanwhile, cause),
            RowFate::WithoutFields => Verdict::retry(RetryKind::WithoutFields(vec!["Pad__c".into()]), cause),
            RowFate::Parked => Verdict::retry(RetryKind::Parked, cause),
            RowFate::Storage => Verdict::retry(RetryKind::Storage, cause),
            RowFate::NextCall => Verdict::retry(RetryKind::NextCall, cause),
            RowFate::Unknown => unknown(Doubt::Row),
        },
    }
}
