//! The table of verdicts.

use sandbox::{Action, Fault, On, When};

use super::case::{Act, External, Native};

/// What comes of a row that a verdict strikes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effect {
    /// The org has applied it so often, and it is written.
    Applied(usize),
    /// It is a dead letter of this class and code.
    Rejected(&'static str, &'static str),
}

use Effect::{Applied, Rejected};

#[derive(Clone)]
pub(super) struct Verdict {
    pub(super) name: &'static str,
    /// What the org is told to do: to writes, or to the query that looks for a record id.
    pub(super) fault: Option<Fault>,
    pub(super) effect: fn(Act) -> Option<Effect>,
}

/// A verdict of writes; `times` is `None` for one that lasts.
fn verdict(name: &'static str, action: Action, times: Option<u64>, effect: fn(Act) -> Option<Effect>) -> Verdict {
    Verdict { name, fault: Some(Fault { times, ..Fault::on(On::Write, action) }), effect }
}

/// A verdict that needs no fault.
fn no_fault(name: &'static str, effect: fn(Act) -> Option<Effect>) -> Verdict {
    Verdict { name, fault: None, effect }
}

impl Verdict {
    /// Strikes only calls with two rows or more.
    fn in_company(mut self) -> Self {
        self.fault = self.fault.map(|fault| fault.min_rows(2));
        self
    }

    /// Whether it strikes a row in any company, and for ever.
    pub(super) fn lasts(&self) -> bool {
        self.fault.as_ref().is_some_and(|fault| fault.times.is_none() && fault.min_rows.is_none())
    }
}

fn status(status: u16, code: &str) -> Action {
    Action::error(status, code, "as the test says")
}

fn page(status: u16) -> Action {
    Action::page(status, "<html>sorry</html>")
}

#[expect(clippy::unnecessary_wraps, reason = "some verdicts cannot befall some acts")]
fn once(_: Act) -> Option<Effect> {
    Some(Applied(1))
}

/// Applied, with an unknown result, and applied again. A repeated deletion finds nothing.
#[expect(clippy::unnecessary_wraps, reason = "as above")]
fn twice(_: Act) -> Option<Effect> {
    Some(Applied(2))
}

/// What strikes a row, or one call.
pub(super) fn of_one_call() -> Vec<Verdict> {
    let trigger = Action::trigger("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.NullPointerException");
    let limit = Action::trigger("UNKNOWN_EXCEPTION", "Too many SOQL queries: 101");
    let crash = Action::error(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred.").applied();
    vec![
        no_fault("written", once),
        verdict("rejected", Action::row_error("FIELD_CUSTOM_VALIDATION_EXCEPTION", "not on a Monday"), Some(1), |_| {
            Some(Rejected("sobjectd.Refused", "FIELD_CUSTOM_VALIDATION_EXCEPTION"))
        }),
        verdict("again", Action::lock(), Some(2), once),
        verdict("row-timeout", Action::lock(), None, |_| Some(Rejected("sobjectd.RowTimeout", "UNABLE_TO_LOCK_ROW"))),
        verdict("apart", Action::row_error("DUPLICATE_VALUE", "any text"), Some(1), |act| match act {
            _ if act.deletes() => None,
            _ if act.upserts() => Some(Applied(1)),
            _ => Some(Rejected("sobjectd.Refused", "DUPLICATE_VALUE")),
        }),
        verdict("transaction", trigger.clone(), None, once).in_company(),
        verdict("limit", limit, None, once).in_company(),
        verdict("own-trigger", trigger, None, |_| {
            Some(Rejected("sobjectd.Refused", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"))
        }),
        verdict("refused", status(400, "JSON_PARSER_ERROR"), None, |_| {
            Some(Rejected("sobjectd.Refused", "JSON_PARSER_ERROR"))
        }),
        verdict("parked", Action::row_error("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded"), Some(2), |act| {
            if act.deletes() { None } else { once(act) }
        }),
        verdict("cut-before", Action::Cut { when: When::Before }, Some(1), once),
        verdict("cut-after", Action::Cut { when: When::After }, Some(1), twice),
        verdict("cut-in-answer", Action::Cut { when: When::MidAnswer }, Some(1), twice),
        verdict("no-answer", Action::Hang { apply: false }, Some(1), once),
        verdict("no-answer-applied", Action::Hang { apply: true }, Some(1), twice),
        verdict("gateway", page(502), Some(1), once),
        verdict("crash", crash, Some(1), twice),
        verdict("unknown-row", Action::row_error("UNKNOWN_EXCEPTION", "An unexpected error occurred."), Some(1), once),
        verdict("gone", Action::row_error("ENTITY_IS_DELETED", "entity is deleted"), Some(1), |act| match act {
            _ if act.deletes() => Some(Applied(0)),
            _ if act.upserts() => Some(Applied(1)),
            _ if act.creates() => Some(Rejected("sobjectd.Refused", "ENTITY_IS_DELETED")),
            _ => Some(Rejected("sobjectd.NotFound", "ENTITY_IS_DELETED")),
        }),
        no_fault("never-there", |act| match (act.mode, act.operation) {
            (External, "DELETE") => Some(Applied(0)),
            (External | Native, "UPDATE") | (Native, "DELETE") => Some(Rejected("sobjectd.NotFound", "")),
            _ => None,
        }),
    ]
}

/// What strikes the question for the record ids of one call. A question changes nothing, so that it is always free to
/// be asked again.
pub(super) fn of_one_question() -> Vec<Verdict> {
    vec![
        question("lookup-refused", status(400, "MALFORMED_QUERY"), 1).in_company(),
        question("lookup-cut", Action::Cut { when: When::After }, 1),
        question("lookup-cut-in-answer", Action::Cut { when: When::MidAnswer }, 1),
        question("lookup-no-answer", Action::Hang { apply: false }, 1),
        question("lookup-gateway", page(502), 1),
    ]
}

fn question(name: &'static str, action: Action, times: u64) -> Verdict {
    let fault = Fault::on(On::Query, action).times(times);
    Verdict { name, fault: Some(fault), effect: |act| act.looks_up().then_some(Applied(1)) }
}

/// Answers to something else.
pub(super) fn unfitting() -> [Verdict; 2] {
    let garbage = || Action::garbage("[]");
    [verdict("unfitting", garbage(), Some(1), twice), question("lookup-unfitting", garbage(), 1)]
}

/// What strikes all calls.
pub(super) fn of_the_org() -> Vec<Verdict> {
    vec![
        verdict("unavailable", status(503, "SERVER_UNAVAILABLE"), Some(12), once),
        verdict("too-many", page(429), Some(12), once),
        verdict("forbidden", page(403), Some(12), once),
        verdict("quota", Action::QuotaSpent {}, Some(1), once),
        verdict("expired", Action::ExpireSessions { heals: true }, Some(1), once),
        question("lookup-unavailable", status(503, "SERVER_UNAVAILABLE"), 12),
        question("lookup-expired", Action::ExpireSessions { heals: true }, 1),
    ]
}
