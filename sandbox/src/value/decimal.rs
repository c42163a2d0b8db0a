//! Numbers as decimals: compared by value, kept as written.

use bigdecimal::{BigDecimal, num_bigint::BigInt};

/// The decimal of a JSON number or of a numeric string. An exponent that no field can hold is not a number.
pub(crate) fn parse(text: &str) -> Option<BigDecimal> {
    let text = text.trim();
    let plain = !text.is_empty() && text.len() <= 400 && text.bytes().all(|b| b"0123456789+-.eE".contains(&b));
    let number: BigDecimal = plain.then(|| text.parse().ok())??;
    (number.fractional_digit_count().abs() <= 1000).then_some(number)
}

/// Equal for equal numbers: `1`, `1.0` and `10e-1` have one key.
pub(crate) fn key(number: &BigDecimal) -> String {
    let (digits, scale) = number.normalized().into_bigint_and_exponent();
    if digits == BigInt::from(0) { "0".to_owned() } else { format!("{digits}e{}", -scale) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_one_key() {
        let keys: Vec<_> = ["1", "1.0", "10e-1", " 1.00 "].iter().map(|text| key(&parse(text).unwrap())).collect();
        assert!(keys.iter().all(|k| k == &keys[0]), "{keys:?}");
        assert_eq!(key(&parse("0.0").unwrap()), key(&parse("-0").unwrap()));
        assert_ne!(key(&parse("1234567890123456.78").unwrap()), key(&parse("1234567890123456.79").unwrap()));
    }

    #[test]
    fn texts_that_are_not_numbers_are_refused() {
        for text in ["", "abc", "1_000", "NaN", "Infinity", "1e999999999", "0x10", "1,5"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
