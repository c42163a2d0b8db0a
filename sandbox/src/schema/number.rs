//! Numbers in a field: rounded only where the field's scale asks for it.

use bigdecimal::{BigDecimal, RoundingMode, num_bigint::BigInt};

use super::{Field, FieldType};

/// The text that a field stores: as written if it fits, else rounded half up to the field's scale. `None` if the
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
