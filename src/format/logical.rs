//! Converts numbers of a logical type (date, time, instant, decimal) to the formats of Salesforce (REST guide, field
//! types): `yyyy-MM-dd`, `HH:mm:ss.SSSZ`, `yyyy-MM-ddTHH:mm:ss.SSSZ`, and plain digits.
//!
//! Salesforce keeps milliseconds. Finer times are rounded down.

use bigdecimal::{BigDecimal, Zero as _};
use num_bigint::BigInt;
use serde_json::Value as Json;
use time::{Date, OffsetDateTime};

use super::{FormatError, writer::Writer};
use crate::record::LogicalType;

/// The logical type of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logical {
    /// Days since 1970-01-01.
    Date,
    /// Time since midnight.
    Time(Unit),
    /// Time since 1970-01-01T00:00Z.
    Timestamp(Unit),
    /// An integer of any size, with the number of its digits after the decimal point.
    Decimal { scale: i64 },
}

/// The unit of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Milli,
    Micro,
    Nano,
}

/// The limit of a decimal in bytes: far more than a number of Salesforce has. To write a longer one takes quadratic
/// time.
const LONGEST_DECIMAL: usize = 128;
const MAX_SCALE: u64 = 400;

impl Logical {
    /// Returns the logical type of Kafka Connect or Debezium with this schema name. `scale` is the parameter of a
    /// decimal.
    pub(super) fn named(name: &str, scale: Option<i64>) -> Option<Self> {
        Some(match name {
            "org.apache.kafka.connect.data.Date" | "io.debezium.time.Date" => Self::Date,
            "org.apache.kafka.connect.data.Time" | "io.debezium.time.Time" => Self::Time(Unit::Milli),
            "io.debezium.time.MicroTime" => Self::Time(Unit::Micro),
            "io.debezium.time.NanoTime" => Self::Time(Unit::Nano),
            "org.apache.kafka.connect.data.Timestamp" | "io.debezium.time.Timestamp" => Self::Timestamp(Unit::Milli),
            "io.debezium.time.MicroTimestamp" => Self::Timestamp(Unit::Micro),
            "io.debezium.time.NanoTimestamp" => Self::Timestamp(Unit::Nano),
            "org.apache.kafka.connect.data.Decimal" => Self::Decimal { scale: scale.unwrap_or(0) },
            _ => return None,
        })
    }

    /// Returns the scale of a decimal in `connect.parameters`, which Connect's converters write into Avro and JSON
    /// Schema.
    pub(super) fn connect_scale(parameters: Option<&Json>) -> Option<i64> {
        parameters?.get("scale").and_then(whole)
    }

    /// Writes an integer in Salesforce's format of its logical type.
    pub(super) fn integer(self, value: i64, out: &mut Writer) -> Result<LogicalType, FormatError> {
        match self {
            Self::Date => date(value, out),
            Self::Time(unit) => time_of_day(i128::from(value) * unit.nanos(), out),
            Self::Timestamp(unit) => instant(i128::from(value) * unit.nanos(), out),
            Self::Decimal { scale } => decimal(value.into(), scale, out),
        }
    }

    /// Writes a decimal. `bytes` are its unscaled value, big-endian in two's complement.
    pub(super) fn unscaled(scale: i64, bytes: &[u8], out: &mut Writer) -> Result<LogicalType, FormatError> {
        if bytes.len() > LONGEST_DECIMAL {
            return Err(FormatError::new(format!("a decimal of {} bytes is not a number in Salesforce", bytes.len())));
        }
        decimal(BigInt::from_signed_bytes_be(bytes), scale, out)
    }

    /// Writes a JSON value of a logical type: an integer, or for a decimal also a number or the base64 of its unscaled
    /// value.
    pub(super) fn json(self, json: &str, out: &mut Writer) -> Result<LogicalType, FormatError> {
        match (self, json.as_bytes().first()) {
            (Self::Decimal { scale }, Some(b'"')) => {
                use base64::{Engine as _, prelude::BASE64_STANDARD};
                let bytes = serde_json::from_str::<std::borrow::Cow<'_, str>>(json)
                    .ok()
                    .and_then(|text| BASE64_STANDARD.decode(&*text).ok());
                let bytes = bytes.ok_or_else(|| FormatError::new("a decimal's text is not base64"))?;
                Self::unscaled(scale, &bytes, out)
            }
            (Self::Decimal { .. }, Some(b'-' | b'0'..=b'9')) => number(json, out),
            (_, Some(b'-' | b'0'..=b'9')) => {
                let value = json.parse().map_err(|_| FormatError::new(format!("{json} is not a 64-bit integer")))?;
                self.integer(value, out)
            }
            _ => Err(FormatError::new("a logical type needs a number")),
        }
    }
}

