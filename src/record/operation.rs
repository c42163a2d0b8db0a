use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// The operation that a record asks for: the route's default, or the word in its operation header. `INSERT` in headers,
/// logs and dead letters, where it is read in any case; `insert` in the configuration.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    serde::Deserialize,
    serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "UPPERCASE", ascii_case_insensitive)]
pub enum Operation {
    #[default]
    Insert,
    Update,
    Delete,
    Upsert,
}

impl Operation {
    /// The word in headers, logs and dead letters.
    pub fn word(self) -> &'static str {
        self.into()
    }
}
