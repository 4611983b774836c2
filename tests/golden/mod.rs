//! Plays every script against the program and compares what happened with the committed transcript.

mod diff;
mod house;
mod names;
mod scripts;
mod stage;
mod tape;
mod transcript;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use diff::diff;
use house::House;
use stage::Stage;

/// A script: its name, a sentence; and what happens.
type Script = (&'static str, fn(&mut Stage<'_>));

/// The runtime whose transcripts are written when they are renewed. The others are compared with it, always.
const REFERENCE: &str = "tokio";

/// Where the transcripts are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/transcripts")
}

/// The file of a script's transcript: its name, with dashes.
fn file_name(script: &str) -> String {
    let dashed: String = script.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{}.txt", dashed.to_ascii_lowercase())
}

/// Whether transcripts are to be written instead of compared.
fn renewing() -> bool {
    std::env::var_os("LLM_PROXY_RENEW_GOLDEN").is_some_and(|value| value == "1")
}

/// Removes the transcripts of scripts that are no more.
fn remove_left_over() {
    let names: BTreeSet<String> = scripts::all().map(|(name, _)| file_name(name)).collect();
    for name in transcripts().difference(&names) {
        fs::remove_file(folder().join(name)).unwrap();
    }
}

/// The names of all transcripts.
fn transcripts() -> BTreeSet<String> {
    fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

/// Plays all scripts on a runtime, one after another before one program.
///
/// # Panics
/// If a transcript differs; all differences are printed.
pub(crate) fn replay(runtime: &'static str) {
    let renew = runtime == REFERENCE && renewing();
    if renew {
        remove_left_over();
    }
    let house = House::start(runtime);
    let mut differing = Vec::new();
    for (name, play) in scripts::all() {
        let mut stage = Stage::new(&house, name);
        play(&mut stage);
        let played = stage.finish();
        let file = folder().join(file_name(name));
        let golden = fs::read_to_string(&file).unwrap_or_default();
        if played == golden {
            continue;
        }
        if renew {
            fs::write(&file, played).unwrap();
        } else {
            eprintln!("--- {}\n+++ on {runtime}\n{}", file.display(), diff(&golden, &played));
            differing.push(name);
        }
    }
    assert!(differing.is_empty(), "{} transcripts differ on {runtime}: {differing:#?}", differing.len());
}

#[test]
fn each_script_has_one_transcript_and_each_transcript_its_script() {
    let names: Vec<String> = scripts::all().map(|(name, _)| file_name(name)).collect();
    let scripts: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(names.len(), scripts.len(), "two scripts have one name");
    // The files may be written just now.
    if !renewing() {
        assert_eq!(scripts, transcripts());
    }
}
