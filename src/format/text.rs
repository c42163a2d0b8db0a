//! Texts that mean more than a text by the name of their schema, which is Debezium's: dates, times and instants as
//! ISO 8601 writes them, and sets. They become what their numeric kin become.

use std::borrow::Cow;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    FormatError,
    logical::{date, instant, time_of_day},
    writer::Writer,
};
use crate::record::LogicalType;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextLogical {
    /// `2024-02-29Z`
    Date,
    /// `23:59:59.123456+01:00`
    Time,
    /// `2024-02-29T23:59:59.123456+01:00`
    Timestamp,
    /// `a,b`: the values of a `MySQL` `SET`, none of which has a comma.
    Set,
}

impl TextLogical {
    /// The meaning of a text, by the name of its schema.
    pub(super) fn named(name: &str) -> Option<Self> {
        if name == "io.debezium.data.EnumSet" {
            return Some(Self::Set);
        }
        Some(match name.strip_prefix("io.debezium.time.")? {
            "IsoDate" | "Date" => Self::Date,
            "ZonedTime" | "IsoTime" | "Time" | "MicroTime" | "NanoTime" => Self::Time,
            "ZonedTimestamp" | "IsoTimestamp" | "Timestamp" | "MicroTimestamp" | "NanoTimestamp" => Self::Timestamp,
            // An interval, a duration, a year.
            _ => return None,
        })
    }

    /// Writes what a text means.
    pub(super) fn write(self, text: &str, out: &mut Writer) -> Result<LogicalType, FormatError> {
        let bad = |what: &'static str| move || FormatError::new(format!("its text is no {what} as ISO 8601 writes it"));
        match self {
            Self::Set => {
                out.string(text);
                Ok(LogicalType::Set)
            }
            Self::Timestamp => {
                let at = text.split_at_checked(11).and_then(|(day, time)| parse(day, time));
                instant(at.ok_or_else(bad("instant of the years 1 to 9999"))?.unix_timestamp_nanos(), out)
            }
            Self::Time => {
                const DAY: i128 = 86_400_000_000_000;
                // In UTC, whatever the day.
                let at = parse("2000-01-01T", text).ok_or_else(bad("time of day"))?;
                time_of_day(at.unix_timestamp_nanos().rem_euclid(DAY), out)
            }
            Self::Date => {
                // A zone says nothing of a day.
                let at = text.split_at_checked(10).and_then(|(day, zone)| parse(&format!("{day}T00:00:00"), zone));
                let day = at.ok_or_else(bad("date of the years 1 to 9999"))?.date();
                date(i64::from(day.to_julian_day() - OffsetDateTime::UNIX_EPOCH.date().to_julian_day()), out)
            }
        }
    }

    /// Writes what a text means, which is given as JSON.
    pub(super) fn json(self, json: &str, out: &mut Writer) -> Result<LogicalType, FormatError> {
        let text: Cow<'_, str> =
            serde_json::from_str(json).map_err(|_| FormatError::new("its schema says a string, and it is none"))?;
        self.write(&text, out)
    }
}

/// The instant that the two parts say together. One that names no zone is read as UTC.
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
    fn texts_become_what_their_numeric_kin_become() {
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
    fn the_names_are_debeziums() {
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
