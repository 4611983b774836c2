//! What all workers are told, at most once each: to drain, and to end. A phase begins when its channel is closed.

use std::convert::Infallible;

use smol::channel::{self, Receiver, Sender};

/// The side that tells.
#[derive(Debug)]
pub(crate) struct Teller {
    drain: Sender<Infallible>,
    cut: Sender<Infallible>,
}

/// The side that is told.
#[derive(Clone, Debug)]
pub(crate) struct Phases {
    drain: Receiver<Infallible>,
    cut: Receiver<Infallible>,
}

/// Both sides.
pub(crate) fn phases() -> (Teller, Phases) {
    let ((tell_drain, drain), (tell_cut, cut)) = (channel::bounded(1), channel::bounded(1));
    (Teller { drain: tell_drain, cut: tell_cut }, Phases { drain, cut })
}

impl Teller {
    /// Accept no more, finish what runs.
    pub(crate) fn drain(&self) {
        self.drain.close();
    }

    /// End now.
    pub(crate) fn cut(&self) {
        self.drain.close();
        self.cut.close();
    }
}

impl Phases {
    /// Waits until draining begins.
    pub(crate) async fn draining(&self) {
        // It ends with an error only: nothing can be sent.
        let _ = self.drain.recv().await;
    }

    /// Waits until the end.
    pub(crate) async fn cut(&self) {
        let _ = self.cut.recv().await;
    }
}
