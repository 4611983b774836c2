//! The llm-proxy program.

#[expect(dead_code, unused_imports, reason = "the demo command is not wired up yet")]
mod demo;

fn main() {}
