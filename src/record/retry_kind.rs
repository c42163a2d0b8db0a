use super::{ApiName, OrgTrouble};

/// The way in which a row that was not applied is tried again.
///
/// | kind | because | then |
/// |---|---|---|
/// | `Backoff` | the row, or its call, met a lock or the like | this row, or this call's rows, after a backoff |
/// | `Parent` | a parent that the row names is not there, or not yet | as `Backoff`, for as long as a parent is waited for |
/// | `Alone` | another row of the call, or of the org, has its key | a few times more, at last alone in its call |
/// | `DeletedMeanwhile` | the record that an upsert found was deleted before it was written | a few times more |
/// | `WithoutFields` | the record is there, and these fields can only be created | once, without them |
/// | `Smaller`, no suspicion | rows of the call share a cause that belongs to its transaction | in smaller calls; alone it is the row's own |
/// | `Smaller`, a suspicion | the call as a whole was rejected for something in it | as the answer names its rows, else halved; alone it is the row's own |
/// | `Parked` | the org takes no such row for now, and the row is not at fault | after a long while, without end |
/// | `Storage` | the org has no room for new records | once it has room; what makes no record goes on |
/// | `Place` | the org, or something before it, refuses every call of this SObject, action and key field | once a single row of the place is taken; other places go on |
/// | `NextCall` | the row was left out of the call: another row is for the same record, or is known to be invalid | with the next call |
/// | `NoLease` | the lease had run out before the call was sent | as `Org`, and no call is to blame |
/// | `Org` | the org takes no calls | once it does; of its troubles only `Unavailable` counts against a call |
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryKind {
    Backoff,
    Parent,
    Alone,
    DeletedMeanwhile,
    WithoutFields(Vec<ApiName>),
    /// The call is made smaller. `suspicion`: how the answer names the row; `None` where the number of the rows is to
    /// blame, and not one of them.
    Smaller {
        suspicion: Option<Suspicion>,
    },
    Parked,
    Storage,
    Place,
    NextCall,
    NoLease,
    Org(OrgTrouble),
}

/// The way in which the answer that rejects a call names one of its rows. Only a hint: the row may be innocent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suspicion {
    NotNamed,
    /// Named by a place in the body, or by its record id.
    Row,
    /// The answer names a field that the row holds.
    Field(ApiName),
}