/// Returns a whole number, or the number in a text.
pub(super) fn whole(json: &Json) -> Option<i64> {
    json.as_str().map_or_else(|| json.as_i64(), |text| text.parse().ok())
}

impl Unit {
    fn nanos(self) -> i128 {
        match self {
            Self::Milli => 1_000_000,
            Self::Micro => 1_000,
            Self::Nano => 1,
        }
    }
}

/// Writes a date, in days since 1970-01-01.
pub(super) fn date(days: i64, out: &mut Writer) -> Result<LogicalType, FormatError> {
    const JULIAN_1970: i64 = 2_440_588;
    let date = days
        .checked_add(JULIAN_1970)
        .and_then(|day| i32::try_from(day).ok())
        .and_then(|day| Date::from_julian_day(day).ok())
        .filter(|date| is_writable(*date))
        .ok_or_else(|| FormatError::new(format!("{days} days from 1970 lie outside of the years 1 to 9999")))?;
    out.quoted(|text| write_date(date, text));
    Ok(LogicalType::Date)
}

/// Writes a time of day, in nanoseconds since midnight.
pub(super) fn time_of_day(nanos: i128, out: &mut Writer) -> Result<LogicalType, FormatError> {
    const DAY: u32 = 86_400_000;
    let millis = u32::try_from(nanos.div_euclid(1_000_000))
        .ok()
        .filter(|millis| *millis < DAY)
        .ok_or_else(|| FormatError::new("a time of day before midnight or after 24 hours"))?;
    out.quoted(|text| write_time(millis, text));
    Ok(LogicalType::Time)
}

/// Writes an instant, in nanoseconds since 1970-01-01T00:00Z.
pub(super) fn instant(nanos: i128, out: &mut Writer) -> Result<LogicalType, FormatError> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .filter(|at| is_writable(at.date()))
        .ok_or_else(|| FormatError::new("an instant outside of the years 1 to 9999"))?;
    let (hour, minute, second, milli) = at.to_hms_milli();
    let millis = ((u32::from(hour) * 60 + u32::from(minute)) * 60 + u32::from(second)) * 1000 + u32::from(milli);
    out.quoted(|text| {
        write_date(at.date(), text);
        text.push('T');
        write_time(millis, text);
    });
    Ok(LogicalType::Timestamp)
}

fn write_date(date: Date, text: &mut String) {
    padded(date.year().unsigned_abs(), 4, text);
    text.push('-');
    padded(u8::from(date.month()).into(), 2, text);
    text.push('-');
    padded(date.day().into(), 2, text);
}

/// Writes a time of day, in milliseconds since midnight.
fn write_time(millis: u32, text: &mut String) {
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let (seconds, fraction) = (millis / 1000 % 60, millis % 1000);
    for (value, width, end) in [(hours, 2, ':'), (minutes, 2, ':'), (seconds, 2, '.'), (fraction, 3, 'Z')] {
        padded(value, width, text);
        text.push(end);
    }
}

/// Writes a number, padded with zeros to `width`.
fn padded(value: u32, width: usize, text: &mut String) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value);
    text.extend(std::iter::repeat_n('0', width.saturating_sub(digits.len())));
    text.push_str(digits);
}

fn is_writable(date: Date) -> bool {
    (1..=9999).contains(&date.year())
}

pub(super) fn decimal(unscaled: BigInt, scale: i64, out: &mut Writer) -> Result<LogicalType, FormatError> {
    if scale.unsigned_abs() > MAX_SCALE {
        return Err(FormatError::new(format!("a decimal of scale {scale} is not a number in Salesforce")));
    }
    Ok(out.raw(&plain(&BigDecimal::new(unscaled, scale))))
}

/// Writes a JSON number in plain digits: `-1E-10` as `-0.0000000001`.
fn number(json: &str, out: &mut Writer) -> Result<LogicalType, FormatError> {
    if !json.contains(['e', 'E']) {
        return Ok(out.raw(json));
    }
    let number: Option<BigDecimal> = (json.len() <= 2 * LONGEST_DECIMAL).then(|| json.parse().ok()).flatten();
    match number {
        Some(number) if number.fractional_digit_count().unsigned_abs() <= MAX_SCALE => Ok(out.raw(&plain(&number))),
        _ => Err(FormatError::new(format!("{json} is not a number in Salesforce"))),
    }
}

/// Returns a number in plain digits. The library would write a zero with a negative scale as `000`.
fn plain(number: &BigDecimal) -> String {
    if number.is_zero() && number.fractional_digit_count() <= 0 { "0".to_owned() } else { number.to_plain_string() }
}

/// Returns milliseconds since 1970 as the JSON text `"yyyy-MM-ddTHH:mm:ss.SSSZ"`.
pub fn timestamp(millis: i64) -> Result<String, FormatError> {
    let mut writer = Writer::new(32, 64);
    Logical::Timestamp(Unit::Milli).integer(millis, &mut writer)?;
    Ok(writer.into_text())
}

