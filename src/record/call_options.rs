//! The options of a call: request headers of Salesforce's that a route or a record may set (REST
//! guide, "Headers"). Rows of different options never share a call.
//!
//! Invariant: a header is written from what was understood, never from the text that was given.

use std::str::FromStr;

use strum::{IntoStaticStr, VariantArray};

use super::RecordId;

/// The options of a call. Equal options are equal values, however they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CallOptions {
    /// Assignment rules; `None` leaves them to the org, which takes it for [`AutoAssign::On`], in updates too.
    auto_assign: Option<AutoAssign>,
    duplicate_rule: DuplicateRule,
    /// The name of the caller: Change Data Capture repeats it in `changeOrigin`.
    client: Option<String>,
}

/// Whether a lead, case or account is given an owner by an assignment rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum AutoAssign {
    On,
    Off,
    /// Assignment by this rule, though it may not be the active one.
    Rule(RecordId),
}

/// The options for duplicate rules; all are off unless they are set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct DuplicateRule {
    /// A rule that only alerts does not keep the row out.
    allow_save: bool,
    include_record_details: bool,
    run_as_current_user: bool,
}

/// The header of each option, as HTTP and a record spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
pub enum OptionHeader {
    #[strum(serialize = "Sforce-Auto-Assign")]
    AutoAssign,
    #[strum(serialize = "Sforce-Duplicate-Rule-Header")]
    DuplicateRule,
    #[strum(serialize = "Sforce-Call-Options")]
    CallOptions,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallOptionError {
    #[error("expected \"true\", \"false\" or the record id of an assignment rule, found {0:?}")]
    AutoAssign(String),
    #[error(
        "expected \"allowSave=true; includeRecordDetails=true; runAsCurrentUser=true\" or a part of it, found {0:?}"
    )]
    DuplicateRule(String),
    #[error("expected \"client=NAME\", found {0:?}")]
    CallOptions(String),
    #[error(
        "a client's name is 1 to 100 characters of a-z, A-Z, 0-9, \".\", \"_\", \"-\", \"/\" and \":\", found {0:?}"
    )]
    Client(String),
}

impl OptionHeader {
    /// All headers, in the order in which they are sent.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The name of the header.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl CallOptions {
    /// Takes what the value of a header says, in the place of what was said before.
    pub fn set(&mut self, header: OptionHeader, value: &str) -> Result<(), CallOptionError> {
        match header {
            OptionHeader::AutoAssign => self.auto_assign = Some(value.parse()?),
            OptionHeader::DuplicateRule => self.duplicate_rule = value.parse()?,
            OptionHeader::CallOptions => {
                let client = value.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("client"));
                let (_, client) = client.ok_or_else(|| CallOptionError::CallOptions(value.to_owned()))?;
                self.set_client(client.trim())?;
            }
        }
        Ok(())
    }

    /// Turns assignment rules off unless the options say otherwise: a change gives no record another owner.
    #[must_use]
    pub fn without_assignment(self) -> Self {
        Self { auto_assign: self.auto_assign.or(Some(AutoAssign::Off)), ..self }
    }

    pub fn set_client(&mut self, name: &str) -> Result<(), CallOptionError> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-/:".contains(&b);
        if !(1..=100).contains(&name.len()) || !name.bytes().all(legal) {
            return Err(CallOptionError::Client(name.to_owned()));
        }
        self.client = Some(name.to_owned());
        Ok(())
    }

    /// Names and values of the headers to send. What the org takes by default is not sent.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let auto_assign = self.auto_assign.map(|assign| match assign {
            AutoAssign::On => "TRUE".to_owned(),
            AutoAssign::Off => "FALSE".to_owned(),
            AutoAssign::Rule(id) => id.to_string(),
        });
        let rule = self.duplicate_rule;
        let rule = [
            ("allowSave", rule.allow_save),
            ("includeRecordDetails", rule.include_record_details),
            ("runAsCurrentUser", rule.run_as_current_user),
        ];
        let rule: Vec<_> = rule.into_iter().filter(|(_, on)| *on).map(|(name, _)| format!("{name}=true")).collect();
        let duplicate_rule = (!rule.is_empty()).then(|| rule.join("; "));
        let client = self.client.as_ref().map(|name| format!("client={name}"));
        let values = [auto_assign, duplicate_rule, client];
        OptionHeader::ALL.iter().zip(values).filter_map(|(header, value)| Some((header.name(), value?)))
    }
}

