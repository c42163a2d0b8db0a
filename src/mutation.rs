//! Bugs that can be switched on, so that the chaos harness and the property tests show that they find them:
//! `SOBJECTD_MUTATION=gate`, read only in builds with the feature `mutations`, which no other build has.

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// `gate`: a change does not wait for an earlier change of the same identity.
    Gate,
    /// `lease`: calls are made although the partitions may be lost.
    Lease,
    /// `letters`: a dead letter counts as durable as soon as it is on its way.
    Letters,
    /// `hold`: a call of unknown result is repeated at once.
    Hold,
    /// `case`: keys that differ only in case are one record's to every field.
    Case,
    /// `early`: an identity is released before the dead letter of its change is durable.
    Early,
    /// `ghost`: the end of a lane releases the identities of its changes that are on the wire.
    Ghost,
    /// `tail`: a drain closes the first records of its lane and not the last ones.
    Tail,
    /// `aba`: what comes late for a row counts for the row that has taken its place.
    Aba,
    /// `part`: the verdict on a row counts for its neighbour.
    Part,
    /// `place`: rows of a place that the org refuses are sent as if it were open.
    Place,
}

#[cfg(feature = "mutations")]
pub(crate) fn on(mutation: Mutation) -> bool {
    use std::sync::LazyLock;

    static ON: LazyLock<Option<Mutation>> = LazyLock::new(|| match std::env::var("SOBJECTD_MUTATION").ok()?.as_str() {
        "gate" => Some(Mutation::Gate),
        "lease" => Some(Mutation::Lease),
        "letters" => Some(Mutation::Letters),
        "hold" => Some(Mutation::Hold),
        "case" => Some(Mutation::Case),
        "early" => Some(Mutation::Early),
        "ghost" => Some(Mutation::Ghost),
        "tail" => Some(Mutation::Tail),
        "aba" => Some(Mutation::Aba),
        "part" => Some(Mutation::Part),
        "place" => Some(Mutation::Place),
        other => {
            panic!(
                "SOBJECTD_MUTATION={other}: gate, lease, letters, hold, case, early, ghost, tail, aba, part or place"
            )
        }
    });
    *ON == Some(mutation)
}

#[cfg(not(feature = "mutations"))]
pub(crate) const fn on(_: Mutation) -> bool {
    false
}
