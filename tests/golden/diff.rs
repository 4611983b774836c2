//! Shows where two texts differ, line by line.

use std::fmt::Write;

/// Equal lines shown before and after a difference.
const CONTEXT: usize = 3;

/// The lines between the common beginning and the common end: `-` what `old` has, `+` what `new` has.
pub(super) fn diff(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let shorter = old.len().min(new.len());
    let before = (0..shorter).take_while(|at| old[*at] == new[*at]).count();
    let rest = shorter - before;
    let after = (1..=rest).take_while(|at| old[old.len() - at] == new[new.len() - at]).count();
    let mut text = format!("@@ line {} @@\n", before + 1);
    let mut show = |mark: char, lines: &[&str]| {
        for line in lines {
            writeln!(text, "{mark}{line}").unwrap();
        }
    };
    show(' ', &old[before.saturating_sub(CONTEXT)..before]);
    show('-', &old[before..old.len() - after]);
    show('+', &new[before..new.len() - after]);
    show(' ', &old[old.len() - after..old.len() - after.saturating_sub(CONTEXT)]);
    text
}

#[test]
fn a_difference_is_shown_between_what_is_common() {
    assert_eq!(diff("a\nb\nc\nd\n", "a\nx\nd\n"), "@@ line 2 @@\n a\n-b\n-c\n+x\n d\n");
    assert_eq!(diff("", "a\n"), "@@ line 1 @@\n+a\n");
    assert_eq!(diff("a\na\n", "a\n"), "@@ line 2 @@\n a\n-a\n");
}
