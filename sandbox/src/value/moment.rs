//! Dates and times: what a save takes, and the form in which REST reads it back.

use time::{Date, OffsetDateTime, Time, UtcOffset, format_description::BorrowedFormatItem, macros::format_description};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");
const READ: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+0000");

/// `2021-10-03`.
pub(crate) fn date(text: &str) -> Option<String> {
    day(text).map(|_| text.to_owned())
}

/// `2024-11-07T07:00:00.000+0000` (recorded), `…Z`, `…+00:00`. An offset without a colon needs its milliseconds
/// (`2013-08-12T15:20:00+0000` was refused: quoted). Gives the form that is read back, in UTC.
pub(crate) fn date_time(text: &str) -> Option<String> {
    let date = day(text.get(..10)?)?;
    let rest = text.get(10..)?.strip_prefix('T')?;
    let (clock, millis, zone) = clock(rest)?;
    let offset = match zone.as_bytes() {
        b"Z" => UtcOffset::UTC,
        [_, _, _, b':', _, _] => offset(&zone[..3], &zone[4..])?,
        [_, _, _, _, _] if millis.is_some() => offset(&zone[..3], &zone[3..])?,
        _ => return None,
    };
    let clock = clock.replace_millisecond(millis.unwrap_or(0)).ok()?;
    render(OffsetDateTime::new_in_offset(date, clock, offset))
}

/// `14:45:00.000Z`.
pub(crate) fn time_of_day(text: &str) -> Option<String> {
    let (_, millis, zone) = clock(text)?;
    (zone == "Z" && millis.is_some()).then(|| text.to_owned())
}

/// A moment in milliseconds since the epoch, as REST reads it back.
pub(crate) fn from_millis(millis: u64) -> Option<String> {
    render(OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()?)
}

fn render(moment: OffsetDateTime) -> Option<String> {
    moment.checked_to_offset(UtcOffset::UTC)?.format(READ).ok()
}

fn day(text: &str) -> Option<Date> {
    let shape = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    shape.then(|| Date::parse(text, DATE).ok())?
}

/// `hh:mm:ss`, the three digits of a fraction if there are any, and what follows.
fn clock(text: &str) -> Option<(Time, Option<u16>, &str)> {
    let clock = Time::parse(text.get(..8)?, SECONDS).ok()?;
    match text.get(8..)?.strip_prefix('.') {
        None => Some((clock, None, &text[8..])),
        Some(fraction) => Some((clock, Some(digits(fraction.get(..3)?)?), &fraction[3..])),
    }
}

fn offset(hours: &str, minutes: &str) -> Option<UtcOffset> {
    let sign: i8 = match hours.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (digits(&hours[1..])?, digits(minutes)?);
    UtcOffset::from_hms(sign * i8::try_from(hours).ok()?, sign * i8::try_from(minutes).ok()?, 0).ok()
}

fn digits(text: &str) -> Option<u16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_times_that_are_taken() {
        for (written, read) in [
            ("2024-11-07T07:00:00.000+0000", "2024-11-07T07:00:00.000+0000"),
            ("2024-11-07T07:00:00Z", "2024-11-07T07:00:00.000+0000"),
            ("2024-11-07T07:00:00.250+01:00", "2024-11-07T06:00:00.250+0000"),
            ("2024-11-07T23:30:00-05:30", "2024-11-08T05:00:00.000+0000"),
        ] {
            assert_eq!(date_time(written).as_deref(), Some(read), "{written}");
        }
    }

    #[test]
    fn moments_that_are_refused() {
        for text in ["2013-08-12T15:20:00+0000", "2024-11-07", "2024-11-07 07:00:00Z", "2024-11-07T07:00:00", "é", ""]
        {
            assert_eq!(date_time(text), None, "{text}");
        }
        for text in ["2021-1-3", "2021-02-30", "03.10.2021", "2021-10-03T00:00:00Z", "+2021-1-03"] {
            assert_eq!(date(text), None, "{text}");
        }
        assert_eq!(time_of_day("14:45:00Z"), None);
        assert!(time_of_day("14:45:00.000Z").is_some());
    }
}
