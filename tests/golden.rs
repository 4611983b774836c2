//! Golden wire transcripts: scripted exchanges with the built program, compared byte for byte with committed texts.
//!
//! Decides whether the bytes on both wires, and the ways in which connections end, are the ones that were agreed on; the
//! same texts hold for every runtime. What is right is decided by people who read `golden/transcripts/*.txt` (one file
//! a script, in the order of what happened). After a change that is meant to be seen on the wire, renew them and read
//! the difference:
//!
//!     LLM_PROXY_RENEW_GOLDEN=1 cargo test --test golden && git diff tests/golden/transcripts

#[cfg(test)]
#[path = "golden/mod.rs"]
mod golden;

#[cfg(test)]
#[expect(dead_code, unused_imports, reason = "the harness is shared with the black-box tests, which use all of it")]
mod harness;

/// The scripts on the tokio runtime.
#[cfg(test)]
mod tokio {
    #[test]
    fn every_exchange_is_the_one_in_its_transcript() {
        crate::golden::replay("tokio");
    }
}

/// The same scripts on the smol runtime, against the same texts.
#[cfg(test)]
mod smol {
    #[test]
    fn every_exchange_is_the_one_in_its_transcript() {
        crate::golden::replay("smol");
    }
}
