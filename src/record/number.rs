use std::fmt;

use bigdecimal::BigDecimal;

/// A decimal number in one canonical spelling, so that `1`, `1.0` and `1e0` are one key. Never a float.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal(String);

impl Decimal {
    /// Salesforce numbers have at most 18 digits (REST guide, field types): what is far longer is not a key.
    const MAX_LENGTH: usize = 64;
    const MAX_SCALE: u64 = 64;

    /// Parses a number; `None` for what is not a decimal number, or not of a size that a number field can hold.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = text.len() <= Self::MAX_LENGTH
            && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
            && text.bytes().any(|b| b.is_ascii_digit());
        let number: BigDecimal = if plain { text.parse().ok()? } else { return None };
        // Before anything is done with it: the library's own arithmetic panics at the ends of an i64.
        if number.fractional_digit_count().unsigned_abs() > Self::MAX_SCALE {
            return None;
        }
        let plain = number.normalized().to_plain_string();
        (plain.len() <= Self::MAX_LENGTH).then_some(Self(plain))
    }

    /// The number of digits after the decimal point, without zeros at the end.
    pub fn decimals(&self) -> usize {
        self.0.split_once('.').map_or(0, |(_, decimals)| decimals.len())
    }

    /// The number in digits, a point and a minus only, as JSON and SOQL take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_are_equal() {
        for (text, canonical) in [
            ("1", "1"),
            ("1.0", "1"),
            ("1e0", "1"),
            ("0010", "10"),
            ("+5", "5"),
            (" 7 ", "7"),
            ("-0", "0"),
            ("0.0", "0"),
            ("1E3", "1000"),
            ("-1.50", "-1.5"),
            (".5", "0.5"),
            ("123456789012345678.25", "123456789012345678.25"),
        ] {
            assert_eq!(Decimal::parse(text).map(|d| d.to_string()).as_deref(), Some(canonical), "{text}");
        }
    }

    #[test]
    fn invalid_numbers_are_rejected() {
        for text in [
            "",
            "a",
            "1 2",
            "NaN",
            "inf",
            "0x1",
            "1_000",
            "1e999999999",
            "7377777377710737777737770073777778e37", // 71 digits
            "1e9223372036854775808",
            "1e-9223372036854775807",
            "-",
            ".",
            "e",
            "١",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
