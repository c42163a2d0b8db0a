//! `routes.options`: how the calls of a route are made, besides what they write.

use serde::{Deserialize, Serialize};

use crate::record::{CallOptionError, CallOptions, OptionHeader};

/// Each as the value of Salesforce's header; absent is the org's own default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// `"true"`, `"false"`, or the record id of an assignment rule.
    pub auto_assign: Option<String>,
    /// `"allowSave=true; includeRecordDetails=true; runAsCurrentUser=true"`, or a part of it.
    pub duplicate_rule: Option<String>,
    /// The client's name.
    pub client: Option<String>,
    /// A record's headers may say otherwise.
    pub from_headers: bool,
}

impl Options {
    /// What the keys say, and which of them say nothing that is known.
    pub fn read(&self) -> (CallOptions, Vec<(&'static str, CallOptionError)>) {
        let mut options = CallOptions::default();
        let read = [
            ("auto_assign", self.auto_assign.as_ref().map(|text| options.set(OptionHeader::AutoAssign, text))),
            ("duplicate_rule", self.duplicate_rule.as_ref().map(|text| options.set(OptionHeader::DuplicateRule, text))),
            ("client", self.client.as_ref().map(|name| options.set_client(name))),
        ];
        let wrong = read.into_iter().filter_map(|(key, read)| Some((key, read?.err()?))).collect();
        (options, wrong)
    }
}
