//! The identity of a row: which record it changes. The most dangerous concept here.
//!
//! Two keys are made from an identity, by the key field's describe, and they err to opposite sides:
//!
//! | key | decides | text | number | record id |
//! |---|---|---|---|---|
//! | [`OrderKey`] | which changes wait for each other | NFC, trimmed, folded: too coarse costs a little parallelism, never correctness | canonical decimal | 18 characters |
//! | [`MatchKey`] | whose row an answer is; keys the cache | equal text; without the case of ASCII letters only where the field compares so ([`KeyKind`]): too fine costs a query, never another's record | canonical decimal | 18 characters |

use std::{
    fmt,
    hash::{BuildHasher, Hash as _, Hasher},
    sync::Arc,
};

use unicode_normalization::UnicodeNormalization as _;

use super::{AnyCase, ApiName, Decimal, KeyField, KeyKind, RecordId, RecordIdError, SObject};
use crate::mutation::{self, Mutation};

/// A row's target. A plain insert has none.
#[derive(Debug, Clone)]
pub enum Identity {
    RecordId(RecordId),
    ExternalId(ExternalId),
}

/// The value of an external id field, known to be one that the field can hold.
#[derive(Debug, Clone)]
pub struct ExternalId {
    field: Arc<KeyField>,
    value: Value,
}

#[derive(Debug, Clone)]
enum Value {
    /// A text as it was sent: the org trims it, the daemon does not.
    Text(Box<str>),
    Number(Decimal),
}

/// The key that decides which changes wait for each other, across topics, routes and spellings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderKey(Arc<str>);

/// The key that decides which row an answer belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MatchKey(Box<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("the identity is empty")]
    Empty,
    #[error("{field} is a number field and the identity is not a number")]
    NotANumber { field: ApiName },
    #[error("{field} keeps {scale} digits after the decimal point and the identity has more")]
    TooPrecise { field: ApiName, scale: u32 },
    /// A key of another format than the configured one, mostly: text that names a record holds none.
    #[error("the identity holds the control character {0:?}, as binary keys do: it names no record")]
    ControlCharacter(char),
    #[error("the identity is not a record id: {0}")]
    RecordId(#[from] RecordIdError),
    #[error("the record id {id} is of another SObject: those of {sobject} begin with {prefix}")]
    OtherSObject { id: RecordId, sobject: ApiName, prefix: Box<str> },
}

impl IdentityError {
    /// Whether another description of the SObject could take the identity.
    pub fn is_by_description(&self) -> bool {
        matches!(self, Self::NotANumber { .. } | Self::TooPrecise { .. } | Self::OtherSObject { .. })
    }
}

impl Identity {
    /// A record id of this SObject. Without a known key prefix an id of any SObject is taken.
    pub fn record_id(sobject: &SObject, text: &str) -> Result<Self, IdentityError> {
        let id: RecordId = text.trim().parse()?;
        match &sobject.key_prefix {
            // A delete by record id is untyped: the org would delete the record of the other SObject.
            Some(prefix) if **prefix != *id.prefix() => {
                Err(IdentityError::OtherSObject { id, sobject: sobject.name.clone(), prefix: prefix.clone() })
            }
            _ => Ok(Self::RecordId(id)),
        }
    }

    /// The field that names the record, in external id mode.
    pub fn key_field(&self) -> Option<&ApiName> {
        match self {
            Self::RecordId(_) => None,
            Self::ExternalId(external) => Some(&external.field.name),
        }
    }

    /// The key under which the changes of an identity wait for each other. `sobject`: in upper or lower case.
    pub fn order_key(&self, sobject: &str) -> OrderKey {
        let mut key = format!("{sobject}\0{}\0", self.key_field().map_or("id", ApiName::as_str));
        key.make_ascii_lowercase();
        match self {
            Self::RecordId(id) => key.push_str(id.as_str()),
            Self::ExternalId(external) => key.push_str(&external.folded()),
        }
        OrderKey(key.into())
    }

    /// Returns a keyed hash of [`Self::order_key`] without making the key: equal keys have equal hashes.
    pub fn hash_order_key(&self, sobject: &str, hasher: &impl BuildHasher) -> u64 {
        let mut state = hasher.build_hasher();
        AnyCase(sobject).hash(&mut state);
        AnyCase(self.key_field().map_or("id", ApiName::as_str)).hash(&mut state);
        match self {
            // The case of a record id counts.
            Self::RecordId(id) => id.as_str().hash(&mut state),
            Self::ExternalId(external) => external.hash_folded(&mut state),
        }
        state.finish()
    }
}

