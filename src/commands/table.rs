//! Tables for people: aligned columns that fit a terminal, and nothing in a cell that a terminal would obey.
//!
//! Where there is too little room, columns at the end that may go are left out, then texts that may be cut are cut.
//! Where the output is no terminal, nothing is.

use std::fmt::Write as _;

/// Between two columns.
const GAP: usize = 2;
/// What stands in place of no value.
pub(super) const NOTHING: &str = "-";

/// How a column may give way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keep {
    /// Not at all.
    Whole,
    /// Its texts may be cut to so many characters.
    AtLeast(usize),
    /// It may be left out; the last such column goes first.
    IfRoom,
}

/// A column: its head and how it may give way.
pub(super) type Column = (&'static str, Keep);

/// Rows of texts below heads.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub(super) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, a cell for each column.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| printable(&cell));
        let cells = cells.map(|cell| if cell.is_empty() { NOTHING.to_owned() } else { cell });
        self.rows.push(cells.collect());
    }

    /// The lines, no wider than `room` characters where that is possible.
    pub(super) fn lines(&self, room: Option<usize>) -> String {
        let widths = self.widths(room.unwrap_or(usize::MAX));
        let heads: Vec<_> = self.columns.iter().map(|(head, _)| (*head).to_owned()).collect();
        let mut lines = String::new();
        for row in std::iter::once(&heads).chain(&self.rows) {
            let cells = row.iter().zip(&widths).filter_map(|(cell, width)| Some((cell, (*width)?)));
            let mut line = String::new();
            for (cell, width) in cells {
                // Writing to a String cannot fail.
                let _ = write!(line, "{:width$}{:GAP$}", cut(cell, width), "");
            }
            lines.push_str(line.trim_end());
            lines.push('\n');
        }
        lines
    }

    /// How wide each column is; `None` is left out.
    fn widths(&self, room: usize) -> Vec<Option<usize>> {
        let wide = |at: usize| self.rows.iter().filter_map(|row| row.get(at)).map(|cell| length(cell)).max();
        let wanted = self.columns.iter().enumerate().map(|(at, (head, _))| wide(at).unwrap_or(0).max(length(head)));
        let mut widths: Vec<Option<usize>> = wanted.map(Some).collect();
        let least = |(width, (head, keep)): (&Option<usize>, &Column)| match keep {
            Keep::Whole | Keep::IfRoom => *width,
            Keep::AtLeast(least) => width.map(|width| width.min((*least).max(length(head)))),
        };
        loop {
            let needed = total(widths.iter().zip(&self.columns).map(least));
            let last = (0..widths.len()).rev().find(|at| self.columns[*at].1 == Keep::IfRoom && widths[*at].is_some());
            match last {
                Some(at) if needed > room => widths[at] = None,
                Some(_) | None => break,
            }
        }
        let floors: Vec<_> = widths.iter().zip(&self.columns).map(least).collect();
        shrink(&mut widths, &floors, room);
        widths
    }
}

/// Takes from the widest column that is above its floor until all fit.
fn shrink(widths: &mut [Option<usize>], floors: &[Option<usize>], room: usize) {
    while total(widths.iter().copied()) > room {
        let above = widths.iter_mut().zip(floors).filter(|(width, floor)| **width > **floor);
        match above.max_by_key(|(width, _)| **width) {
            Some((Some(width), _)) => *width -= 1,
            Some((None, _)) | None => return,
        }
    }
}

fn total(widths: impl Iterator<Item = Option<usize>>) -> usize {
    let (count, sum) = widths.flatten().fold((0, 0), |(count, sum), width| (count + 1, sum + width));
    sum + GAP * usize::saturating_sub(count, 1)
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str, width: usize) -> String {
    if length(text) <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Names and values in two columns.
pub(super) fn pairs(pairs: &[(String, String)]) -> String {
    let names = pairs.iter().map(|(name, _)| length(name)).max().unwrap_or(0);
    let mut lines = String::new();
    for (name, value) in pairs {
        let value = if value.is_empty() { NOTHING.to_owned() } else { printable(value) };
        let _ = writeln!(lines, "{name:names$}  {value}");
    }
    lines
}

/// The text with a mark for each character that would move the cursor, change the terminal's state, or reorder what
/// stands around it: audit events hold texts of strangers.
pub(super) fn printable(text: &str) -> String {
    let acts = |char: char| {
        char.is_control() || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|char| if acts(char) { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[
            ("ID", Keep::Whole),
            ("NAME", Keep::AtLeast(6)),
            ("STATE", Keep::Whole),
            ("KEY", Keep::IfRoom),
            ("MADE", Keep::IfRoom),
        ]);
        table.row(["12345678", "a long name", "active", "sk-a", "today"].map(str::to_owned));
        table.row(["87654321", "é", "", "sk-b", "yesterday"].map(str::to_owned));
        table
    }

    #[test]
    fn columns_are_aligned_and_lines_have_no_blanks_at_their_ends() {
        let lines = "ID        NAME         STATE   KEY   MADE\n\
                     12345678  a long name  active  sk-a  today\n\
                     87654321  é            -       sk-b  yesterday\n";
        assert_eq!(table().lines(None), lines);
    }

    #[test]
    fn the_last_column_that_may_go_goes_first() {
        let lines = table().lines(Some(36));
        assert!(lines.starts_with("ID        NAME         STATE   KEY\n"), "{lines}");
    }

    #[test]
    fn a_text_is_cut_where_leaving_out_does_not_help() {
        let lines = "ID        NAME    STATE\n\
                     12345678  a lon…  active\n\
                     87654321  é       -\n";
        assert_eq!(table().lines(Some(24)), lines);
    }

    #[test]
    fn an_id_is_whole_in_any_room() {
        assert!(table().lines(Some(1)).contains("12345678"));
    }

    #[test]
    fn a_table_without_rows_has_its_heads() {
        assert_eq!(Table::new(&[("ID", Keep::Whole), ("NAME", Keep::AtLeast(9))]).lines(None), "ID  NAME\n");
    }

    #[test]
    fn what_a_terminal_would_obey_is_marked() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\u{202e}c\u{9b}é"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c\u{fffd}é");
    }

    #[test]
    fn pairs_are_aligned() {
        let given = [("id", "1"), ("api key", ""), ("é", "x")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs(&given), "id       1\napi key  -\né        x\n");
    }
}
