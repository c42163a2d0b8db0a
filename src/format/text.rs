//! Converts texts of Debezium's logical types: dates, times and instants in ISO 8601, and sets. They become the same as
//! the numeric types.

use std::borrow::Cow;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    FormatError,
    logical::{date, instant, time_of_day},
    writer::Writer,
};
use crate::record::LogicalType;

/// The logical type of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextLogical {
    /// A date, such as `2024-02-29Z`.
    Date,
    /// A time of day, such as `23:59:59.123456+01:00`.
    Time,
    /// An instant, such as `2024-02-29T23:59:59.123456+01:00`.
    Timestamp,
    /// The values of a `MySQL` `SET`, such as `a,b`. A value has no comma.
    Set,
}

impl TextLogical {
    /// Returns the logical type with this schema name.
    pub(super) fn named(name: &str) -> Option<Self> {
        if name == "io.debezium.data.EnumSet" {
            return Some(Self::Set);
        }
        Some(match name.strip_prefix("io.debezium.time.")? {
            "IsoDate" | "Date" => Self::Date,
            "ZonedTime" | "IsoTime" | "Time" | "MicroTime" | "NanoTime" => Self::Time,
            "ZonedTimestamp" | "IsoTimestamp" | "Timestamp" | "MicroTimestamp" | "NanoTimestamp" => Self::Timestamp,
            // Other types, such as an interval, a duration or a year, are plain texts.
            _ => return None,
        })
    }

    /// Writes a text in Salesforce's format of its logical type.
    pub(super) fn write(self, text: &str, out: &mut Writer) -> Result<LogicalType, FormatError> {
        match self {
            Self::Set => {
                out.string(text);
                Ok(LogicalType::Set)
            }
            Self::Timestamp => {
                let at = text
                    .split_at_checked(11)
                    .and_then(|(day, time)| parse(day, time))
                    .ok_or_else(|| not_iso_8601("an instant of the years 1 to 9999"))?;
                instant(at.unix_timestamp_nanos(), out)
            }
            Self::Time => {
                const DAY: i128 = 86_400_000_000_000;
                // The day is arbitrary: only the time of day in UTC is used.
                let at = parse("2000-01-01T", text).ok_or_else(|| not_iso_8601("a time of day"))?;
                time_of_day(at.unix_timestamp_nanos().rem_euclid(DAY), out)
            }
            Self::Date => {
                // The zone of a date is checked and dropped.
                let day = text
                    .split_at_checked(10)
                    .and_then(|(day, zone)| parse(&format!("{day}T00:00:00"), zone))
                    .ok_or_else(|| not_iso_8601("a date of the years 1 to 9999"))?
                    .date();
                date(i64::from(day.to_julian_day() - OffsetDateTime::UNIX_EPOCH.date().to_julian_day()), out)
            }
        }
    }

    /// Writes a JSON text in Salesforce's format of its logical type.
    pub(super) fn json(self, json: &str, out: &mut Writer) -> Result<LogicalType, FormatError> {
        let text: Cow<'_, str> =
            serde_json::from_str(json).map_err(|_| FormatError::new("its schema says a string, and it is not one"))?;
        self.write(&text, out)
    }
}

fn not_iso_8601(expected: &str) -> FormatError {
    FormatError::new(format!("its text is not {expected} in ISO 8601"))
}

/// Parses an instant from two parts of its text. Without a zone it is read as UTC.
fn parse(head: &str, tail: &str) -> Option<OffsetDateTime> {
    let zone = if tail.contains(['Z', 'z', '+', '-']) { "" } else { "Z" };
    OffsetDateTime::parse(&format!("{head}{tail}{zone}"), &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::{super::Converted, *};

    fn written(kind: TextLogical, text: &str) -> Option<String> {
        match Writer::new(0, 1000).value(|out| kind.write(text, out)) {
            Ok(Converted::Value(json, _)) => Some(json.trim_matches('"').to_owned()),
            _ => None,
        }
    }

    #[test]
    fn texts_of_logical_types_become_the_same_as_numbers() {
        use TextLogical::{Date, Set, Time, Timestamp};
        for (kind, text, expected) in [
            (Timestamp, "2024-02-29T23:59:59.123456Z", Some("2024-02-29T23:59:59.123Z")),
            (Timestamp, "2024-02-29T23:59:59.999999999Z", Some("2024-02-29T23:59:59.999Z")),
            (Timestamp, "2024-03-01T00:30:00+01:00", Some("2024-02-29T23:30:00.000Z")),
            (Timestamp, "2024-02-29T23:59:59", Some("2024-02-29T23:59:59.000Z")),
            (Timestamp, "1969-12-31T23:59:59.9999Z", Some("1969-12-31T23:59:59.999Z")),
            (Timestamp, "0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00.000Z")),
            (Timestamp, "0001-01-01T00:00:00+01:00", None),
            (Timestamp, "0000-12-31T00:00:00Z", None),
            (Timestamp, "+294247-01-10T04:00:25.2Z", None),
            (Timestamp, "infinity", None),
            (Timestamp, "2024-02-30T00:00:00Z", None),
            (Timestamp, "2024-02-29", None),
            (Timestamp, "2024-02-29T23:59:59.1234567890123Z", Some("2024-02-29T23:59:59.123Z")),
            (Time, "10:15:30.123456Z", Some("10:15:30.123Z")),
            (Time, "00:30:00+01:00", Some("23:30:00.000Z")),
            (Time, "23:30:00-01:00", Some("00:30:00.000Z")),
            (Time, "10:15:30", Some("10:15:30.000Z")),
            (Time, "24:00:00Z", None),
            (Time, "", None),
            (Date, "2024-02-29Z", Some("2024-02-29")),
            (Date, "2024-02-29", Some("2024-02-29")),
            (Date, "2024-02-29+02:00", Some("2024-02-29")),
            (Date, "9999-12-31Z", Some("9999-12-31")),
            (Date, "2023-02-29Z", None),
            (Date, "2024-02-29T00:00:00Z", None),
            (Date, "ééééé", None),
            (Set, "a,b", Some("a,b")),
            (Set, "", Some("")),
        ] {
            assert_eq!(written(kind, text).as_deref(), expected, "{kind:?} {text}");
        }
    }

    #[test]
    fn logical_types_of_texts_have_debeziums_names() {
        assert_eq!(TextLogical::named("io.debezium.time.ZonedTimestamp"), Some(TextLogical::Timestamp));
        assert_eq!(TextLogical::named("io.debezium.time.IsoDate"), Some(TextLogical::Date));
        assert_eq!(TextLogical::named("io.debezium.data.EnumSet"), Some(TextLogical::Set));
        for other in ["io.debezium.time.Interval", "io.debezium.data.Enum", "org.apache.kafka.connect.data.Date"] {
            assert_eq!(TextLogical::named(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String, kind in 0..3_usize) {
            let kind = [TextLogical::Date, TextLogical::Time, TextLogical::Timestamp][kind];
            drop(written(kind, &text));
        }
    }
}
