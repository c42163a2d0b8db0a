//! The description of a key of the configuration: its name, the values that it takes, and its meaning.

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    /// Meaning in Markdown, as in `docs/configuration.md` and in the JSON Schema.
    pub(super) meaning: &'static str,
}

impl Key {
    /// Whether the struct of the section needs a value for this key. A table needs one, also if all its keys have
    /// defaults.
    pub(super) fn is_needed(&self) -> bool {
        self.required || matches!(self.kind, Kind::Table(_))
    }
}

/// The values that a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A text that is not empty.
    Text,
    /// A text. An empty one is the same as an absent key, so that the environment can unset it.
    OptionalText,
    Flag,
    Integer {
        min: i64,
        max: i64,
    },
    Duration,
    Size,
    OneOf(&'static [&'static str]),
    Url,
    /// The URL of a proxy. An empty one is the same as an absent key.
    ProxyUrl,
    /// URLs separated by commas, or an empty text.
    Urls,
    /// A text, a whole number or a flag.
    Constant,
    /// An `ip:port`, or an empty text.
    Address,
    Identity,
    LogFilter,
    /// A secret: a literal, `{ env = … }` or `{ file = … }`. It must be readable.
    Secret,
    /// A secret whose literal may be a number or a flag.
    Property,
    /// A text, or a list of texts. An empty text is the same as an absent key.
    TextOrTexts,
    List(&'static Kind),
    /// A table whose keys the user chooses.
    Map(&'static Kind),
    Table(&'static [Key]),
    /// A table whose other keys depend on the word at the key `tag`.
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
