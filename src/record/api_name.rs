//! Names of SObjects, fields and relationships. Salesforce compares them without case.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use indexmap::Equivalent;

/// The API name of an SObject, a field or a relationship: compared and hashed without the case of ASCII letters, and
/// shown as it was written. Cheap to clone.
///
/// It does not implement `Borrow<str>`, since text is compared with case: a map is asked by [`AnyCase`].
#[derive(Clone)]
pub struct ApiName(Arc<str>);

/// A text that is compared and hashed as an [`ApiName`] is. It finds an entry of a map without an allocation.
#[derive(Debug, Clone, Copy)]
pub struct AnyCase<'a>(pub &'a str);

impl ApiName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are clones of one name, which costs no comparison.
    pub fn is_same_copy(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether a text can be an API name: a letter, then letters, digits and underscores.
    pub fn is_valid(text: &str) -> bool {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    }

    fn any_case(&self) -> AnyCase<'_> {
        AnyCase(&self.0)
    }
}

impl PartialEq for AnyCase<'_> {
    fn eq(&self, other: &Self) -> bool {
        // Most names are spelled as Salesforce spells them, which is compared faster.
        self.0 == other.0 || self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for AnyCase<'_> {}

impl Hash for AnyCase<'_> {
    /// Hashes the lower-cased bytes, as `eq` compares them, in blocks.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut block = [0; 32];
        for bytes in self.0.as_bytes().chunks(block.len()) {
            let folded = &mut block[..bytes.len()];
            folded.copy_from_slice(bytes);
            folded.make_ascii_lowercase();
            state.write(folded);
        }
        // A byte that no UTF-8 holds ends the name, as in the hash of a `str`.
        state.write_u8(0xff);
    }
}

impl Ord for AnyCase<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let [left, right] = [self, other].map(|name| name.0.bytes().map(|byte| byte.to_ascii_lowercase()));
        left.cmp(right)
    }
}

impl PartialOrd for AnyCase<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Equivalent<ApiName> for AnyCase<'_> {
    fn equivalent(&self, name: &ApiName) -> bool {
        *self == name.any_case()
    }
}

impl PartialEq for ApiName {
    fn eq(&self, other: &Self) -> bool {
        self.is_same_copy(other) || self.any_case() == other.any_case()
    }
}

impl Eq for ApiName {}

impl PartialEq<str> for ApiName {
    fn eq(&self, other: &str) -> bool {
        self.any_case() == AnyCase(other)
    }
}

impl Hash for ApiName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.any_case().hash(state);
    }
}

impl Ord for ApiName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.any_case().cmp(&other.any_case())
    }
}

impl PartialOrd for ApiName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Deref for ApiName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ApiName {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for ApiName {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<ApiName> for Arc<str> {
    fn from(name: ApiName) -> Self {
        name.0
    }
}

impl fmt::Display for ApiName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ApiName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl serde::Serialize for ApiName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ApiName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use indexmap::IndexMap;

    use super::*;

    #[test]
    fn a_name_is_found_in_any_case_and_shown_as_written() {
        let fields: IndexMap<ApiName, u8> = [("LastName", 1), ("Ext__c", 2)].map(|(name, n)| (name.into(), n)).into();
        assert_eq!(fields.get(&AnyCase("LASTNAME")), Some(&1));
        assert_eq!(fields.get(&AnyCase("ext__C")), Some(&2));
        assert_eq!(fields.get(&AnyCase("ext_c")), None);
        assert_eq!(ApiName::from("Ext__c").to_string(), "Ext__c");
        let in_order = [ApiName::from("a"), ApiName::from("B"), ApiName::from("c")];
        assert!(in_order.is_sorted());
    }

    #[test]
    fn only_letters_digits_and_underscores_are_valid() {
        for (text, valid) in
            [("Contact", true), ("x1__c", true), ("", false), ("_x", false), ("1x", false), ("é", false)]
        {
            assert_eq!(ApiName::is_valid(text), valid, "{text:?}");
        }
    }

    proptest::proptest! {
        /// Equality is that of `eq_ignore_ascii_case`; equal names have one hash and one place in the order. The texts
        /// are longer than a block of the hash.
        #[test]
        fn equal_names_hash_equally(left in "[aAkK\u{212A}é_1]{0,3}", right in "[aAkK\u{212A}é_1]{0,3}", padding in 0_usize..70) {
            let hasher = RandomState::new();
            let [left, right] = [left, right].map(|text| format!("{}{text}", "x".repeat(padding)));
            for (left, right) in [(&left, &right), (&left, &left.to_ascii_uppercase())] {
                let [one, other] = [left, right].map(|text| ApiName::from(text.as_str()));
                proptest::prop_assert_eq!(one == other, left.eq_ignore_ascii_case(right));
                proptest::prop_assert_eq!(one == other, one.cmp(&other) == Ordering::Equal);
                proptest::prop_assert_eq!(hasher.hash_one(&one), hasher.hash_one(AnyCase(left)));
                if one == other {
                    proptest::prop_assert_eq!(hasher.hash_one(&one), hasher.hash_one(&other));
                }
            }
        }
    }
}
