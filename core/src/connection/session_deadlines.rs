//! Which time limit of a session runs, and what happens when it has come. Those of an exchange are the exchange's own.

use super::session::{Life, Session};
use crate::deadline::Deadline;
use crate::exchange::Input as Step;
use crate::reject::{Late, Refusal};
use crate::time::{Instant, Now};

impl Session {
    /// When [`SessionInput::Deadline`](super::SessionInput::Deadline) is due, and what for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Deadline)> {
        let patience = self.rules.patience;
        let writing =
            (!self.client.out.is_empty()).then(|| (self.last_write + patience.client_write, Deadline::ClientWrite));
        match self.life {
            Life::Over { .. } => None,
            Life::Lingering { until, at_most } => Some((until.min(at_most), Deadline::Linger)),
            Life::Finishing | Life::Breaking => writing,
            Life::Open => match &self.exchange {
                Some(exchange) => exchange.poll_timeout(&self.rules),
                None => writing.or_else(|| Some(self.idle_timeout())),
            },
        }
    }

    fn idle_timeout(&self) -> (Instant, Deadline) {
        let since = self.client.head_since();
        if self.client.awaits_first_head() || self.client.has_partial_head() {
            let by = since + self.rules.patience.client_head;
            (self.first_head_by.map_or(by, |stop| stop.min(by)), Deadline::ClientHead)
        } else {
            (since + self.rules.patience.keep_alive, Deadline::KeepAlive)
        }
    }

    pub(super) fn on_deadline(&mut self, now: Now) {
        let Some((at, reason)) = self.poll_timeout() else { return };
        if at > now.mono {
            return;
        }
        match reason {
            Deadline::ClientHead if self.client.has_partial_head() => {
                self.refuse_unread(&Refusal::RequestTimeout(Late::Head), now);
            }
            Deadline::ClientHead | Deadline::KeepAlive | Deadline::Linger => self.life = Life::Over { reset: false },
            Deadline::ClientWrite => self.life = Life::Over { reset: self.until_close },
            Deadline::ClientBody
            | Deadline::Store
            | Deadline::Connect
            | Deadline::ResponseHead
            | Deadline::Exchange
            | Deadline::StreamIdle
            | Deadline::TunnelEnd
            | Deadline::TokenCheck
            | Deadline::TokenExpiry => self.step(Step::Deadline, now),
        }
    }
}
