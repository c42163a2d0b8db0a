//! SOQL tokens and their places.

use crate::protocol::ApiError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, keyword or unquoted literal such as a number or a date.
    Word(String),
    /// A quoted string with its escapes undone.
    Quoted(String),
    Symbol(char),
}

/// The tokens of a query with the byte offset of each.
pub(super) fn lex(soql: &str) -> Result<Vec<(usize, Token)>, ApiError> {
    let mut tokens = Vec::new();
    let mut chars = soql.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '\'' => {
                let mut text = String::new();
                loop {
                    match chars.next() {
                        Some((_, '\'')) => break,
                        Some((_, '\\')) => text.push(escaped(&mut chars)?),
                        Some((_, c)) => text.push(c),
                        None => return Err(malformed("unexpected token: <EOF>, string literal without its end")),
                    }
                }
                tokens.push((at, Token::Quoted(text)));
            }
            ',' | '(' | ')' | '=' | '!' | '<' | '>' => tokens.push((at, Token::Symbol(c))),
            c if word(c) => {
                let mut text = String::from(c);
                while let Some((_, c)) = chars.next_if(|(_, c)| word(*c)) {
                    text.push(c);
                }
                tokens.push((at, Token::Word(text)));
            }
            other => return Err(malformed(&format!("unexpected char: '{other}'"))),
        }
    }
    Ok(tokens)
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+' | ':')
}

/// The escapes of the SOQL and SOSL Reference, "Quoted String Escape Sequences".
fn escaped(chars: &mut impl Iterator<Item = (usize, char)>) -> Result<char, ApiError> {
    let bad = |c: &str| malformed(&format!("Illegal character sequence '\\{c}' in string literal"));
    match chars.next() {
        Some((_, 'n' | 'N')) => Ok('\n'),
        Some((_, 'r' | 'R')) => Ok('\r'),
        Some((_, 't' | 'T')) => Ok('\t'),
        Some((_, 'b' | 'B')) => Ok('\u{8}'),
        Some((_, 'f' | 'F')) => Ok('\u{c}'),
        Some((_, c @ ('"' | '\'' | '\\' | '_' | '%'))) => Ok(c),
        Some((_, 'u')) => {
            let digits: String = chars.take(4).map(|(_, c)| c).collect();
            u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).ok_or_else(|| bad("u"))
        }
        Some((_, c)) => Err(bad(&c.to_string())),
        None => Err(bad("")),
    }
}

pub(super) fn malformed(message: &str) -> ApiError {
    ApiError::parse("MALFORMED_QUERY", message)
}
