//! See `llm_proxy_core::fuzzing::wire_request`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_proxy_core::fuzzing::wire_request(data));
