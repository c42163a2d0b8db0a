use std::fmt;

/// What a record asks for: the route's default, or the word in its operation header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    #[default]
    Insert,
    Update,
    Delete,
    Upsert,
}

impl Operation {
    pub const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Delete, Self::Upsert];

    /// The word as it stands in headers, configuration, logs and dead letters.
    pub fn word(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Upsert => "UPSERT",
        }
    }

    /// Any case, as Connect's users write it.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.word().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
