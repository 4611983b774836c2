//! Laws of rewriting.
