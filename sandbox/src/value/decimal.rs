//! Numbers as decimals: compared by value, kept as written, rounded only where a field's scale asks for it.

use bigdecimal::{BigDecimal, RoundingMode, num_bigint::BigInt};

use crate::schema::{Field, FieldType};

/// The decimal of a JSON number or of a numeric string. Exponents no field could hold are no numbers at all.
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

/// What the field stores: the text as written where it fits, else rounded half up to the field's scale. `None` if the
/// number has more integer digits than the field.
pub(crate) fn fit(field: &Field, written: &str, number: &BigDecimal) -> Option<String> {
    let (precision, scale) = match field.kind {
        FieldType::Int => (if field.digits > 0 { field.digits } else { 9 }, 0),
        FieldType::Long => (18, 0),
        _ if field.precision == 0 => return Some(as_written(written, number)),
        _ => (field.precision, field.scale),
    };
    let exact = number.normalized();
    let fits = exact.fractional_digit_count() <= scale;
    let stored = if fits { exact } else { exact.with_scale_round(scale, RoundingMode::HalfUp) };
    if integer_digits(&stored) > precision - scale {
        return None;
    }
    Some(if fits { as_written(written, &stored) } else { stored.to_plain_string() })
}

fn as_written(written: &str, number: &BigDecimal) -> String {
    let written = written.trim();
    let is_json = serde_json::from_str::<&serde_json::value::RawValue>(written).is_ok();
    if is_json { written.to_owned() } else { number.to_plain_string() }
}

/// The form REST reads back: a double always shows a fraction (`123` is `123.0`), an int never does.
pub(crate) fn read_back(field: &Field, stored: &str) -> String {
    let whole = stored.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let integral = matches!(field.kind, FieldType::Int | FieldType::Long);
    if whole && !integral { format!("{stored}.0") } else { stored.to_owned() }
}

fn integer_digits(number: &BigDecimal) -> i64 {
    let (digits, scale) = number.as_bigint_and_exponent();
    if digits == BigInt::from(0) { 0 } else { number.digits().cast_signed() - scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_for_one_number() {
        let keys: Vec<_> = ["1", "1.0", "10e-1", " 1.00 "].iter().map(|text| key(&parse(text).unwrap())).collect();
        assert!(keys.iter().all(|k| k == &keys[0]), "{keys:?}");
        assert_eq!(key(&parse("0.0").unwrap()), key(&parse("-0").unwrap()));
        assert_ne!(key(&parse("1234567890123456.78").unwrap()), key(&parse("1234567890123456.79").unwrap()));
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", "abc", "1_000", "NaN", "Infinity", "1e999999999", "0x10", "1,5"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
