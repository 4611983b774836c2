//! Reading files anew on SIGHUP, on a thread of its own: reading may block, and a worker or the thread that hears signals
//! must not. What is read and what it changes is the caller's; here is when it is done and how it is told.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// What can be read anew while the server runs.
pub trait Reload: fmt::Debug + Send + Sync {
    /// Reads every part anew. A part that is broken stays as it was, and keeps no other from being replaced. It may block.
    fn reload(&self) -> Vec<Reloaded>;
}

/// What became of one part.
#[derive(Debug)]
pub struct Reloaded {
    /// What it is, in a word or two.
    pub part: &'static str,
    /// What the log is told.
    pub outcome: Result<Replaced, Box<dyn Error + Send + Sync>>,
}

/// What a part was replaced with.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Replaced {
    /// What is different now; empty if nothing is.
    pub changes: Vec<String>,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

/// Reloads when it is asked to.
#[derive(Debug)]
pub struct Reloader(Option<SyncSender<()>>);

impl Reloader {
    /// Starts the thread; without anything to reload, none. It ends with the reloader, or when what it reads lets it go.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(what: Option<Arc<dyn Reload>>) -> io::Result<Self> {
        let Some(what) = what else { return Ok(Self(None)) };
        // One request may wait while another is served: it sees what all that came meanwhile are about.
        let (ask, asked) = sync_channel(1);
        std::thread::Builder::new().name("reload".to_owned()).spawn(move || serve(&*what, &asked))?;
        Ok(Self(Some(ask)))
    }

    /// Asks for a reload, and does not wait for it.
    pub fn ask(&self) {
        match &self.0 {
            // A full queue holds a request that has not begun to read.
            Some(ask) => drop(ask.try_send(())),
            None => tracing::info!("SIGHUP: there is no file to read anew"),
        }
    }
}

fn serve(what: &dyn Reload, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        what.reload().iter().for_each(tell);
    }
}

fn tell(Reloaded { part, outcome }: &Reloaded) {
    match outcome {
        Ok(Replaced { changes, warnings }) => {
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            tracing::info!(part, ?changes, "reloaded");
        }
        Err(error) => tracing::error!(part, %error, "not reloaded: what was there before stays in effect"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Says when it begins, and goes on when it is told.
    #[derive(Debug)]
    struct Slow(Sender<()>, Mutex<Receiver<()>>);

    impl Reload for Slow {
        fn reload(&self) -> Vec<Reloaded> {
            self.0.send(()).unwrap();
            self.1.lock().unwrap().recv().unwrap();
            Vec::new()
        }
    }

    #[test]
    fn requests_that_come_during_a_reload_are_one_more_reload() {
        let ((begin, begun), (finish, finished)) = (channel(), channel());
        let reloader = Reloader::start(Some(Arc::new(Slow(begin, Mutex::new(finished))))).unwrap();
        reloader.ask();
        begun.recv().unwrap();
        for _ in 0..100 {
            reloader.ask();
        }
        finish.send(()).unwrap();
        begun.recv().unwrap();
        drop(reloader);
        finish.send(()).unwrap();
        assert!(begun.recv().is_err(), "the thread ends, and does not reload a third time");
    }
}