#[cfg(test)]
mod tests {
    use super::{super::Converted, *};

    fn written(write: impl FnOnce(&mut Writer) -> Result<LogicalType, FormatError>) -> Result<String, String> {
        match Writer::new(0, 1000).value(write) {
            Ok(Converted::Value(text, _)) => Ok(text.trim_matches('"').to_owned()),
            Ok(Converted::Object(_)) => unreachable!("a value was written"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn dates_of_the_years_1_to_9999_are_written() {
        const DAY: i64 = 86_400_000;
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (-719_162, "0001-01-01"),
            (2_932_896, "9999-12-31"),
            (19_782, "2024-02-29"),
            (-25_508, "1900-03-01"),
        ] {
            assert_eq!(written(|out| Logical::Date.integer(days, out)).as_deref(), Ok(text));
            let midnight = format!("{text}T00:00:00.000Z");
            let timestamp = Logical::Timestamp(Unit::Milli);
            assert_eq!(written(|out| timestamp.integer(days * DAY, out)).as_deref(), Ok(&*midnight));
        }
        for days in [-719_163, 2_932_897, i64::MAX, i64::MIN] {
            assert!(written(|out| Logical::Date.integer(days, out)).is_err(), "{days}");
            assert!(written(|out| Logical::Timestamp(Unit::Milli).integer(days.saturating_mul(DAY), out)).is_err());
        }
    }

    #[test]
    fn times_are_rounded_down_to_milliseconds() {
        for (unit, value, text) in [
            (Unit::Milli, -1, "1969-12-31T23:59:59.999Z"),
            (Unit::Micro, -1, "1969-12-31T23:59:59.999Z"),
            (Unit::Nano, 1_999_999, "1970-01-01T00:00:00.001Z"),
            (Unit::Micro, 253_402_300_799_999_999, "9999-12-31T23:59:59.999Z"),
            (Unit::Nano, i64::MAX, "2262-04-11T23:47:16.854Z"),
            (Unit::Nano, i64::MIN, "1677-09-21T00:12:43.145Z"),
        ] {
            assert_eq!(written(|out| Logical::Timestamp(unit).integer(value, out)).as_deref(), Ok(text));
        }
        for (unit, value, text) in [
            (Unit::Milli, 0, Ok("00:00:00.000Z")),
            (Unit::Milli, 86_399_999, Ok("23:59:59.999Z")),
            (Unit::Micro, 86_399_999_999, Ok("23:59:59.999Z")),
            (Unit::Milli, 86_400_000, Err(())),
            (Unit::Micro, -1, Err(())),
            (Unit::Milli, i64::MIN, Err(())),
        ] {
            let written = written(|out| Logical::Time(unit).integer(value, out));
            assert_eq!(written.as_deref().map_err(|_| ()), text);
        }
    }

    #[test]
    fn decimals_are_exact() {
        let unscaled = |scale, bytes: &[u8]| written(|out| Logical::unscaled(scale, bytes, out));
        assert_eq!(unscaled(2, &[0x00, 0x96]).as_deref(), Ok("1.50"));
        assert_eq!(unscaled(2, &[0xff]).as_deref(), Ok("-0.01"));
        assert_eq!(unscaled(0, &[]).as_deref(), Ok("0"));
        assert_eq!(unscaled(-3, &[5]).as_deref(), Ok("5000"));
        assert_eq!(unscaled(2, &[0]).as_deref(), Ok("0.00"));
        assert_eq!(unscaled(-2, &[0]).as_deref(), Ok("0"));
        let nines: BigInt = BigInt::from(10).pow(38) - 1;
        let text = unscaled(10, &nines.to_signed_bytes_be()).unwrap();
        assert_eq!(text, "9999999999999999999999999999.9999999999");
        assert!(unscaled(2, &[1; 129]).is_err());
        for scale in [i64::MAX, i64::MIN, 401, -401] {
            assert!(unscaled(scale, &[1]).is_err(), "{scale}");
        }

        let json = |json| written(|out| Logical::Decimal { scale: 2 }.json(json, out));
        assert_eq!(json("\"AJY=\"").as_deref(), Ok("1.50"));
        assert_eq!(json("12345678901234567890.12").as_deref(), Ok("12345678901234567890.12"));
        assert_eq!(json("-1E-10").as_deref(), Ok("-0.0000000001"));
        assert_eq!(json("1E+3").as_deref(), Ok("1000"));
        assert_eq!(json("0E+2").as_deref(), Ok("0"));
        for bad in ["1E999999999", "1E9223372036854775808", "1E-9223372036854775807", "\"%\"", "true", "[1]", "{}"] {
            assert!(json(bad).is_err(), "{bad}");
        }
    }
}
