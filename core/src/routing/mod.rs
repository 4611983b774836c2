//! What a request is for: one of our own routes, or the proxy; and on the proxy, which endpoint of a provider a path is
//! under.
//!
//! It never looks at credentials and never answers: it names the route, or says which methods a known path has.
//!
//! What holds, and the test that says so:
//! 1. A path never matches an endpoint that it is not under, in any encoding, dot segment or case
//!    (`a_match_is_a_prefix_of_whole_segments`, `every_spelling_matches_as_the_plain_path_does`).
//! 2. An upstream that decodes twice, merges slashes, drops path parameters or leaves dot segments alone still finds the
//!    sent path under the endpoint that was compared (`no_upstream_reads_a_sent_path_as_lying_elsewhere`).
//! 3. Nothing below `/manage` is ever proxied (`no_path_below_manage_is_proxied`).
//!
//! Sources: RFC 3986 sections 2.1, 5.2.4 and 6.2.2; RFC 9110 sections 9.1 and 15.5.6.

mod endpoint;
mod path;
mod percent;
mod route;

pub use endpoint::{EndpointError, EndpointPattern};
pub use path::{BadPath, NormalPath};
pub use route::{ManageRoute, Probe, Route, route};

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;
