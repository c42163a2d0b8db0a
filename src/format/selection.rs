//! Which members of a value are read. What a route leaves out cannot be what is wrong with a record: no format decodes it
//! further than it takes to find its end.

use super::names::fingerprint;
use crate::config::{Fields, IdentitySource};

/// The members of a value's outermost object that are read. Names are compared without case.
#[derive(Debug, Default)]
pub struct Selection {
    /// The members that are read, if any are listed; else all are.
    include: Vec<Name>,
    /// Members that are not read.
    exclude: Vec<Name>,
    /// Left out of the row, and read all the same: it says which record is meant.
    identity: Option<Box<str>>,
}

/// A name, and what tells it from most others at once.
type Name = (u64, Box<str>);

impl Selection {
    pub(super) fn new(fields: &Fields, identity: &IdentitySource) -> Self {
        let names = |names: &[String]| names.iter().map(|name| (fingerprint(name), name.as_str().into())).collect();
        let listed = Self { include: names(&fields.include), exclude: names(&fields.exclude), identity: None };
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
        let is = |(known, listed): &Name| *known == print && listed.eq_ignore_ascii_case(name);
        let written = (self.include.is_empty() || self.include.iter().any(is)) && !self.exclude.iter().any(is);
        written || self.only_identifies(name)
    }

    /// Whether this member is read for the identity alone, and is no field of the row.
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
    fn names_are_listed_without_case() {
        let all = Selection::default();
        assert!(all.takes("anything") && all.is_whole() && !all.is_closed());
        let without = Selection::without(&["Meta", "é"]);
        assert!(!without.takes("mETA") && !without.takes("é") && without.takes("Name") && !without.is_closed());
        let only = Selection::of(&["Name"]);
        assert!(only.takes("NAME") && !only.takes("Meta") && only.is_closed() && !only.is_whole());
    }

    #[test]
    fn the_identity_is_read_also_where_it_is_left_out() {
        let fields = Fields { include: vec!["Name".into()], exclude: vec!["Secret".into()], ..Fields::default() };
        let selection = Selection::new(&fields, &IdentitySource::Value("Key".into()));
        assert!(selection.takes("key") && selection.only_identifies("KEY") && !selection.takes("Secret"));
        let included = Selection::new(&fields, &IdentitySource::Value("name".into()));
        assert!(included.takes("Name") && !included.only_identifies("Name"));
    }
}
