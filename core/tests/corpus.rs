//! Replays the fuzz corpus over the laws, so that what a fuzzer once found stays found, with a stable compiler.

use std::path::Path;
use std::{fs, io};

use llm_proxy_core::fuzzing;

/// Runs `law` over each file of `fuzz/corpus/<target>`; if it is broken, the last name that was printed is the culprit.
#[expect(clippy::disallowed_methods, reason = "a test that reads its corpus; the core itself reads no file")]
fn replay(target: &str, law: fn(&[u8])) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut files = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    assert!(files.len() >= 20, "only {} files in {}", files.len(), folder.display());
    for file in files {
        println!("{}", file.display());
        law(&fs::read(&file)?);
    }
    Ok(())
}

#[test]
fn requests_of_the_corpus_keep_the_laws() -> io::Result<()> {
    replay("wire_request", fuzzing::wire_request)
}

#[test]
fn responses_of_the_corpus_keep_the_laws() -> io::Result<()> {
    replay("wire_response", fuzzing::wire_response)
}

#[test]
fn chunked_bodies_of_the_corpus_keep_the_laws() -> io::Result<()> {
    replay("chunked", fuzzing::chunked)
}

#[test]
fn documents_of_the_corpus_keep_the_laws() -> io::Result<()> {
    replay("json_scanner", fuzzing::json_scanner)
}

#[test]
fn exchanges_of_the_corpus_keep_the_laws() -> io::Result<()> {
    replay("exchange", fuzzing::exchange)
}

#[test]
fn paths_of_the_corpus_keep_the_laws() -> io::Result<()> {
    replay("path", fuzzing::path)
}
