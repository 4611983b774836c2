//! What a check asks of the script, and what the script's answer means. The script itself is in `gcra.lua`: it is atomic,
//! and uses Redis's own clock, so that instances whose clocks differ count alike.

use std::time::Duration;

use ::redis::{Cmd, Value};

/// The script.
pub(super) const SCRIPT: &str = include_str!("gcra.lua");

/// The longest window that is counted exactly: a year. With it, microseconds since 1970 stay below 2^53 until 2254.
const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 24 * 3600);
/// The most requests that are counted exactly.
const MOST_REQUESTS: u64 = 1_000_000_000;

/// One counter and its limit.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    name: String,
    requests: u64,
    window: u64,
}

/// What became of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    /// `Some` is refused, and how long to wait until it would not be. It counted nothing then.
    pub(super) refused: Option<Duration>,
    /// How many requests the last of its counters has left.
    pub(super) remaining: u64,
    /// Until that one has one more left; zero if it has all.
    pub(super) next_in: Duration,
}

impl Counter {
    /// `requests` at once, then evenly refilled over `window`. Taken to what can be counted exactly: 1 to 10^9 requests,
    /// 1 microsecond to a year.
    pub(super) fn new(name: String, requests: u64, window: Duration) -> Self {
        let window = window.min(LONGEST_WINDOW).as_micros();
        Self { name, requests: requests.clamp(1, MOST_REQUESTS), window: u64::try_from(window).unwrap_or(1).max(1) }
    }

    /// How many requests are left, and until there is one more, of a counter that will be full after that time.
    fn left(&self, micros: u64, nths: u64) -> (u64, Duration) {
        let (n, window) = (u128::from(self.requests), u128::from(self.window));
        // In Nths of a microsecond a request weighs as much as the window in microseconds.
        let owed = (u128::from(micros) * n + u128::from(nths)).min(window * n);
        let left = n - owed.div_ceil(window);
        let next = if owed == 0 { 0 } else { (owed - (n - left - 1) * window).div_ceil(n) };
        (narrow(left), Duration::from_micros(narrow(next)))
    }
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Adds names and numbers of the counters to a command that has the script.
pub(super) fn add_arguments(command: &mut Cmd, counters: &[Counter]) {
    command.arg(counters.len());
    for counter in counters {
        command.arg(&counter.name);
    }
    for Counter { requests, window, .. } in counters {
        command.arg(requests).arg(window).arg(window / requests).arg(window % requests);
    }
}

/// Reads the script's answer to a check of these counters; `None` if it is none.
pub(super) fn read_answer(counters: &[Counter], value: &Value) -> Option<Answer> {
    let Value::Array(numbers) = value else { return None };
    let [Value::Int(allowed), Value::Int(wait), Value::Int(micros), Value::Int(nths)] = numbers.as_slice() else {
        return None;
    };
    let (remaining, next_in) = counters.last()?.left(u64::try_from(*micros).ok()?, u64::try_from(*nths).ok()?);
    let wait = Duration::from_micros(u64::try_from(*wait).ok()?);
    Some(Answer { refused: (*allowed == 0).then_some(wait), remaining, next_in })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: [i64; 4]) -> Value {
        Value::Array(numbers.map(Value::Int).to_vec())
    }

    #[test]
    fn what_is_left_is_rounded_down_and_the_wait_for_more_up() {
        let counter = Counter::new("a".into(), 3, Duration::from_micros(10));
        // 3 1/3 microseconds of 10 are one of three requests.
        for (micros, nths, left, next) in
            [(0, 0, 3, 0), (0, 1, 2, 1), (3, 1, 2, 4), (3, 2, 1, 1), (6, 2, 1, 4), (6, 3, 0, 1), (10, 0, 0, 4)]
        {
            assert_eq!(counter.left(micros, nths), (left, Duration::from_micros(next)), "{micros} {nths}");
        }
    }

    #[test]
    fn a_refusal_says_how_long_and_what_the_last_counter_has() {
        let counters = [1, 2].map(|requests| Counter::new("a".into(), requests, Duration::from_secs(1)));
        let answer = read_answer(&counters, &numbers([0, 250_000, 400_000, 0])).unwrap();
        let expected =
            Answer { refused: Some(Duration::from_millis(250)), remaining: 1, next_in: Duration::from_millis(400) };
        assert_eq!(answer, expected);
    }

    #[test]
    fn what_the_script_never_says_is_no_answer() {
        let counters = [Counter::new("a".into(), 3, Duration::from_secs(60))];
        for value in [Value::Nil, Value::Array(vec![Value::Int(1)]), numbers([1, -1, 0, 0]), numbers([1, 0, -1, 0])] {
            assert_eq!(read_answer(&counters, &value), None, "{value:?}");
        }
        assert_eq!(read_answer(&[], &numbers([1, 0, 0, 0])), None);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let counter = Counter::new("a".into(), u64::MAX, Duration::MAX);
        assert_eq!(counter.left(0, 0), (MOST_REQUESTS, Duration::ZERO));
        assert_eq!(counter.left(u64::MAX, u64::MAX).0, 0);
        assert_eq!(Counter::new("a".into(), 0, Duration::ZERO).left(0, 0), (1, Duration::ZERO));
    }
}
