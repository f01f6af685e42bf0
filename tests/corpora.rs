//! The corpora of the fuzz targets, replayed: what once killed a reader never does so again.

use std::fs;

use windtunnel_traces::read::{FORMATS, Input, recognise_failures, recognise_input};

use crate::support::source;

#[path = "fuzz/targets.rs"]
mod targets;

/// The inputs of a target, by file name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = source::root().join("tests/fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).expect("every target has a corpus");
    let mut inputs: Vec<(String, Vec<u8>)> = entries
        .flatten()
        .map(|entry| {
            let bytes = fs::read(entry.path()).expect("the corpus can be read");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "the corpus of {target} is empty");
    inputs
}

#[test]
fn no_reader_dies_of_its_corpus() {
    let inputs = corpus("readers");
    for (_, bytes) in &inputs {
        targets::readers(bytes);
    }
    for format in FORMATS {
        let is_its = |(_, bytes): &&(String, Vec<u8>)| {
            let input = Input::bytes("corpus", bytes.as_slice());
            // A table may be one of nodes for one format and a record of failures for another.
            let found = [recognise_input(&input), recognise_failures(&input)];
            found.into_iter().flatten().any(|found| found.name() == format.name())
        };
        assert!(inputs.iter().find(is_its).is_some(), "no input begins like format `{}`; add one", format.name());
    }
}

#[test]
fn no_scenario_of_the_corpus_or_the_library_kills_the_parser() {
    for (_, bytes) in corpus("scenario") {
        targets::scenario(&bytes);
        // Cut anywhere, it is still no reason to die.
        for end in (0..bytes.len()).step_by(7) {
            targets::scenario(&bytes[..end]);
        }
    }
    for source in source::files("scenarios", &[".toml"]) {
        targets::scenario(source.text.as_bytes());
    }
}

#[test]
fn no_log_of_the_corpus_kills_the_core() {
    for (_, bytes) in corpus("protocol") {
        targets::protocol(&bytes);
    }
}
