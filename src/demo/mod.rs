//! What `llm-proxy demo` needs beside the proxy itself: an upstream to talk to, so that a first try costs no key and no
//! network. The command that puts the pieces together lives with the other commands.

mod upstream;

pub(crate) use upstream::DemoUpstream;
