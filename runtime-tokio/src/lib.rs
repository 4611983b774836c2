//! Drives the core on tokio.
