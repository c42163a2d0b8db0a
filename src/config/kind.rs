//! What a key of the configuration is: its name, what may stand there, and what it means.

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    /// In Markdown, as it stands in `docs/configuration.md` and in the JSON Schema.
    pub(super) meaning: &'static str,
}

impl Key {
    /// Whether its struct must find something there; a table's own keys may all have defaults.
    pub(super) fn is_needed(&self) -> bool {
        self.required || matches!(self.kind, Kind::Table(_))
    }
}

/// What may stand at a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A text that is not empty.
    Text,
    /// Empty is the same as absent, so that the environment can unset it.
    Maybe,
    Flag,
    Integer {
        min: i64,
        max: i64,
    },
    Duration,
    Size,
    Word(&'static [&'static str]),
    Url,
    /// A proxy's; empty is the same as absent.
    ProxyUrl,
    /// Several with commas, or empty.
    Urls,
    /// A text, a whole number or a flag.
    Constant,
    /// Empty, or `ip:port`.
    Address,
    Identity,
    LogFilter,
    /// A literal, `{ env = … }` or `{ file = … }`; it must be readable.
    Secret,
    /// A secret whose literal may be a number or a flag.
    Property,
    /// A text, or a list of texts; empty is the same as absent.
    Texts,
    List(&'static Kind),
    /// A table whose keys the user chooses.
    Map(&'static Kind),
    Table(&'static [Key]),
    /// A table whose keys depend on one of its words.
    Tagged {
        tag: &'static str,
        variants: &'static [(&'static str, &'static [Key])],
    },
}

pub(super) const fn key(name: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { name, kind, required: false, meaning }
}

pub(super) const fn required(name: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { name, kind, required: true, meaning }
}

pub(super) const fn integer(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}
