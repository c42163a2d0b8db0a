//! Selects the members of a value that are read. A member that a route leaves out never rejects a record: each format
//! only finds its end, and does not decode it.

use super::names::fingerprint;
use crate::config::{Fields, IdentitySource};

/// The members of a value's outermost object that are read. Names are compared without case.
#[derive(Debug, Default)]
pub struct Selection {
    /// The only members that are read, if any are listed.
    include: Vec<Name>,
    /// Members that are not read.
    exclude: Vec<Name>,
    /// The member of the identity, if it is left out of the row. It is read anyway.
    identity: Option<Box<str>>,
}

/// A name with its fingerprint, which is different for most other names.
type Name = (u64, Box<str>);

impl Selection {
    pub(super) fn new(fields: &Fields, identity: &IdentitySource) -> Self {
        let with_fingerprints =
            |names: &[String]| names.iter().map(|name| (fingerprint(name), name.as_str().into())).collect();
        let (include, exclude) = (with_fingerprints(&fields.include), with_fingerprints(&fields.exclude));
        let listed = Self { include, exclude, identity: None };
        let identity = match identity {
            IdentitySource::Value(name) if !listed.takes(name) => Some(name.as_str().into()),
            _ => None,
        };
        Self { identity, ..listed }
    }

    /// Whether every member is read.
    pub(super) fn is_whole(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether only members of known names are read.
    pub(super) fn is_closed(&self) -> bool {
        !self.include.is_empty()
    }

    pub(super) fn takes(&self, name: &str) -> bool {
        if self.is_whole() {
            return true;
        }
        let print = fingerprint(name);
        let is_same = |(known, listed): &Name| *known == print && listed.eq_ignore_ascii_case(name);
        let is_included = self.include.is_empty() || self.include.iter().any(is_same);
        (is_included && !self.exclude.iter().any(is_same)) || self.only_identifies(name)
    }

    /// Whether this member is read for the identity alone, and is left out of the row.
    pub(super) fn only_identifies(&self, name: &str) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
impl Selection {
    /// Selects all members but these.
    pub(super) fn without(names: &[&str]) -> Self {
        let exclude = names.iter().map(|name| (*name).to_owned()).collect();
        Self::new(&Fields { exclude, ..Fields::default() }, &IdentitySource::Key)
    }

    /// Selects only these members.
    pub(super) fn of(names: &[&str]) -> Self {
        let include = names.iter().map(|name| (*name).to_owned()).collect();
        Self::new(&Fields { include, ..Fields::default() }, &IdentitySource::Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selected_names_are_compared_without_case() {
        let all = Selection::default();
        assert!(all.takes("anything") && all.is_whole() && !all.is_closed());
        let without = Selection::without(&["Meta", "é"]);
        assert!(!without.takes("mETA") && !without.takes("é") && without.takes("Name") && !without.is_closed());
        let only = Selection::of(&["Name"]);
        assert!(only.takes("NAME") && !only.takes("Meta") && only.is_closed() && !only.is_whole());
    }

    #[test]
    fn the_identity_is_read_also_if_it_is_left_out_of_the_row() {
        let fields = Fields { include: vec!["Name".into()], exclude: vec!["Secret".into()], ..Fields::default() };
        let selection = Selection::new(&fields, &IdentitySource::Value("Key".into()));
        assert!(selection.takes("key") && selection.only_identifies("KEY") && !selection.takes("Secret"));
        let included = Selection::new(&fields, &IdentitySource::Value("name".into()));
        assert!(included.takes("Name") && !included.only_identifies("Name"));
    }
}
