//! The llm-proxy program.
fn main() {}