impl ExternalId {
    pub fn new(field: Arc<KeyField>, text: &str) -> Result<Self, IdentityError> {
        if trimmed(text).is_empty() {
            return Err(IdentityError::Empty);
        }
        if let Some(c) = text.chars().find(|c| c.is_control() && !c.is_whitespace()) {
            return Err(IdentityError::ControlCharacter(c));
        }
        let value = match field.kind {
            KeyKind::Text { .. } => Value::Text(text.into()),
            KeyKind::Number { scale, .. } => {
                let name = || field.name.clone();
                let number = Decimal::parse(text).ok_or_else(|| IdentityError::NotANumber { field: name() })?;
                if let Some(scale) = scale.filter(|scale| number.decimals() > *scale as usize) {
                    return Err(IdentityError::TooPrecise { field: name(), scale });
                }
                Value::Number(number)
            }
        };
        Ok(Self { field, value })
    }

    pub fn field(&self) -> &KeyField {
        &self.field
    }

    /// The value as text: digits for a number.
    pub fn text(&self) -> &str {
        match &self.value {
            Value::Text(text) => text,
            Value::Number(number) => number.as_str(),
        }
    }

    /// The value as the org stores it: what a query has to compare with.
    pub fn stored(&self) -> &str {
        stored(self.text())
    }

    pub fn match_key(&self) -> MatchKey {
        MatchKey::new(&self.field, self.text())
    }

    /// Whether the org's value is letter for letter the one that was asked for, as the org stores it: trimmed.
    pub fn is_exactly(&self, stored: &str) -> bool {
        match &self.value {
            Value::Text(text) => trimmed(text) == trimmed(stored),
            Value::Number(number) => Decimal::parse(stored).as_ref() == Some(number),
        }
    }

    /// Hashes what [`Self::folded`] returns.
    fn hash_folded(&self, state: &mut impl Hasher) {
        match &self.value {
            Value::Text(text) if text.is_ascii() => AnyCase(trimmed(text)).hash(state),
            Value::Text(_) | Value::Number(_) => AnyCase(&self.folded()).hash(state),
        }
    }

    fn folded(&self) -> String {
        match &self.value {
            Value::Text(text) => fold(trimmed(text)),
            Value::Number(number) => number.to_string(),
        }
    }
}

impl MatchKey {
    /// Makes the key of `text` as it was asked for, or as the org answered it.
    pub fn new(field: &KeyField, text: &str) -> Self {
        Self(match field.kind {
            KeyKind::Text { case_sensitive, .. } if !case_sensitive || mutation::on(Mutation::Case) => {
                stored(text).to_ascii_lowercase().into()
            }
            KeyKind::Text { .. } => stored(text).into(),
            KeyKind::Number { .. } => Decimal::parse(text).map_or_else(|| text.into(), |number| number.as_str().into()),
        })
    }
}

/// Salesforce stores text without the white space around it; that it does so with more than ASCII's is not known.
fn stored(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace())
}

/// Trims all that any system takes for white space: an [`OrderKey`] may be too coarse.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control())
}

