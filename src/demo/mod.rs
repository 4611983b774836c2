//! What `llm-proxy demo` needs beside the proxy itself: an upstream to talk to, so that a first try costs no key and no
//! network, and the tour that shows the proxy at work. The command that puts the pieces together is in `commands`.

mod client;
mod tour;
mod upstream;

pub(crate) use tour::show;
pub(crate) use upstream::DemoUpstream;