impl FromStr for AutoAssign {
    type Err = CallOptionError;

    fn from_str(text: &str) -> Result<Self, CallOptionError> {
        match text {
            _ if text.eq_ignore_ascii_case("true") => Ok(Self::On),
            _ if text.eq_ignore_ascii_case("false") => Ok(Self::Off),
            _ => text.parse().map(Self::Rule).map_err(|_| CallOptionError::AutoAssign(text.to_owned())),
        }
    }
}

impl FromStr for DuplicateRule {
    type Err = CallOptionError;

    fn from_str(text: &str) -> Result<Self, CallOptionError> {
        let wrong = || CallOptionError::DuplicateRule(text.to_owned());
        let mut rule = [("allowSave", None), ("includeRecordDetails", None), ("runAsCurrentUser", None)];
        for part in text.split(';') {
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let known = rule.iter_mut().find(|(known, said)| known.eq_ignore_ascii_case(name.trim()) && said.is_none());
            let (_, said) = known.ok_or_else(wrong)?;
            *said = Some(value.trim().to_ascii_lowercase().parse::<bool>().map_err(|_| wrong())?);
        }
        let [allow_save, include_record_details, run_as_current_user] = rule.map(|(_, said)| said.unwrap_or_default());
        Ok(Self { allow_save, include_record_details, run_as_current_user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(header: OptionHeader, value: &str) -> Option<Vec<(&'static str, String)>> {
        let mut options = CallOptions::default();
        options.set(header, value).ok()?;
        Some(options.headers().collect())
    }

    #[test]
    fn call_options_are_written_in_one_form() {
        for (header, value, written) in [
            (OptionHeader::AutoAssign, "true", Some("TRUE")),
            (OptionHeader::AutoAssign, "False", Some("FALSE")),
            (OptionHeader::AutoAssign, "01QD0000000EqAn", Some("01QD0000000EqAnMAK")),
            (OptionHeader::DuplicateRule, "allowSave=true", Some("allowSave=true")),
            (
                OptionHeader::DuplicateRule,
                "runAsCurrentUser=TRUE;includerecorddetails = false ; allowSave=true",
                Some("allowSave=true; runAsCurrentUser=true"),
            ),
            (OptionHeader::DuplicateRule, "allowSave=false", None),
            (OptionHeader::CallOptions, "client=crm-sink/1.0", Some("client=crm-sink/1.0")),
            (OptionHeader::CallOptions, "Client = a:b", Some("client=a:b")),
        ] {
            let written: Vec<_> = written.map(|written| (header.name(), written.to_owned())).into_iter().collect();
            assert_eq!(headers(header, value), Some(written), "{value}");
        }
        assert_eq!(CallOptions::default().headers().count(), 0);
        let auto_assign = |said: Option<&str>| {
            let mut options = CallOptions::default();
            if let Some(value) = said {
                options.set(OptionHeader::AutoAssign, value).unwrap();
            }
            options.without_assignment().headers().next().map(|(_, value)| value)
        };
        assert_eq!(auto_assign(None).as_deref(), Some("FALSE"));
        assert_eq!(auto_assign(Some("true")).as_deref(), Some("TRUE"), "what was said stays");
    }

    #[test]
    fn invalid_call_options_are_rejected() {
        for (header, values) in [
            (OptionHeader::AutoAssign, &["", "yes", "TRUE\r\nX: y", "01QD", "TRUE; x"][..]),
            (
                OptionHeader::DuplicateRule,
                &[
                    "",
                    "allowSave",
                    "allowSave=1",
                    "allowSave=true;",
                    "allowSave=true; allowSave=true",
                    "x=true",
                    "allowSave=true\nX: y",
                ],
            ),
            (
                OptionHeader::CallOptions,
                &[
                    "",
                    "client",
                    "client=",
                    "client=a, defaultNamespace=b",
                    "defaultNamespace=b",
                    "client=a b",
                    "client=a\r\nX: y",
                    "client=ä",
                ],
            ),
        ] {
            for value in values {
                assert_eq!(headers(header, value), None, "{value:?}");
            }
        }
        assert!(CallOptions::default().set_client(&"a".repeat(101)).is_err());
    }
}
