//! Which time limit runs while an exchange is forwarded.

use super::forward::{Forward, Link, Said};
use super::{Exchange, State};
use crate::deadline::Deadline;
use crate::rules::Rules;
use crate::time::Instant;

impl Exchange {
    /// Whether the client's content is all that is missing.
    pub(super) const fn waits_for_client(&self) -> bool {
        if let State::Inspecting(_) = self.state {
            return true;
        }
        let State::Forwarding(forward) = &self.state else { return false };
        !self.request_complete && forward.is_connected() && !forward.stalled && !forward.awaits_continue
    }

    /// The nearest of the limits that run in this state.
    pub(super) fn forward_timeout(&self, forward: &Forward, rules: &Rules) -> (Instant, Deadline) {
        let limits = &forward.provider.timeouts;
        if forward.said == Said::StreamHead {
            return (forward.last_progress + limits.stream_idle, Deadline::StreamIdle);
        }
        let whole = (self.started + limits.request, Deadline::Exchange);
        let step = match forward.link {
            Link::Asked(since) => Some((since + limits.connect, Deadline::Connect)),
            Link::Open { .. } if forward.said == Said::Head => None,
            Link::Open { .. } => match forward.request_done {
                Some(done) => Some((done + limits.response_header, Deadline::ResponseHead)),
                None if forward.stalled || self.held.is_some() => None,
                None if forward.awaits_continue => {
                    Some((forward.connected + limits.response_header, Deadline::ResponseHead))
                }
                None => Some((self.last_client + rules.patience.client_body, Deadline::ClientBody)),
            },
        };
        step.filter(|step| step.0 < whole.0).unwrap_or(whole)
    }
}
