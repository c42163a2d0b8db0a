//! The counts of `GET /sandbox/calls`.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;

use crate::protocol::{Kind, Verb};

/// Counts since the start or the last reset. Calls are counted when they arrive, whatever their answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    pub login: u64,
    /// Logins that got a token.
    pub logins_granted: u64,
    pub versions: u64,
    /// Calls of `GET /services/data/vNN.0`.
    pub resources: u64,
    pub describe: u64,
    pub query: u64,
    pub limits: u64,
    pub create: u64,
    pub update: u64,
    pub upsert: u64,
    pub delete: u64,
    /// Reads of single rows.
    pub read: u64,
    pub composite: u64,
    /// Subrequests of composites that could be read. None of them is counted as a call.
    pub composite_parts: u64,
    pub other: u64,
    /// Writes of one row that their address names, not of a collection.
    pub row_calls: u64,
    /// Compressed requests, and compressed answers.
    pub gzip_requests: u64,
    pub gzip_answers: u64,
    /// Answers 401 and 403.
    pub unauthorized: u64,
    pub over_quota: u64,
    /// Rows of well-formed writes, whatever their outcome.
    pub rows_create: u64,
    pub rows_update: u64,
    pub rows_upsert: u64,
    pub rows_delete: u64,
    /// Rows that the triggers of collections were run for. Where a row of a call fails, they run again for the rest.
    pub rows_triggered: u64,
    /// Changes in the journal.
    pub applied: u64,
    /// The largest number of requests at work at one moment, and the number now.
    pub max_concurrent: u64,
    pub concurrent: u64,
    /// The daily allocation.
    pub quota_used: u64,
    pub quota_max: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: Mutex<Calls>,
    at_work: AtomicU64,
    numbers: AtomicU64,
}

/// A request at work; it ends with the guard.
#[derive(Debug)]
pub(crate) struct AtWork<'c>(&'c Counters);

impl Counters {
    pub(crate) fn enter(&self) -> AtWork<'_> {
        let now = self.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.with(|calls| calls.max_concurrent = calls.max_concurrent.max(now));
        AtWork(self)
    }

    /// The number of a new request.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn call(&self, kind: Kind, single_row: bool) {
        self.with(|calls| {
            let count = match kind {
                Kind::Login => &mut calls.login,
                Kind::Versions => &mut calls.versions,
                Kind::Resources => &mut calls.resources,
                Kind::Describe => &mut calls.describe,
                Kind::Query => &mut calls.query,
                Kind::Limits => &mut calls.limits,
                Kind::Read => &mut calls.read,
                Kind::Composite => &mut calls.composite,
                Kind::Write(Verb::Create) => &mut calls.create,
                Kind::Write(Verb::Update) => &mut calls.update,
                Kind::Write(Verb::Upsert) => &mut calls.upsert,
                Kind::Write(Verb::Delete) => &mut calls.delete,
                Kind::Other => &mut calls.other,
            };
            *count += 1;
            calls.row_calls += u64::from(single_row && matches!(kind, Kind::Write(_)));
        });
    }

    pub(crate) fn rows(&self, verb: Verb, rows: usize) {
        self.with(|calls| {
            let count = match verb {
                Verb::Create => &mut calls.rows_create,
                Verb::Update => &mut calls.rows_update,
                Verb::Upsert => &mut calls.rows_upsert,
                Verb::Delete => &mut calls.rows_delete,
            };
            *count += rows as u64;
        });
    }

    pub(crate) fn parts(&self, parts: usize) {
        self.with(|calls| calls.composite_parts += parts as u64);
    }

    pub(crate) fn triggered(&self, rows: usize) {
        self.with(|calls| calls.rows_triggered += rows as u64);
    }

    pub(crate) fn encoded(&self, request: bool, answer: bool) {
        self.with(|calls| {
            calls.gzip_requests += u64::from(request);
            calls.gzip_answers += u64::from(answer);
        });
    }

    pub(crate) fn granted(&self) {
        self.with(|calls| calls.logins_granted += 1);
    }

    pub(crate) fn unauthorized(&self) {
        self.with(|calls| calls.unauthorized += 1);
    }

    pub(crate) fn over_quota(&self) {
        self.with(|calls| calls.over_quota += 1);
    }

    pub(crate) fn snapshot(&self) -> Calls {
        let concurrent = self.at_work.load(Ordering::SeqCst);
        Calls { concurrent, ..self.with(|calls| calls.clone()) }
    }

    pub(crate) fn reset(&self) {
        self.with(|calls| *calls = Calls::default());
    }

    fn with<T>(&self, act: impl FnOnce(&mut Calls) -> T) -> T {
        act(&mut self.calls.lock())
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::SeqCst);
    }
}
