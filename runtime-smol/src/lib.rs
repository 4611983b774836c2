//! Drives the core on smol. Empty until the second runtime is built; it never holds policy.
