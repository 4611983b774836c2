//! The person or script at the other end of a command: where answers go, where questions are answered, how wide the
//! terminal is. It decides that without a terminal nothing dangerous is taken as confirmed.

use std::io::{self, BufRead, IsTerminal as _, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use thiserror::Error;
use zeroize::Zeroizing;

/// The streams of one command.
pub(crate) struct Desk<'a> {
    /// Answers: what a script may read.
    pub(super) out: &'a mut dyn Write,
    /// Questions, notes, and what went wrong.
    pub(super) err: &'a mut dyn Write,
    /// What is typed or piped in.
    pub(super) input: &'a mut dyn BufRead,
    /// Whether somebody sits at the input.
    pub(super) asks: bool,
    /// How many characters a line of answers may have; `None` if no terminal shows them.
    pub(super) width: Option<usize>,
}

/// Why something dangerous is not done.
#[derive(Debug, Error)]
pub(super) enum NotConfirmed {
    /// Nobody can be asked.
    #[error("this is to be confirmed and there is no terminal to ask at: give --yes to do it")]
    NobodyToAsk,
    /// The answer was no.
    #[error("nothing was done")]
    Declined,
    /// The question cannot be asked.
    #[error("cannot ask: {0}")]
    Io(#[from] io::Error),
}

impl<'a> Desk<'a> {
    /// The streams of this process; `out` and `err` are its standard output and error.
    pub(crate) fn of_process(out: &'a mut dyn Write, err: &'a mut dyn Write, input: &'a mut dyn BufRead) -> Self {
        let shown = io::stdout().is_terminal();
        let width = tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
        Self { out, err, input, asks: io::stdin().is_terminal(), width: width.filter(|width| shown && *width > 0) }
    }

    /// Asks whether to do what `question` says; `yes` answers before.
    ///
    /// # Errors
    /// If it must not be done.
    pub(super) fn confirm(&mut self, question: &str, yes: bool) -> Result<(), NotConfirmed> {
        if yes {
            return Ok(());
        }
        if !self.asks {
            return Err(NotConfirmed::NobodyToAsk);
        }
        write!(self.err, "{question} [y/N] ")?;
        self.err.flush()?;
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        let agreed = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
        if agreed { Ok(()) } else { Err(NotConfirmed::Declined) }
    }

    /// Reads a secret: typed on one line, without showing it, or piped in to the end of the input.
    ///
    /// # Errors
    /// If the input cannot be read, or the question cannot be asked.
    pub(super) fn secret(&mut self, question: &str) -> io::Result<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::new());
        if !self.asks {
            self.input.read_to_string(&mut text)?;
            return Ok(text);
        }
        write!(self.err, "{question}: ")?;
        self.err.flush()?;
        let echo = Echo::off();
        let read = self.input.read_line(&mut text);
        drop(echo);
        read?;
        // The line's end was not shown either.
        writeln!(self.err)?;
        Ok(text)
    }
}

/// Restores how the terminal shows what is typed.
struct Echo(Option<Termios>);

impl Echo {
    /// Lets the terminal at the standard input, if there is one, not show what is typed.
    fn off() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut hidden) = before.clone() {
            hidden.local_modes.remove(LocalModes::ECHO);
            // Where it cannot be hidden it is shown, as it would be without this.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &hidden);
        }
        Self(before)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it was confirmed, why not, and what was asked.
    fn confirm(typed: &str, asks: bool, yes: bool) -> (Option<NotConfirmed>, String) {
        let (mut out, mut err, mut input) = (Vec::new(), Vec::new(), typed.as_bytes());
        let mut desk = Desk { out: &mut out, err: &mut err, input: &mut input, asks, width: None };
        let answer = desk.confirm("Delete it?", yes).err();
        assert!(out.is_empty());
        (answer, String::from_utf8(err).unwrap())
    }

    #[test]
    fn only_a_clear_yes_confirms() {
        for typed in ["y\n", "Y\n", "yes\n", " YES \n"] {
            let (refusal, asked) = confirm(typed, true, false);
            assert!(refusal.is_none(), "{typed:?}");
            assert_eq!(asked, "Delete it? [y/N] ");
        }
        for typed in ["", "\n", "n\n", "yess\n", "nyes\n"] {
            assert!(matches!(confirm(typed, true, false).0, Some(NotConfirmed::Declined)), "{typed:?}");
        }
    }

    #[test]
    fn without_a_terminal_a_piped_yes_is_not_asked_for() {
        let (refusal, asked) = confirm("y\n", false, false);
        assert!(matches!(refusal, Some(NotConfirmed::NobodyToAsk)));
        assert_eq!(asked, "");
    }

    #[test]
    fn the_flag_asks_nothing() {
        let (refusal, asked) = confirm("n\n", false, true);
        assert!(refusal.is_none());
        assert_eq!(asked, "");
    }
}
