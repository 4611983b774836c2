//! Keeps state for llm-proxy.
