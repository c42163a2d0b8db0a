//! Which texts the org may take for a field that holds no text.
//!
//! The org refuses a whole call for one such text that it cannot read, so that what it is certain to refuse is refused
//! here. It documents `yyyy-MM-dd`, with a zone after it, `yyyy-MM-ddTHH:mm:ss.SSSZ` and `HH:mm:ss.SSSZ`, and is known to
//! take other spellings of these: a text that begins like one of them is for the org to judge. A blank between day and
//! time is known to be refused.

/// `2024-02-29`, perhaps with a zone or a time after it.
pub(super) fn may_be_date(text: &str) -> bool {
    after_day(text.trim()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['Z', '+', '-', 'T']))
}

/// `2024-02-29T23:59:59.999Z`, with any zone or none; a day alone is not certain to be refused.
pub(super) fn may_be_date_time(text: &str) -> bool {
    after_day(text.trim()).is_some_and(|rest| rest.is_empty() || rest.strip_prefix('T').is_some_and(may_be_time))
}

/// `23:59:59.999Z`, or less of it.
pub(super) fn may_be_time(text: &str) -> bool {
    let after_minutes = || {
        let (hour, rest) = number(text.trim(), 1..=2)?;
        let (minute, rest) = number(rest.strip_prefix(':')?, 2..=2)?;
        (hour <= 24 && minute <= 59).then_some(rest)
    };
    after_minutes().is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '.', 'Z', '+', '-']))
}

/// A decimal number, of any length.
pub(super) fn is_number(text: &str) -> bool {
    fn unsigned(text: &str) -> &str {
        text.strip_prefix(['+', '-']).unwrap_or(text)
    }
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = text.trim().split_once(['e', 'E']).unwrap_or((text.trim(), "0"));
    let (whole, fraction) = unsigned(mantissa).split_once('.').unwrap_or((unsigned(mantissa), ""));
    let exponent = unsigned(exponent);
    (whole.len() + fraction.len() > 0) && digits(whole) && digits(fraction) && !exponent.is_empty() && digits(exponent)
}

/// The JSON of a truth value that is written as a text.
pub(super) fn boolean(text: &str) -> Option<&'static str> {
    let is = |word: &str| text.trim().eq_ignore_ascii_case(word);
    if is("true") {
        return Some("true");
    }
    is("false").then_some("false")
}

/// What follows a day of the calendar. That a month has 31 days is not asked: some parsers go on into the next one.
fn after_day(text: &str) -> Option<&str> {
    let (_, rest) = number(text, 4..=4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 1..=2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 1..=2)?;
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(rest)
}

/// The number that a text begins with, if it has so many digits, and what follows.
fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    digits.contains(&number.len()).then(|| number.parse().ok()).flatten().map(|number| (number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_are_certain_to_be_refused_are_implausible() {
        type Judge = fn(&str) -> bool;
        let table: [(Judge, &[&str], &[&str]); 4] = [
            (
                may_be_date,
                &["2024-02-29", " 2024-02-29 ", "2024-02-30", "2024-2-9", "2024-02-29Z", "2024-02-29+01:00"],
                &["", " ", "29.02.2024", "02/29/2024", "2024-13-01", "2024-01-32", "20240229", "24-02-29", "N/A", "é"],
            ),
            (
                may_be_date_time,
                &[
                    "2024-11-07T07:00:00.000+0000",
                    "2024-11-07T07:00:00Z",
                    "2024-11-07T07:00:00.250+01:00",
                    "2013-08-12T15:20:00+0000",
                    "2024-11-07T07:00",
                    "2024-11-07",
                ],
                &["", "2024-11-07 07:00:00", "2024-11-07T", "2024-11-07T25:00:00Z", "07:00:00", "1709164800123", "now"],
            ),
            (
                may_be_time,
                &["14:45:00.000Z", "14:45:00", "14:45", "9:05:00Z", "24:00:00.000Z"],
                &["", "14.45", "14", "25:00:00Z", "14:60:00Z", "2 pm", "14:45 h"],
            ),
            (
                is_number,
                &["10000", "1.50", "-1", "+5", " 7 ", ".5", "5.", "1e3", "1.5E-7", "123456789012345678901234567890"],
                &["", " ", "-", ".", "1e", "e5", "1,000", "1.000,50", "12 %", "$5", "0x1f", "NaN", "Infinity", "1.2.3"],
            ),
        ];
        for (plausible, taken, refused) in table {
            let texts = taken.iter().map(|text| (text, true)).chain(refused.iter().map(|text| (text, false)));
            for (text, expected) in texts {
                assert_eq!(plausible(text), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn a_truth_value_may_be_written_as_a_text() {
        for (text, json) in [("true", Some("true")), (" FALSE", Some("false")), ("yes", None), ("1", None), ("", None)]
        {
            assert_eq!(boolean(text), json, "{text:?}");
        }
    }
}
