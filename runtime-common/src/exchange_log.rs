//! The log line of an exchange that is over: at debug, and without a secret, a path or content. Beside it, at warn and
//! info, that it opened or closed the breaker of its upstream.

use llm_proxy_core::deadline::Deadline;
use llm_proxy_core::exchange::{BreakerTurn, Ended};
use llm_proxy_core::proxy::Transition;

/// Logs how an exchange ended.
pub fn log_end(ended: &Ended) {
    tracing::debug!(
        request_id = ended.ids.request(),
        method = %ended.method,
        status = ended.status.map(|status| status.as_u16()),
        outcome = ?ended.outcome,
        code = ended.code,
        deadline = ended.deadline.map(Deadline::name),
        project_id = ended.payer.map(|payer| tracing::field::display(payer.project)),
        token_id = ended.payer.map(|payer| tracing::field::display(payer.token)),
        request_bytes = ended.bytes.0,
        response_bytes = ended.bytes.1,
        took_us = u64::try_from(ended.took.as_micros()).unwrap_or(u64::MAX),
        "exchange ended"
    );
    if let Some(turn) = &ended.breaker {
        log_turn(turn);
    }
}

/// Operators are told when requests begin and cease to be refused, without a setting for more.
fn log_turn(turn: &BreakerTurn) {
    match turn.transition {
        Transition::Opened => {
            tracing::warn!(provider = %turn.provider, "the upstream failed repeatedly: requests to it are refused for a while");
        }
        Transition::Closed => tracing::info!(provider = %turn.provider, "the upstream works again: requests go to it"),
    }
}