/// Folds the case by way of upper case, since `ß`, `ſ` and their like are equal only there.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfc().collect::<String>().to_uppercase().to_lowercase().nfc().collect()
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordId(id) => id.fmt(f),
            Self::ExternalId(external) => write!(f, "{}={}", external.field.name, external.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;

    fn field(kind: KeyKind) -> Arc<KeyField> {
        Arc::new(KeyField { name: "Ext__c".into(), kind })
    }

    const LOOSE: KeyKind = KeyKind::Text { unique: false, case_sensitive: true };
    const EMAIL: KeyKind = KeyKind::Text { unique: false, case_sensitive: false };
    const UNIQUE: KeyKind = KeyKind::Text { unique: true, case_sensitive: false };
    const EXACT: KeyKind = KeyKind::Text { unique: true, case_sensitive: true };
    const NUMBER: KeyKind = KeyKind::Number { unique: true, scale: None };

    /// Compares two spellings by both keys: whether the order keys are equal, and whether the match keys are.
    fn compare(kind: KeyKind, left: &str, right: &str) -> (bool, bool) {
        let [left, right] = [left, right].map(|text| ExternalId::new(field(kind), text).unwrap());
        let [order_left, order_right] = [&left, &right].map(|e| Identity::ExternalId(e.clone()).order_key("Contact"));
        (order_left == order_right, left.match_key() == right.match_key())
    }

    #[test]
    fn the_order_key_is_coarse_and_the_match_key_is_as_the_field_compares() {
        for (kind, left, right, expected) in [
            (UNIQUE, "K", "k", (true, true)),
            (UNIQUE, "K", "\u{212A}", (true, false)), // the Kelvin sign: if it is a K to the org, the org will say so
            (UNIQUE, "\u{e9}", "e\u{301}", (true, false)),
            (UNIQUE, "a\u{a0}", "a", (true, false)),
            (EXACT, "K", "k", (true, false)),
            (LOOSE, "K", "k", (true, false)),
            (EMAIL, "K", "k", (true, true)),
            (EXACT, "a ", "a", (true, true)),
            (UNIQUE, "STRASSE", "straße", (true, false)),
            (EXACT, "e\u{301}", "\u{e9}", (true, false)),
            (UNIQUE, "1", "1.0", (false, false)),
            (NUMBER, "1", "1.0", (true, true)),
            (NUMBER, "1e3", "1000.00", (true, true)),
            (NUMBER, "1", "-1", (false, false)),
        ] {
            assert_eq!(compare(kind, left, right), expected, "{kind:?} {left:?} {right:?}");
        }
    }

    proptest::proptest! {
        /// Two spellings that may be one record to the org have one order key.
        #[test]
        fn the_order_key_is_never_finer_than_the_match_key(left in "[ aAkK\u{212A}eé\u{301}ß1.0\t]{1,4}", right in "[ aAkK\u{212A}eé\u{301}ß1.0\t]{1,4}") {
            for kind in [UNIQUE, EXACT, LOOSE, EMAIL, NUMBER] {
                let both = [&left, &right].map(|text| ExternalId::new(field(kind), text).ok());
                if let [Some(left), Some(right)] = both {
                    let [order_left, order_right] = [&left, &right].map(|e| Identity::ExternalId(e.clone()).order_key("x"));
                    proptest::prop_assert!(left.match_key() != right.match_key() || order_left == order_right);
                    proptest::prop_assert!(!left.is_exactly(right.text()) || order_left == order_right);
                    let hasher = RandomState::new();
                    let [hash_left, hash_right] =
                        [&left, &right].map(|e| Identity::ExternalId(e.clone()).hash_order_key("X", &hasher));
                    proptest::prop_assert_eq!(hash_left == hash_right, order_left == order_right);
                }
            }
        }
    }

    #[test]
    fn a_record_id_carries_the_prefix_of_its_sobject() {
        let of = |prefix: Option<&str>, id: &str| {
            let contact = SObject::new("Contact", []).with_key_prefix(prefix.map(Into::into));
            Identity::record_id(&contact, id).map(|identity| identity.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(of(Some("003"), " 0037Q00000EZlby "), Ok("0037Q00000EZlbyQAD".to_owned()));
        assert_eq!(of(None, "0017Q00000EZlby"), Ok("0017Q00000EZlbyQAD".to_owned()), "some SObjects have none");
        assert_eq!(of(Some("a0B"), "A0B7Q00000EZLBYUAD"), of(Some("a0B"), "a0b7q00000ezlbyuad"));
        let other = of(Some("003"), "0017Q00000EZlby");
        assert_eq!(
            other,
            Err("the record id 0017Q00000EZlbyQAD is of another SObject: those of Contact begin with 003".to_owned())
        );
        assert!(of(Some("a0b"), "a0B7Q00000EZlby").is_err(), "prefixes know case");
    }

    #[test]
    fn record_ids_keep_their_case_and_know_both_lengths() {
        let key = |id: &str| Identity::RecordId(id.parse().unwrap()).order_key("Account");
        assert_eq!(key("0017Q00000EZlby"), key("0017Q00000EZlbyQAD"));
        assert_ne!(key("0017Q00000EZlby"), key("0017Q00000EZlbY"));
    }

    #[test]
    fn the_sobject_is_part_of_the_order_key_without_case() {
        let id = Identity::RecordId("0017Q00000EZlby".parse().unwrap());
        let hasher = RandomState::new();
        assert_eq!(id.hash_order_key("Account", &hasher), id.hash_order_key("ACCOUNT", &hasher));
        assert_ne!(id.hash_order_key("Account", &hasher), id.hash_order_key("Contact", &hasher));
        assert_eq!(id.order_key("Account"), id.order_key("ACCOUNT"));
        assert_ne!(id.order_key("Account"), id.order_key("Contact"));
    }

    #[test]
    fn an_external_id_that_its_field_cannot_hold_is_rejected() {
        assert_eq!(ExternalId::new(field(UNIQUE), " \t ").unwrap_err(), IdentityError::Empty);
        // Avro's frame, Java's Long 42, a NUL at the end; white space of any kind stays.
        for (text, c) in
            [("\0\0\0\0\u{5}\u{6}C-1", '\0'), ("\0\0\0\0\0\0\0*", '\0'), ("C-1\0", '\0'), ("a\u{7f}", '\u{7f}')]
        {
            assert_eq!(ExternalId::new(field(UNIQUE), text).unwrap_err(), IdentityError::ControlCharacter(c));
        }
        assert!(ExternalId::new(field(UNIQUE), "a\tb\r\n").is_ok());
        let error = ExternalId::new(field(NUMBER), "seven").unwrap_err();
        assert_eq!(error.to_string(), "Ext__c is a number field and the identity is not a number");
        let money = KeyKind::Number { unique: true, scale: Some(2) };
        assert!(ExternalId::new(field(money), "1.2300").is_ok(), "a zero is not a digit more");
        let error = ExternalId::new(field(money), "1.234").unwrap_err();
        assert_eq!(error.to_string(), "Ext__c keeps 2 digits after the decimal point and the identity has more");
    }
}
