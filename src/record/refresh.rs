/// The condition under which an SObject's description is fetched again although one is known: never while that one is
/// younger than the least interval between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh<'a> {
    /// The known one serves, whatever its age.
    IfUnknown,
    /// Fetched again if it has neither a field nor a relationship of this name.
    IfLacking(&'a str),
    /// Fetched again if it is old: a row is to be rejected for what it says.
    IfOld,
}
