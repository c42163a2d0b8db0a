//! Faults as a test in Rust writes them, with the defaults of the JSON form:
//! `Fault::on(On::Upsert, Action::error(503, "SERVER_UNAVAILABLE", "busy")).key("key21").always()`.

use std::collections::BTreeMap;

use super::{Action, Fault, On, StatusError};
use crate::protocol::Origin;

impl Fault {
    /// Strikes the first call of this kind, and no other.
    pub fn on(on: On, action: Action) -> Self {
        Self { on, sobject: None, key: None, text: None, min_rows: None, after: 0, times: Some(1), action }
    }

    /// Strikes this number of calls.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes until the script is cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Lets this number of calls pass first.
    #[must_use]
    pub fn after(mut self, calls: u64) -> Self {
        self.after = calls;
        self
    }

    /// Strikes only calls with a row of this key value or record id.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Strikes only calls on this object.
    #[must_use]
    pub fn sobject(mut self, name: impl Into<String>) -> Self {
        self.sobject = Some(name.into());
        self
    }

    /// Strikes only calls whose address, query or body holds this text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Strikes only calls of at least this number of rows.
    #[must_use]
    pub fn min_rows(mut self, rows: usize) -> Self {
        self.min_rows = Some(rows);
        self
    }
}

impl Action {
    /// Fails the rows with the fault's key, or all.
    pub fn row_error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::RowError { code: code.into(), message: message.into(), fields: Vec::new(), rows: None }
    }

    /// `UNABLE_TO_LOCK_ROW` for the rows with the fault's key, or all.
    pub fn lock() -> Self {
        Self::Lock { message: None, in_trigger: false, wait_ms: 0 }
    }

    /// Fails all rows of the call.
    pub fn trigger(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Trigger { code: code.into(), message: message.into() }
    }

    /// The org refuses the whole call.
    pub fn error(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        let error = StatusError { code: code.into(), message: message.into() };
        Self::status(status, Some(error), None)
    }

    /// The call is answered with this status and body.
    pub fn body(status: u16, body: impl Into<String>) -> Self {
        Self::status(status, None, Some(body.into()))
    }

    /// The call is answered with this status and a page of HTML.
    pub fn page(status: u16, html: impl Into<String>) -> Self {
        let mut page = Self::body(status, html);
        if let Self::Status { content_type, .. } = &mut page {
            *content_type = Some("text/html".to_owned());
        }
        page
    }

    /// The call is redirected to this address.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        let mut redirect = Self::body(status, "");
        if let Self::Status { headers, .. } = &mut redirect {
            headers.insert("location".to_owned(), location.into());
        }
        redirect
    }

    fn status(status: u16, error: Option<StatusError>, body: Option<String>) -> Self {
        let headers = BTreeMap::new();
        Self::Status { status, error, body, content_type: None, headers, from: None, apply: false }
    }

    /// The token endpoint refuses.
    pub fn oauth_error(error: impl Into<String>, description: impl Into<String>) -> Self {
        Self::OauthError { status: 400, error: error.into(), description: description.into() }
    }

    /// The call is applied, and answered with a 200 and this body.
    pub fn garbage(body: impl Into<String>) -> Self {
        Self::Garbage { body: body.into(), apply: true }
    }

    /// Lets an answer to the whole call come although the call is applied.
    ///
    /// # Panics
    ///
    /// If the action is not such an answer.
    #[must_use]
    #[track_caller]
    pub fn applied(mut self) -> Self {
        match &mut self {
            Self::Status { apply, .. } => *apply = true,
            other => panic!("applied() needs an answer to the whole call, such as error() or page(), not {other:?}"),
        }
        self
    }

    /// Sets which machine sends an answer to the whole call.
    ///
    /// # Panics
    ///
    /// If the action is not such an answer.
    #[must_use]
    #[track_caller]
    pub fn sent_by(mut self, origin: Origin) -> Self {
        match &mut self {
            Self::Status { from, .. } => *from = Some(origin),
            other => panic!("sent_by() needs an answer to the whole call, such as error() or page(), not {other:?}"),
        }
        self
    }

    /// Sets the fields that a row error names.
    ///
    /// # Panics
    ///
    /// If the action is not a row error.
    #[must_use]
    #[track_caller]
    pub fn naming(mut self, names: &[&str]) -> Self {
        match &mut self {
            Self::RowError { fields, .. } => *fields = names.iter().map(ToString::to_string).collect(),
            other => panic!("naming() needs a row_error(), not {other:?}"),
        }
        self
    }

    /// Sets which rows a row error fails, by their place in the call.
    ///
    /// # Panics
    ///
    /// If the action is not a row error.
    #[must_use]
    #[track_caller]
    pub fn in_rows(mut self, places: &[usize]) -> Self {
        match &mut self {
            Self::RowError { rows, .. } => *rows = Some(places.to_vec()),
            other => panic!("in_rows() needs a row_error(), not {other:?}"),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    #[should_panic(expected = "applied() needs an answer to the whole call, such as error() or page(), not Garbage")]
    fn a_garbled_answer_cannot_be_marked_as_applied() {
        drop(Action::garbage("[]").applied());
    }

    #[test]
    #[should_panic(expected = "sent_by() needs an answer to the whole call, such as error() or page(), not RowError")]
    fn a_row_error_cannot_be_sent_by_another_machine() {
        drop(Action::row_error("C", "m").sent_by(Origin::Edge));
    }

    #[test]
    #[should_panic(expected = "naming() needs a row_error(), not Status")]
    fn an_error_of_the_whole_call_cannot_name_fields() {
        drop(Action::error(400, "C", "m").naming(&["F"]));
    }

    #[test]
    #[should_panic(expected = "in_rows() needs a row_error(), not Lock")]
    fn a_lock_cannot_be_limited_to_rows_by_their_place() {
        drop(Action::lock().in_rows(&[0]));
    }

    #[test]
    fn a_builder_and_the_json_form_have_the_same_defaults() {
        let cases = [
            (
                Fault::on(On::Upsert, Action::lock()).key("k").times(2),
                json!({"on": "upsert", "do": {"kind": "lock"}, "key": "k", "times": 2}),
            ),
            (
                Fault::on(On::Data, Action::redirect(302, "https://x/")).after(1).always(),
                json!({"on": "data", "do": {"kind": "status", "status": 302, "body": "", "headers": {"location": "https://x/"}}, "after": 1, "times": null}),
            ),
            (
                Fault::on(On::Write, Action::row_error("C", "m").naming(&["F"]).in_rows(&[2])).sobject("O").min_rows(3),
                json!({"on": "write", "do": {"kind": "row_error", "code": "C", "message": "m", "fields": ["F"], "rows": [2]}, "sobject": "O", "min_rows": 3}),
            ),
            (
                Fault::on(On::Create, Action::page(503, "<html>").sent_by(Origin::Edge)),
                json!({"on": "create", "do": {"kind": "status", "status": 503, "body": "<html>", "content_type": "text/html", "from": "edge"}}),
            ),
            (
                Fault::on(On::Describe, Action::page(403, "<html>")).text("t"),
                json!({"on": "describe", "text": "t", "do": {"kind": "status", "status": 403, "body": "<html>", "content_type": "text/html"}}),
            ),
            (
                Fault::on(On::Any, Action::error(500, "C", "m").applied()),
                json!({"on": "any", "do": {"kind": "status", "status": 500, "error": {"code": "C", "message": "m"}, "apply": true}}),
            ),
            (
                Fault::on(On::Query, Action::garbage("[]")),
                json!({"on": "query", "do": {"kind": "garbage", "body": "[]"}}),
            ),
            (
                Fault::on(On::Upsert, Action::trigger("C", "m")),
                json!({"on": "upsert", "do": {"kind": "trigger", "code": "C", "message": "m"}}),
            ),
            (
                Fault::on(On::Login, Action::oauth_error("e", "d")),
                json!({"on": "login", "do": {"kind": "oauth_error", "error": "e", "description": "d"}}),
            ),
        ];
        for (built, json) in cases {
            let read: Fault = serde_json::from_value(json).unwrap();
            assert_eq!(format!("{built:?}"), format!("{read:?}"));
        }
    }
}
