//! See `llm_proxy_core::fuzzing::exchange`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_proxy_core::fuzzing::exchange(data));
