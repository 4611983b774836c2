//! Durations as Go writes them (`1h30m`, `500ms`, `2.5s`, `0`), since settings and providers files of the original
//! carry them in that form.
//!
//! A duration is never negative here: nothing that is configured can last less than no time. The longest is Go's,
//! 2^63 - 1 nanoseconds (about 292 years), so that every accepted text means the same in both programs.

use std::fmt::Write as _;
use std::time::Duration;

use thiserror::Error;

/// The longest duration, nanoseconds.
const LONGEST: u128 = i64::MAX as u128;

/// Digits after the point that count; the rest is below a nanosecond even of an hour.
const FRACTION_DIGITS: usize = 15;

/// The units, largest first, in nanoseconds.
const UNITS: [(&str, u128); 6] =
    [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000), ("ns", 1)];

/// Why a text is no duration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum DurationError {
    /// Nothing there.
    #[error("a duration is missing")]
    Empty,
    /// It begins with a minus sign.
    #[error("a duration cannot be negative")]
    Negative,
    /// A number is not followed by a unit.
    #[error("a duration needs a unit: h, m, s, ms, us or ns")]
    NoUnit,
    /// A number is followed by something else than a unit.
    #[error("a duration has one of the units h, m, s, ms, us and ns")]
    UnknownUnit,
    /// A unit does not follow a number.
    #[error("a duration is made of numbers with units, such as 1h30m")]
    NoNumber,
    /// Over the longest.
    #[error("a duration can be at most 292 years")]
    TooLong,
}

/// Reads a duration: numbers, with a decimal point or without, each followed by its unit, and their sum is meant. `0`
/// alone needs no unit. What is below a nanosecond is cut off.
///
/// # Errors
/// [`DurationError`] for any other text.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(DurationError::Empty);
    }
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut nanos = 0;
    while !rest.is_empty() {
        let (part, after) = parse_part(rest)?;
        nanos += part;
        if nanos > LONGEST {
            return Err(DurationError::TooLong);
        }
        rest = after;
    }
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| DurationError::TooLong)
}

/// One number with its unit at the start of `text`: the nanoseconds (at most [`LONGEST`]), and what follows.
fn parse_part(text: &str) -> Result<(u128, &str), DurationError> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::NoNumber);
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let scale = unit_nanos(unit)?;
    let whole = match whole {
        "" => 0,
        digits => digits.parse::<u64>().map_err(|_| DurationError::TooLong)?,
    };
    let nanos = u128::from(whole) * scale + fraction_nanos(fraction, scale);
    if nanos > LONGEST { Err(DurationError::TooLong) } else { Ok((nanos, rest)) }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit_nanos(unit: &str) -> Result<u128, DurationError> {
    // Both characters for micro are in use: U+00B5 and the Greek letter, U+03BC.
    let unit = if matches!(unit, "\u{b5}s" | "\u{3bc}s") { "us" } else { unit };
    if unit.is_empty() {
        return Err(DurationError::NoUnit);
    }
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, nanos)| *nanos).ok_or(DurationError::UnknownUnit)
}

/// `0.<digits>` of a unit of `scale` nanoseconds, in whole nanoseconds.
fn fraction_nanos(digits: &str, scale: u128) -> u128 {
    let (mut value, mut divisor) = (0, 1);
    for digit in digits.bytes().take(FRACTION_DIGITS) {
        value = value * 10 + u128::from(digit - b'0');
        divisor *= 10;
    }
    value * scale / divisor
}

/// The shortest form in whole units: `1h30m`, `2s500ms`, `0s`. [`parse_duration`] reads it back to the same duration.
/// A duration over the longest is written as the longest.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut rest = duration.as_nanos().min(LONGEST);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, nanos) in UNITS {
        if rest >= nanos {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{unit}", rest / nanos);
            rest %= nanos;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("+5s", 5_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("500ms", 500_000_000),
            ("2.5s", 2_500_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("1h0m0.25s", 3_600_250_000_000),
            ("3us", 3000),
            ("3\u{b5}s", 3000),
            ("3\u{3bc}s", 3000),
            ("7ns", 7),
            ("0.9ns", 0),
            ("1s1s", 2_000_000_000),
            ("0.000000000000000000001h", 0),
            ("0.333333333333333333333h", 1_199_999_999_999),
            ("9223372036854775807ns", 9_223_372_036_854_775_807),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, error) in [
            ("", DurationError::Empty),
            ("+", DurationError::Empty),
            ("-1s", DurationError::Negative),
            ("-0", DurationError::Negative),
            ("30", DurationError::NoUnit),
            ("1h30", DurationError::NoUnit),
            ("00", DurationError::NoUnit),
            ("1d", DurationError::UnknownUnit),
            ("1S", DurationError::UnknownUnit),
            ("1 s", DurationError::UnknownUnit),
            ("1s ", DurationError::UnknownUnit),
            ("s", DurationError::NoNumber),
            (".s", DurationError::NoNumber),
            ("soon", DurationError::NoNumber),
            (" 1s", DurationError::NoNumber),
            ("1.5.5s", DurationError::NoUnit),
            ("9223372036854775808ns", DurationError::TooLong),
            ("99999999999999999999h", DurationError::TooLong),
            ("2562047h48m", DurationError::TooLong),
        ] {
            assert_eq!(parse_duration(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_printed_form_is_short() {
        for (nanos, text) in [
            (0, "0s"),
            (120_000_000_000, "2m"),
            (5_400_000_000_000, "1h30m"),
            (2_500_000_000, "2s500ms"),
            (1001, "1us1ns"),
        ] {
            assert_eq!(format_duration(Duration::from_nanos(nanos)), text);
        }
        assert_eq!(format_duration(Duration::MAX), format_duration(Duration::from_nanos(i64::MAX.unsigned_abs())));
    }

    proptest! {
        #[test]
        fn a_printed_duration_reads_as_itself(nanos in 0..=i64::MAX.unsigned_abs()) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn any_text_has_an_answer(text in "[-+0-9.hmsnuµ ]{0,24}|\\PC{0,12}") {
            if let Ok(duration) = parse_duration(&text) {
                prop_assert!(duration.as_nanos() <= LONGEST);
            }
        }
    }
}
