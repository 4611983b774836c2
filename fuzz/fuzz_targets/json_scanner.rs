//! See `llm_proxy_core::fuzzing::json_scanner`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_proxy_core::fuzzing::json_scanner(data));
