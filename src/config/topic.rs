//! The name of a topic, or a glob of names.
//!
//! Invariant: [`TopicPattern::matches`] and [`TopicPattern::librdkafka_regex`] accept the same names.

use std::fmt;

use globset::{Glob, GlobMatcher};
use thiserror::Error;

/// The length limit of a topic's name in Kafka.
const MAX_NAME: usize = 249;

/// The topics of a route: one topic, or all topics that a glob matches. `*` is any run of characters, `?` is one.
#[derive(Debug, Clone)]
pub enum TopicPattern {
    Exact(String),
    Glob(TopicGlob),
}

/// A glob of topics with its compiled matcher.
#[derive(Debug, Clone)]
pub struct TopicGlob {
    text: String,
    matcher: GlobMatcher,
}

/// Why a text is neither the name of a topic nor a glob of names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TopicError {
    #[error("a topic's name is 1 to {MAX_NAME} characters long")]
    Length,
    #[error("a topic cannot be called \".\" or \"..\"")]
    Dots,
    #[error("{0:?} cannot be in a topic's name, which is made of a-z, A-Z, 0-9, \".\", \"_\" and \"-\"")]
    Character(char),
    #[error("cannot read the glob: {0}")]
    Glob(String),
}

impl TopicPattern {
    /// Parses the topic of a route: a glob if it holds `*` or `?`, else a name.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        if !text.contains(['*', '?']) {
            check_name(text)?;
            return Ok(Self::Exact(text.to_owned()));
        }
        check_characters(text, |c| matches!(c, '*' | '?'))?;
        let glob = Glob::new(text).map_err(|error| TopicError::Glob(error.kind().to_string()))?;
        Ok(Self::Glob(TopicGlob { text: text.to_owned(), matcher: glob.compile_matcher() }))
    }

    /// Returns the text that the pattern was parsed from.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(name) => name,
            Self::Glob(glob) => &glob.text,
        }
    }

    fn is_glob(&self) -> bool {
        matches!(self, Self::Glob(_))
    }

    pub fn matches(&self, topic: &str) -> bool {
        match self {
            Self::Exact(name) => name == topic,
            Self::Glob(glob) => glob.matcher.is_match(topic),
        }
    }

    /// Returns the subscription: a name, or a regular expression, which for librdkafka begins with `^`.
    pub fn subscription(&self) -> String {
        if self.is_glob() { self.librdkafka_regex() } else { self.as_str().to_owned() }
    }

    /// Returns a regular expression that matches the same names.
    fn librdkafka_regex(&self) -> String {
        let mut regex = String::from("^");
        for c in self.as_str().chars() {
            match c {
                '*' => regex.push_str(".*"),
                '?' => regex.push('.'),
                '.' => regex.push_str("\\."),
                c => regex.push(c),
            }
        }
        regex.push('$');
        regex
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Checks that a topic can have this name.
pub(super) fn check_name(name: &str) -> Result<(), TopicError> {
    if name == "." || name == ".." {
        return Err(TopicError::Dots);
    }
    check_characters(name, |_| false)
}

fn check_characters(text: &str, is_wildcard: impl Fn(char) -> bool) -> Result<(), TopicError> {
    if text.is_empty() || text.chars().count() > MAX_NAME {
        return Err(TopicError::Length);
    }
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') || is_wildcard(c);
    match text.chars().find(|&c| !is_legal(c)) {
        Some(c) => Err(TopicError::Character(c)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_pattern_matches_its_name_or_its_glob() {
        for (pattern, topic, matched) in [
            ("crm.contacts", "crm.contacts", true),
            ("crm.contacts", "crm_contacts", false),
            ("crm.*", "crm.contacts", true),
            ("crm.*", "crm.", true),
            ("crm.*", "crm.contacts.eu", true),
            ("crm.*", "crmxcontacts", false),
            ("crm.*", "a.crm.contacts", false),
            ("*.contacts", "crm.contacts", true),
            ("*.contacts", "crm.contacts.dlq", false),
            ("crm-?", "crm-1", true),
            ("crm-?", "crm-12", false),
            ("crm-?", "crm-", false),
        ] {
            assert_eq!(TopicPattern::parse(pattern).unwrap().matches(topic), matched, "{pattern} on {topic}");
        }
    }

    #[test]
    fn the_regex_of_a_glob_is_anchored_and_takes_dots_literally() {
        for (pattern, regex) in [("crm.*", "^crm\\..*$"), ("a-?_b", "^a-._b$"), ("crm.contacts", "^crm\\.contacts$")] {
            assert_eq!(TopicPattern::parse(pattern).unwrap().librdkafka_regex(), regex);
        }
    }

    #[test]
    fn a_text_that_cannot_be_a_topic_is_refused() {
        for (text, error) in [
            ("", TopicError::Length),
            ("..", TopicError::Dots),
            ("^crm.*", TopicError::Character('^')),
            ("crm/contacts", TopicError::Character('/')),
            ("crm.[ab]*", TopicError::Character('[')),
            (&"a".repeat(250), TopicError::Length),
        ] {
            assert_eq!(TopicPattern::parse(text).unwrap_err(), error);
        }
    }
}
