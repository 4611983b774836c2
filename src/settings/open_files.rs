//! The process's limit of open files: raised to what the system allows, and how many client connections that is.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files for everything but connections: database, logs, listeners, pipes.
const RESERVE: u64 = 128;

/// The least and the most connections, whatever the limit says.
const LEAST: u64 = 16;
const MOST: u64 = 65_536;

/// Raises the limit to the highest that the system lets this process have. The low one that shells give is for
/// programs that cannot hold many files; this one can. Where it cannot be raised, it stays.
pub(crate) fn raise_open_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// How many connections this process can hold.
pub(super) fn connections_of_this_process() -> NonZeroUsize {
    connections_for(getrlimit(Resource::Nofile).current)
}

/// How many connections a limit of open files allows; `None` is no limit. Each takes two: one towards the client, one
/// towards the upstream.
fn connections_for(open_files: Option<u64>) -> NonZeroUsize {
    let connections = open_files.map_or(MOST, |limit| limit.saturating_sub(RESERVE) / 2).clamp(LEAST, MOST);
    usize::try_from(connections).ok().and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_what_is_left_is_for_clients() {
        for (limit, connections) in
            [(Some(1024), 448), (Some(0), 16), (Some(150), 16), (Some(1 << 40), 65_536), (None, 65_536)]
        {
            assert_eq!(connections_for(limit).get(), connections);
        }
    }

    #[test]
    fn this_process_can_hold_some() {
        assert!(connections_of_this_process().get() >= 16);
    }
}
