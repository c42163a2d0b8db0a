use strum::IntoStaticStr;

/// The four collection calls. `INSERT` in external id mode is an upsert, so that a repeat is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Action {
    Create,
    Update,
    Upsert,
    Delete,
}

impl Action {
    /// The word in metrics and logs.
    pub fn word(self) -> &'static str {
        self.into()
    }
}
