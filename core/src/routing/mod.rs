//! What a request is for: one of our own routes, or the proxy; and on the proxy, which endpoint of a provider a path is
//! under.
//!
//! It never looks at credentials and never answers: it names the route, or says which methods a known path has.

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
