//! See `llm_proxy_core::fuzzing::path`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_proxy_core::fuzzing::path(data));
