use super::{ApiName, Field, SObject};

/// The target of a member of a value, by name: a field (`LastName`), or a parent by its external id (`Account.Ext__c`).
/// Where several SObjects may be the parent, one is named first, as the Bulk API writes it: `User:Owner.Ext__c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetName<'a> {
    /// The parent's SObject, where it is named.
    pub sobject: Option<&'a str>,
    /// A field, or a relationship.
    pub name: &'a str,
    /// The parent's external id field.
    pub key: Option<&'a str>,
}

impl<'a> TargetName<'a> {
    pub fn parse(text: &'a str) -> Self {
        let (path, key) = text.split_once('.').map_or((text, None), |(path, key)| (path, Some(key)));
        let (sobject, name) = path.split_once(':').map_or((None, path), |(sobject, name)| (Some(sobject), name));
        Self { sobject, name, key }
    }

    /// The parts of the name, each of which has to be an API name.
    pub fn parts(self) -> impl Iterator<Item = &'a str> {
        [self.sobject, Some(self.name), self.key].into_iter().flatten()
    }

    /// The field that it sets: of a parent, the reference to it.
    pub fn field(self, sobject: &SObject) -> Option<&Field> {
        let field = if self.key.is_none() && self.sobject.is_none() { sobject.field(self.name) } else { None };
        field.or_else(|| sobject.relationship(self.name))
    }

    /// The SObject of the parent that `field` refers to: the named one, or the only one that there can be.
    pub fn parent(self, field: &Field) -> Option<&ApiName> {
        match (self.sobject, field.reference_to.as_slice()) {
            (Some(name), _) => field.reference_to.iter().find(|sobject| **sobject == *name),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_name_has_up_to_three_parts() {
        for (text, sobject, name, key) in [
            ("LastName", None, "LastName", None),
            ("Account.Ext__c", None, "Account", Some("Ext__c")),
            ("User:Owner.Ext__c", Some("User"), "Owner", Some("Ext__c")),
            ("User:Owner", Some("User"), "Owner", None),
            // What is not an API name is left in a part, for the check of names to find.
            ("a.b.c", None, "a", Some("b.c")),
            ("a:b:c.d", Some("a"), "b:c", Some("d")),
            ("a.b:c", None, "a", Some("b:c")),
            (":.", Some(""), "", Some("")),
        ] {
            assert_eq!(TargetName::parse(text), TargetName { sobject, name, key }, "{text}");
        }
        assert_eq!(TargetName::parse("User:Owner.Ext__c").parts().collect::<Vec<_>>(), ["User", "Owner", "Ext__c"]);
    }
}
