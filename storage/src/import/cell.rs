//! Values of the original's rows. SQLite keeps in a column whatever was written, so each value is read by what it is.
//!
//! Forms of times: what the Go driver for SQLite writes (`2006-01-02 15:04:05.999999999-07:00`) and reads
//! (github.com/mattn/go-sqlite3, `SQLiteTimestampFormats`; numbers are seconds since 1970, from 10^12 on milliseconds),
//! SQLite's own CURRENT_TIMESTAMP, RFC 3339, and what Go prints (`2006-01-02 15:04:05 +0000 UTC m=+0.1`). Without an
//! offset a time is UTC.

use llm_proxy_core::time::Timestamp;
use zeroize::Zeroizing;

/// Seconds from 1970 to the last second of the year 9999, and to the first of the year 0: what RFC 3339 can say.
const LAST_SECOND: i64 = 253_402_300_799;
const FIRST_SECOND: i64 = -62_167_219_200;
/// From here on a number counts milliseconds.
const MILLISECONDS_FROM: u64 = 1_000_000_000_000;

/// A stored value.
pub(crate) enum Cell {
    /// NULL, or no such column.
    Null,
    /// A whole number.
    Integer(i64),
    /// Text. It may be a key or a token.
    Text(Zeroizing<String>),
    /// Anything else.
    Other,
}

/// A row: its values by column.
pub(crate) struct Record(Vec<(String, Cell)>);

/// The value in that column is not of a form that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unreadable(pub(crate) &'static str);

impl Record {
    pub(crate) const fn new(cells: Vec<(String, Cell)>) -> Self {
        Self(cells)
    }

