//! The log line of an exchange that is over: at debug, and without a secret, a path or content.

use llm_proxy_core::deadline::Deadline;
use llm_proxy_core::exchange::Ended;

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
}
