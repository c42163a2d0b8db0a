//! `routes.options`: request headers of the calls of a route.

use serde::{Deserialize, Serialize};

use crate::record::{CallOptionError, CallOptions, OptionHeader};

/// Values of Salesforce's request headers. An absent one leaves the default to the org.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Value of `Sforce-Auto-Assign`: `"true"`, `"false"`, or the record id of an assignment rule.
    pub auto_assign: Option<String>,
    /// Value of `Sforce-Duplicate-Rule-Header`: `"allowSave=true; includeRecordDetails=true; runAsCurrentUser=true"`,
    /// or a part of it.
    pub duplicate_rule: Option<String>,
    /// Client name in `Sforce-Call-Options`.
    pub client: Option<String>,
    /// Whether the headers of a record override these keys.
    pub from_headers: bool,
}

impl Options {
    /// Returns the call options, and an error for each key whose value is not valid.
    pub fn read(&self) -> (CallOptions, Vec<(&'static str, CallOptionError)>) {
        let mut options = CallOptions::default();
        let results = [
            ("auto_assign", self.auto_assign.as_ref().map(|text| options.set(OptionHeader::AutoAssign, text))),
            ("duplicate_rule", self.duplicate_rule.as_ref().map(|text| options.set(OptionHeader::DuplicateRule, text))),
            ("client", self.client.as_ref().map(|name| options.set_client(name))),
        ];
        let errors = results.into_iter().filter_map(|(key, result)| Some((key, result?.err()?))).collect();
        (options, errors)
    }
}
