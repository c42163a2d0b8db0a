//! Request headers that say how a write is made (REST guide, "Headers"). The sandbox has no rules that they would
//! switch: it reads them strictly and keeps them in the journal.

use axum::http::HeaderMap;
use serde::Serialize;

use super::ApiError;
use crate::value::RecordId;

/// The options of a write, as its headers have them; `None` for an absent header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CallOptions {
    /// `Sforce-Auto-Assign`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_assign: Option<String>,
    /// `Sforce-Duplicate-Rule-Header`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_rule: Option<String>,
    /// `Sforce-Call-Options`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_options: Option<String>,
}

impl CallOptions {
    /// What the org answers to a header that it does not understand was not found; to a bad rule id SOAP says
    /// `MALFORMED_ID`. An assumption: it refuses the call.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        Ok(Self {
            auto_assign: one(headers, "Sforce-Auto-Assign", |value| {
                ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word))
                    || RecordId::parse(value).is_some()
            })?,
            duplicate_rule: one(headers, "Sforce-Duplicate-Rule-Header", |value| {
                pairs(value, ';', |name, value| {
                    ["allowSave", "includeRecordDetails", "runAsCurrentUser"].contains(&name)
                        && ["true", "false"].contains(&value)
                })
            })?,
            call_options: one(headers, "Sforce-Call-Options", |value| {
                pairs(value, ',', |name, value| ["client", "defaultNamespace"].contains(&name) && !value.is_empty())
            })?,
        })
    }
}

fn one(headers: &HeaderMap, name: &str, is_known: impl Fn(&str) -> bool) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match value.to_str() {
        Ok(text) if values.next().is_none() && is_known(text) => Ok(Some(text.to_owned())),
        _ if name == "Sforce-Auto-Assign" => Err(ApiError::parse("MALFORMED_ID", "malformed id")),
        _ => Err(ApiError::parse("INVALID_FIELD", format!("Invalid value for the header {name}"))),
    }
}

/// Whether all parts are known, and no name is repeated.
fn pairs(text: &str, separator: char, is_known: impl Fn(&str, &str) -> bool) -> bool {
    let mut names = Vec::new();
    text.split(separator).all(|part| {
        let Some((name, value)) = part.trim().split_once('=') else { return false };
        let is_new = !names.contains(&name);
        names.push(name);
        is_new && is_known(name, value)
    })
}