    pub(crate) fn cell(&self, column: &str) -> &Cell {
        self.0.iter().find(|(name, _)| name == column).map_or(&Cell::Null, |(_, cell)| cell)
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.0.iter().any(|(name, _)| name == column)
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<&str, Unreadable> {
        match self.cell(column) {
            Cell::Text(text) => Ok(text),
            Cell::Null | Cell::Integer(_) | Cell::Other => Err(Unreadable(column)),
        }
    }

    /// On where nothing is said, as in layouts that had no such column.
    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, Unreadable> {
        match self.cell(column) {
            Cell::Null => Ok(true),
            Cell::Integer(number) => Ok(*number != 0),
            Cell::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Cell::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Cell::Text(_) | Cell::Other => Err(Unreadable(column)),
        }
    }

    /// Zero where nothing is said.
    pub(crate) fn count(&self, column: &'static str) -> Result<u64, Unreadable> {
        match self.cell(column) {
            Cell::Null => Ok(0),
            Cell::Integer(number) => u64::try_from(*number).map_err(|_| Unreadable(column)),
            Cell::Text(_) | Cell::Other => Err(Unreadable(column)),
        }
    }

    /// NULL is no limit. A negative limit lets nothing through in the original, as zero does here.
    pub(crate) fn limit(&self, column: &'static str) -> Result<Option<u64>, Unreadable> {
        match self.cell(column) {
            Cell::Null => Ok(None),
            Cell::Integer(number) => Ok(Some(u64::try_from(*number).unwrap_or(0))),
            Cell::Text(_) | Cell::Other => Err(Unreadable(column)),
        }
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Option<Timestamp>, Unreadable> {
        let time = match self.cell(column) {
            Cell::Null => return Ok(None),
            Cell::Integer(number) => from_number(*number),
            Cell::Text(text) => from_text(text),
            Cell::Other => None,
        };
        time.map(Some).ok_or(Unreadable(column))
    }
}

/// The end of the year 9999: what "never" becomes.
pub(crate) const fn end_of_time() -> Timestamp {
    Timestamp::from_micros(LAST_SECOND * 1_000_000)
}

fn from_number(number: i64) -> Option<Timestamp> {
    let micros_each = if number.unsigned_abs() >= MILLISECONDS_FROM { 1000 } else { 1_000_000 };
    let micros = number.checked_mul(micros_each)?;
    let seconds = micros.div_euclid(1_000_000);
    (FIRST_SECOND..=LAST_SECOND).contains(&seconds).then(|| Timestamp::from_micros(micros))
}

fn from_text(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.trim().split_at_checked(10)?;
    let rest = match rest.strip_prefix(['T', ' ']) {
        Some(rest) => rest,
        None if rest.is_empty() => "00:00:00",
        None => return None,
    };
    let (clock, zone) = rest.split_at(rest.find(['Z', '+', '-', ' ']).unwrap_or(rest.len()));
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    Timestamp::parse_rfc3339(&format!("{date}T{clock}{seconds}{}", offset(zone)?))
}

/// An offset as RFC 3339 writes it, from `""`, `Z`, `+01:00`, `+0100`, ` +0100 CET m=+0.1`.
fn offset(zone: &str) -> Option<String> {
    let Some(zone) = zone.split_whitespace().next() else {
        return Some("Z".to_owned());
    };
    match zone.split_at_checked(3) {
        Some((hours, minutes)) if zone.len() == 5 => Some(format!("{hours}:{minutes}")),
        Some(_) | None => Some(zone.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(cell: Cell) -> Record {
        Record::new(vec![("c".to_owned(), cell)])
    }

    fn text(text: &str) -> Record {
        record(Cell::Text(Zeroizing::new(text.to_owned())))
    }

    #[test]
    fn every_way_to_write_a_time_is_the_same_time() {
        let noon = Timestamp::parse_rfc3339("2025-06-01T12:00:00Z");
        for written in [
            "2025-06-01T12:00:00Z",
            "2025-06-01 12:00:00",
            "2025-06-01 12:00",
            "2025-06-01 12:00:00+00:00",
            "2025-06-01 14:00:00+02:00",
            "2025-06-01 12:00:00Z",
            "2025-06-01T07:30:00.000-04:30",
            "2025-06-01 14:00:00 +0200 CEST",
            "2025-06-01 12:00:00.000000000 +0000 UTC m=+0.012345678",
            " 2025-06-01 12:00:00 ",
        ] {
            assert_eq!(text(written).time("c"), Ok(noon), "{written}");
        }
        assert_eq!(record(Cell::Integer(1_748_779_200)).time("c"), Ok(noon));
        assert_eq!(record(Cell::Integer(1_748_779_200_000)).time("c"), Ok(noon));
    }

    #[test]
    fn a_time_keeps_its_microseconds_and_a_date_is_its_midnight() {
        let written = text("2025-06-01 12:00:00.123456789-07:00").time("c").unwrap().unwrap();
        assert_eq!(written.to_rfc3339(), "2025-06-01T19:00:00.123456Z");
        assert_eq!(text("2025-06-01").time("c"), Ok(Timestamp::parse_rfc3339("2025-06-01T00:00:00Z")));
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_column() {
        for written in
            ["", "now", "2025-13-01 00:00:00", "2025-06-01x", "2025-06-01 12", "2025-06-01 12:00:00 noon", "é"]
        {
            assert_eq!(text(written).time("c"), Err(Unreadable("c")), "{written}");
        }
        for number in [i64::MAX, i64::MIN, LAST_SECOND + 1] {
            assert_eq!(record(Cell::Integer(number)).time("c"), Err(Unreadable("c")), "{number}");
        }
        assert_eq!(record(Cell::Other).time("c"), Err(Unreadable("c")));
    }

    #[test]
    fn flags_are_numbers_or_words() {
        for (cell, on) in [(Cell::Integer(1), true), (Cell::Integer(0), false), (Cell::Null, true)] {
            assert_eq!(record(cell).flag("c"), Ok(on));
        }
        assert_eq!((text("TRUE").flag("c"), text("false").flag("c")), (Ok(true), Ok(false)));
        assert_eq!(text("maybe").flag("c"), Err(Unreadable("c")));
    }

    #[test]
    fn a_missing_column_is_null() {
        let empty = Record::new(Vec::new());
        assert_eq!(empty.limit("c"), Ok(None));
        assert_eq!(empty.count("c"), Ok(0));
        assert_eq!(empty.time("c"), Ok(None));
        assert_eq!(empty.text("c"), Err(Unreadable("c")));
    }

    #[test]
    fn a_negative_limit_lets_nothing_through_and_a_negative_count_is_refused() {
        assert_eq!(record(Cell::Integer(-1)).limit("c"), Ok(Some(0)));
        assert_eq!(record(Cell::Integer(-1)).count("c"), Err(Unreadable("c")));
    }

    proptest! {
        #[test]
        fn what_the_go_driver_writes_is_read_as_the_same_time(micros in FIRST_SECOND * 1_000_000..LAST_SECOND * 1_000_000) {
            let time = Timestamp::from_micros(micros);
            let written = time.to_rfc3339().replace('T', " ").replace('Z', "+00:00");
            prop_assert_eq!(text(&written).time("c"), Ok(Some(time)), "{}", written);
        }

        #[test]
        fn no_text_breaks_the_reader(written in "\\PC*|[0-9T :.+Zm=-]{0,40}") {
            let _ = text(&written).time("c");
        }
    }

    #[test]
    fn never_is_the_last_time_that_can_be_said() {
        assert_eq!(end_of_time().to_rfc3339(), "9999-12-31T23:59:59Z");
    }
}
