//! The table of verdicts.

use serde_json::{Value, json};

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
    /// The calls that it strikes: `write`, or the `query` that looks for a record id.
    pub(super) on: &'static str,
    /// What the org is told to do; `Null` for nothing.
    pub(super) fault: Value,
    /// How often, and of which calls.
    pub(super) extra: Value,
    pub(super) effect: fn(Act) -> Option<Effect>,
}

/// `times`: `None` for ever.
fn verdict(name: &'static str, fault: Value, times: Option<u64>, effect: fn(Act) -> Option<Effect>) -> Verdict {
    Verdict { name, on: "write", fault, extra: json!({"times": times}), effect }
}

impl Verdict {
    /// Only of calls with two rows or more.
    fn in_company(mut self) -> Self {
        self.extra["min_rows"] = json!(2);
        self
    }

    /// Whether it strikes a row in any company, and for ever.
    pub(super) fn lasts(&self) -> bool {
        self.extra["times"].is_null() && self.extra["min_rows"].is_null()
    }
}

fn row_error(code: &str, message: &str) -> Value {
    json!({"kind": "row_error", "code": code, "message": message})
}

fn status(status: u16, code: &str) -> Value {
    json!({"kind": "status", "status": status, "error": {"code": code, "message": "as the test says"}})
}

fn page(status: u16) -> Value {
    json!({"kind": "status", "status": status, "body": "<html>sorry</html>", "content_type": "text/html"})
}

#[expect(clippy::unnecessary_wraps, reason = "some verdicts cannot befall some acts")]
fn once(_: Act) -> Option<Effect> {
    Some(Applied(1))
}

/// Applied, and nobody knows. A repeated deletion finds nothing.
#[expect(clippy::unnecessary_wraps, reason = "as above")]
fn twice(_: Act) -> Option<Effect> {
    Some(Applied(2))
}

/// What strikes a row, or one call.
pub(super) fn of_one_call() -> Vec<Verdict> {
    let trigger = json!({"kind": "trigger", "code": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": "T: System.NullPointerException"});
    let limit = json!({"kind": "trigger", "code": "UNKNOWN_EXCEPTION", "message": "Too many SOQL queries: 101"});
    let unexpected = json!({"code": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred."});
    let crash = json!({"kind": "status", "status": 500, "error": unexpected, "apply": true});
    vec![
        verdict("written", Value::Null, Some(0), once),
        verdict("rejected", row_error("FIELD_CUSTOM_VALIDATION_EXCEPTION", "not on a Monday"), Some(1), |_| {
            Some(Rejected("sobjectd.Refused", "FIELD_CUSTOM_VALIDATION_EXCEPTION"))
        }),
        verdict("again", json!({"kind": "lock"}), Some(2), once),
        verdict("row-timeout", json!({"kind": "lock"}), None, |_| {
            Some(Rejected("sobjectd.RowTimeout", "UNABLE_TO_LOCK_ROW"))
        }),
        verdict("apart", row_error("DUPLICATE_VALUE", "any text"), Some(1), |act| match act {
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
        verdict("parked", row_error("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded"), Some(2), |act| {
            if act.deletes() { None } else { once(act) }
        }),
        verdict("cut-before", json!({"kind": "cut", "when": "before"}), Some(1), once),
        verdict("cut-after", json!({"kind": "cut", "when": "after"}), Some(1), twice),
        verdict("cut-in-answer", json!({"kind": "cut", "when": "mid_answer"}), Some(1), twice),
        verdict("no-answer", json!({"kind": "hang", "apply": false}), Some(1), once),
        verdict("no-answer-applied", json!({"kind": "hang", "apply": true}), Some(1), twice),
        verdict("gateway", page(502), Some(1), once),
        verdict("crash", crash, Some(1), twice),
        verdict("unknown-row", row_error("UNKNOWN_EXCEPTION", "An unexpected error occurred."), Some(1), once),
        verdict("gone", row_error("ENTITY_IS_DELETED", "entity is deleted"), Some(1), |act| match act {
            _ if act.deletes() => Some(Applied(0)),
            _ if act.upserts() => Some(Applied(1)),
            _ if act.creates() => Some(Rejected("sobjectd.Refused", "ENTITY_IS_DELETED")),
            _ => Some(Rejected("sobjectd.NotFound", "ENTITY_IS_DELETED")),
        }),
        verdict("never-there", Value::Null, Some(0), |act| match (act.mode, act.operation) {
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
        question("lookup-cut", json!({"kind": "cut", "when": "after"}), 1),
        question("lookup-cut-in-answer", json!({"kind": "cut", "when": "mid_answer"}), 1),
        question("lookup-no-answer", json!({"kind": "hang", "apply": false}), 1),
        question("lookup-gateway", page(502), 1),
    ]
}

fn question(name: &'static str, fault: Value, times: u64) -> Verdict {
    let effect = |act: Act| act.looks_up().then_some(Applied(1));
    Verdict { on: "query", ..verdict(name, fault, Some(times), effect) }
}

/// Answers to something else.
pub(super) fn unfitting() -> [Verdict; 2] {
    let garbage = || json!({"kind": "garbage", "body": "[]"});
    [verdict("unfitting", garbage(), Some(1), twice), question("lookup-unfitting", garbage(), 1)]
}

/// What strikes all calls.
pub(super) fn of_the_org() -> Vec<Verdict> {
    vec![
        verdict("unavailable", status(503, "SERVER_UNAVAILABLE"), Some(12), once),
        verdict("too-many", page(429), Some(12), once),
        verdict("forbidden", page(403), Some(12), once),
        verdict("quota", json!({"kind": "quota_spent"}), Some(1), once),
        verdict("expired", json!({"kind": "expire_sessions"}), Some(1), once),
        question("lookup-unavailable", status(503, "SERVER_UNAVAILABLE"), 12),
        question("lookup-expired", json!({"kind": "expire_sessions"}), 1),
    ]
}
