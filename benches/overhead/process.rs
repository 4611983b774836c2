//! Asks processes that this program started to end.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

/// Asks it to end in an orderly way.
pub(crate) fn terminate(child: &Child) -> Outcome<()> {
    signal(child, Signal::TERM)
}

/// What a terminal's Ctrl-C does.
pub(crate) fn interrupt(child: &Child) -> Outcome<()> {
    signal(child, Signal::INT)
}

fn signal(child: &Child, signal: Signal) -> Outcome<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or("a process without a number")?;
    Ok(kill_process(pid, signal)?)
}
