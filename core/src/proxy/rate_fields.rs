//! The fields that tell a client how much of its token's rate is left: draft-ietf-httpapi-ratelimit-headers-11, the
//! policy `"token"` with its quota and window, and under the same name what is available.
//!
//! `t` is the draft's effective window (section 4.1.2), the time within which no more than `r` can be used: until the
//! next request is refilled, not until all of them are.

use std::borrow::Cow;

use crate::quota::Remaining;
use crate::reject::RetryAfter;

/// The largest Integer of a structured field (RFC 9651 section 3.3.1).
const LARGEST: u64 = 999_999_999_999_999;

/// Both fields, name and value.
pub(crate) fn rate_fields(rate: &Remaining) -> [(&'static str, Cow<'static, str>); 2] {
    let (quota, available) = (rate.limit.requests.min(LARGEST), rate.requests.min(LARGEST));
    let window = RetryAfter(rate.limit.window).seconds();
    // All is there: nothing more will be, in no time.
    let next_in = if rate.next_in.is_zero() { 0 } else { RetryAfter(rate.next_in).seconds() };
    [
        ("RateLimit-Policy", format!("\"token\";q={quota};w={window}").into()),
        ("RateLimit", format!("\"token\";r={available};t={next_in}").into()),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::quota::RateLimit;

    fn fields(requests: u64, left: u64, next_in: Duration) -> [String; 2] {
        let limit = RateLimit { requests, window: Duration::from_secs(60) };
        rate_fields(&Remaining { limit, requests: left, next_in }).map(|(name, value)| format!("{name}: {value}"))
    }

    #[test]
    fn they_have_the_drafts_form() {
        let expected = [r#"RateLimit-Policy: "token";q=60;w=60"#, r#"RateLimit: "token";r=59;t=1"#];
        assert_eq!(fields(60, 59, Duration::from_secs(1)), expected);
    }

    #[test]
    fn times_are_rounded_up_so_that_nobody_is_too_early() {
        assert_eq!(fields(7, 0, Duration::from_nanos(8_000_000_001))[1], r#"RateLimit: "token";r=0;t=9"#);
        assert_eq!(fields(9000, 8999, Duration::from_nanos(1))[1], r#"RateLimit: "token";r=8999;t=1"#);
        assert_eq!(fields(60, 60, Duration::ZERO)[1], r#"RateLimit: "token";r=60;t=0"#);
    }

    #[test]
    fn numbers_stay_within_what_a_structured_field_can_say() {
        let [policy, rate] = fields(u64::MAX, u64::MAX - 1, Duration::from_nanos(1));
        assert_eq!(policy, r#"RateLimit-Policy: "token";q=999999999999999;w=60"#);
        assert_eq!(rate, r#"RateLimit: "token";r=999999999999999;t=1"#);
    }
}
