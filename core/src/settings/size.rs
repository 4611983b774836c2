//! Sizes in bytes: a plain number, or one with KB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024).

use thiserror::Error;

/// The units, in bytes. The binary ones stand first and largest first: that is the order in which they are printed.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("B", 1),
];

/// How many of [`UNITS`] are binary.
const BINARY_UNITS: usize = 3;

/// Why a text is no size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SizeError {
    /// It does not begin with a whole number.
    #[error("a size begins with a whole number of bytes or units, such as 1048576 or 10MiB")]
    NoNumber,
    /// What follows the number is no unit.
    #[error("a size has one of the units B, KB, MB, GB, KiB, MiB and GiB, or none for bytes")]
    UnknownUnit,
    /// More bytes than 64 bits can count.
    #[error("a size can be at most 18446744073709551615 bytes")]
    TooLarge,
}

/// Reads a size, in bytes. Units are read as they are written here, in lower case (`10mb`), or as `kB`; nothing may
/// stand between number and unit.
///
/// # Errors
/// [`SizeError`] for any other text.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    if number.is_empty() {
        return Err(SizeError::NoNumber);
    }
    let number: u64 = number.parse().map_err(|_| SizeError::TooLarge)?;
    number.checked_mul(unit_bytes(unit)?).ok_or(SizeError::TooLarge)
}

fn unit_bytes(unit: &str) -> Result<u64, SizeError> {
    if unit.is_empty() {
        return Ok(1);
    }
    let unit = if unit == "kB" { "KB" } else { unit };
    UNITS
        .iter()
        .find(|(name, _)| *name == unit || name.to_ascii_lowercase() == unit)
        .map(|(_, bytes)| *bytes)
        .ok_or(SizeError::UnknownUnit)
}

/// The size in the largest binary unit that says it exactly, or in plain bytes: `10MiB`, `1500`. [`parse_size`] reads
/// it back to the same size.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    UNITS[..BINARY_UNITS]
        .iter()
        .find(|(_, unit)| bytes != 0 && bytes.is_multiple_of(*unit))
        .map_or_else(|| bytes.to_string(), |(name, unit)| format!("{}{name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_read_in_both_systems() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1_048_576),
            ("512B", 512),
            ("1KB", 1000),
            ("1kB", 1000),
            ("1KiB", 1024),
            ("10MB", 10_000_000),
            ("10mb", 10_000_000),
            ("10MiB", 10_485_760),
            ("10mib", 10_485_760),
            ("2GB", 2_000_000_000),
            ("2GiB", 2_147_483_648),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_why() {
        for (text, error) in [
            ("", SizeError::NoNumber),
            ("MB", SizeError::NoNumber),
            ("-1", SizeError::NoNumber),
            ("+1", SizeError::NoNumber),
            (" 1", SizeError::NoNumber),
            ("1 MB", SizeError::UnknownUnit),
            ("1.5MB", SizeError::UnknownUnit),
            ("1Mb", SizeError::UnknownUnit),
            ("1TB", SizeError::UnknownUnit),
            ("1K", SizeError::UnknownUnit),
            ("18446744073709551616", SizeError::TooLarge),
            ("18014398509481984KiB", SizeError::TooLarge),
        ] {
            assert_eq!(parse_size(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_printed_form_is_the_largest_exact_one() {
        for (bytes, text) in [(0, "0"), (1500, "1500"), (1024, "1KiB"), (10 << 20, "10MiB"), (3 << 30, "3GiB")] {
            assert_eq!(format_size(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn a_printed_size_reads_as_itself(mantissa in any::<u64>(), shift in 0_u32..64) {
            let bytes = mantissa << shift;
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }

        #[test]
        fn any_text_has_an_answer(text in "[0-9]{0,22}[a-zA-Z]{0,4}|\\PC{0,12}") {
            let _ = parse_size(&text);
        }
    }
}
