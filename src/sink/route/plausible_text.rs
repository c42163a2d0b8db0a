//! Decides whether the org may accept a text for a field that is not a text field.
//!
//! The org refuses a whole call for one such text that it cannot read. So texts that it is certain to refuse are
//! rejected here. It documents `yyyy-MM-dd`, with a zone after it, `yyyy-MM-ddTHH:mm:ss.SSSZ` and `HH:mm:ss.SSSZ`, and
//! is known to accept other spellings of these: a text that begins like one of them is left to the org. A blank between
//! day and time is known to be refused.

/// Whether a text is like `2024-02-29`, possibly with a zone or a time after it.
pub(super) fn may_be_date(text: &str) -> bool {
    after_day(text.trim()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['Z', '+', '-', 'T']))
}

/// Whether a text is like `2024-02-29T23:59:59.999Z`, with or without a zone. A day alone is not certain to be refused.
pub(super) fn may_be_date_time(text: &str) -> bool {
    after_day(text.trim()).is_some_and(|rest| rest.is_empty() || rest.strip_prefix('T').is_some_and(may_be_time))
}

/// Whether a text is like `23:59:59.999Z`, or a beginning of that with hours and minutes.
pub(super) fn may_be_time(text: &str) -> bool {
    after_minutes(text.trim()).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '.', 'Z', '+', '-']))
}

/// Whether a text is a decimal number, of any length.
pub(super) fn is_number(text: &str) -> bool {
    let (signed_mantissa, signed_exponent) = text.trim().split_once(['e', 'E']).unwrap_or((text.trim(), "0"));
    let (mantissa, exponent) = (unsigned(signed_mantissa), unsigned(signed_exponent));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_mantissa = !whole.is_empty() || !fraction.is_empty();
    has_mantissa
        && !exponent.is_empty()
        && [whole, fraction, exponent].iter().all(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn unsigned(number: &str) -> &str {
    number.strip_prefix(['+', '-']).unwrap_or(number)
}

/// Returns the JSON of a boolean that is written as a text, in any case.
pub(super) fn boolean(text: &str) -> Option<&'static str> {
    ["true", "false"].into_iter().find(|word| text.trim().eq_ignore_ascii_case(word))
}

/// Returns the part of a text after its hours and minutes.
fn after_minutes(text: &str) -> Option<&str> {
    let (hour, rest) = number(text, 1..=2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2..=2)?;
    (hour <= 24 && minute <= 59).then_some(rest)
}

/// Returns the part of a text after its date. Each month may have 31 days: some parsers continue into the next month.
fn after_day(text: &str) -> Option<&str> {
    let (_, rest) = number(text, 4..=4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 1..=2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 1..=2)?;
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(rest)
}

/// Returns the number that a text begins with and the rest of the text, if the number of digits is in the range.
fn number(text: &str, allowed_digits: std::ops::RangeInclusive<usize>) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    if !allowed_digits.contains(&digits.len()) {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_the_org_is_certain_to_refuse_are_implausible() {
        type Check = fn(&str) -> bool;
        let table: [(Check, &[&str], &[&str]); 4] = [
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
        for (check, plausible, implausible) in table {
            for text in plausible {
                assert!(check(text), "{text:?}");
            }
            for text in implausible {
                assert!(!check(text), "{text:?}");
            }
        }
    }

    #[test]
    fn a_boolean_may_be_written_as_a_text() {
        for (text, json) in [("true", Some("true")), (" FALSE", Some("false")), ("yes", None), ("1", None), ("", None)]
        {
            assert_eq!(boolean(text), json, "{text:?}");
        }
    }
}
