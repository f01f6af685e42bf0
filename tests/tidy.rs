//! The style of the house as a test: what a machine can see of it. Each rule names its remedy.

use crate::support::source::{self, Source, Token};

const COLUMNS: usize = 120;
const LINES_OF_A_FILE: usize = 800;
const LINES_OF_A_FUNCTION: usize = 70;

/// Words that no identifier is made of, and what to do instead.
const WORDS: &[(&str, &str)] = &[
    ("manager", "name what it does: a ledger, an agenda, a queue"),
    ("helper", "name what it does, and put it beside what it serves"),
    ("helpers", "name what they do, and put them beside what they serve"),
    ("util", "name what it does, and put it beside what it serves"),
    ("utils", "name what they do, and put them beside what they serve"),
];

/// Code that is not written, token by token, and what to do instead.
const CODE: &[(&[&str], &str)] = &[
    (&["todo", "!"], "write it, or leave it out and say so in the README"),
    (&["unimplemented", "!"], "write it, or leave it out and say so in the README"),
    (&["dbg", "!"], "remove it"),
    (&["#", "[", "allow"], "use `#[expect(.., reason = \"..\")]`, which complains once it is not needed any more"),
    (
        &["#", "!", "[", "allow"],
        "use `#![expect(.., reason = \"..\")]`, which complains once it is not needed any more",
    ),
    (&["#", "[", "ignore"], "a test that does not run is no test: run it, or remove it"),
];

/// Paths that are not written, and what to do instead.
const PATHS: &[(&str, &str)] = &[
    ("std::collections::HashMap", "use a BTreeMap: the order of hashes must never reach a result"),
    ("std::collections::HashSet", "use a BTreeSet: the order of hashes must never reach a result"),
    ("std::collections::hash_map", "use a BTreeMap: the order of hashes must never reach a result"),
    ("std::collections::hash_set", "use a BTreeSet: the order of hashes must never reach a result"),
    ("hashbrown::HashMap", "use a BTreeMap, or a hashbrown::HashTable with a fixed hash that is only looked up"),
    ("hashbrown::HashSet", "use a BTreeSet, or a hashbrown::HashTable with a fixed hash that is only looked up"),
];

/// Text that stands in no file: a place that only one machine has. The second says whether tests may name it.
const PLACES: &[(&str, bool)] =
    &[("/work/", false), ("/home/", false), ("/root/", false), ("/Users/", false), ("/tmp/", true)];

/// Marks of what is not finished.
const MARKS: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// This file has to write what others may not.
const THIS: &str = "tests/tidy.rs";

/// What is wrong with a line, and what to do.
type Complaint = (usize, String);

fn check(complain: impl Fn(&Source) -> Vec<Complaint>, sources: &[Source]) {
    assert!(!sources.is_empty(), "nothing was read: the walk over the files is broken");
    let found: Vec<String> = sources
        .iter()
        .flat_map(|source| {
            complain(source).into_iter().map(move |(line, what)| format!("{}:{line}: {what}", source.path))
        })
        .collect();
    assert!(found.is_empty(), "{} to mend:\n{}\n", found.len(), found.join("\n"));
}

fn rust() -> Vec<Source> {
    source::files("", &[".rs"])
}

fn all_text() -> Vec<Source> {
    let ends = [".rs", ".toml", ".md", ".yml", ".yaml", ".json", ".html", ".css", ".js", ".sh", "run"];
    source::files("", &ends).into_iter().filter(|source| source.path != THIS).collect()
}

fn long_lines(source: &Source) -> Vec<Complaint> {
    let lengths = source.text.lines().enumerate().map(|(at, line)| (at + 1, line.chars().count()));
    lengths
        .filter(|&(_, columns)| columns > COLUMNS)
        .map(|(line, columns)| (line, format!("{columns} columns; break it before {COLUMNS}")))
        .collect()
}

fn long_files(source: &Source) -> Vec<Complaint> {
    let lines = source.text.lines().count();
    if lines <= LINES_OF_A_FILE {
        return Vec::new();
    }
    vec![(lines, format!("{lines} lines, {LINES_OF_A_FILE} is the most; find the second idea and give it a file"))]
}

fn long_functions(source: &Source) -> Vec<Complaint> {
    let code = source.code();
    let functions = source::functions(&source::tokens(&code));
    let long = functions.into_iter().filter(|function| function.lines > LINES_OF_A_FUNCTION);
    long.map(|function| {
        let (name, lines) = (function.name, function.lines);
        (function.line, format!("`{name}` has {lines} lines, {LINES_OF_A_FUNCTION} is the most; name its parts"))
    })
    .collect()
}

fn stray_blanks(source: &Source) -> Vec<Complaint> {
    let mut found = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        if line.contains('\t') {
            found.push((at + 1, "a tab; indent by blanks, write `\\t` in strings".to_owned()));
        }
        if line.ends_with([' ', '\t', '\r']) {
            found.push((at + 1, "blanks at the end of the line; remove them".to_owned()));
        }
    }
    let lines = source.text.lines().count();
    if !source.text.is_empty() && (!source.text.ends_with('\n') || source.text.ends_with("\n\n")) {
        found.push((lines, "the file must end with one line end".to_owned()));
    }
    found
}

fn banned_words(source: &Source) -> Vec<Complaint> {
    let code = source.code();
    let tokens = source::tokens(&code);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.is_word()) {
        for word in source::words(token.text) {
            if let Some((_, instead)) = WORDS.iter().find(|(banned, _)| *banned == word) {
                found.push((token.line, format!("`{}` says nothing; {instead}", token.text)));
            }
        }
        if at > 0 && tokens[at - 1].text == "fn" && token.text.starts_with("get_") {
            found.push((token.line, format!("`{}`: a function that returns x is called x", token.text)));
        }
    }
    found
}

fn banned_code(source: &Source) -> Vec<Complaint> {
    let code = source.code();
    let tokens = source::tokens(&code);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        for (banned, instead) in CODE {
            if source::is_at(&tokens, at, banned) {
                found.push((token.line, format!("`{}`: {instead}", banned.concat())));
            }
        }
    }
    found.extend(banned_paths(&tokens));
    found
}

fn banned_paths(tokens: &[Token<'_>]) -> Vec<Complaint> {
    let is_below = |path: &str, banned: &str| {
        path.strip_prefix(banned).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let mut found = Vec::new();
    for (line, path) in source::paths(tokens) {
        if let Some((_, instead)) = PATHS.iter().find(|(banned, _)| is_below(&path, banned)) {
            found.push((line, format!("`{path}`: {instead}")));
        }
    }
    found
}

fn places(source: &Source) -> Vec<Complaint> {
    let mut found = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for &(place, is_free_to_tests) in PLACES {
            if line.contains(place) && !(is_free_to_tests && source.is_test()) {
                found
                    .push((at + 1, format!("`{place}` is a place of one machine; name it relative to the repository")));
            }
        }
    }
    found
}

fn marks(source: &Source) -> Vec<Complaint> {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut found = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for word in line.split(|letter| !is_word(letter)).filter(|word| MARKS.contains(word)) {
            found.push((at + 1, format!("{word}: do it, or say in the README what is not there yet")));
        }
    }
    found
}

/// The opening of a crate says what it knows and what it must not.
fn opening(source: &Source) -> Vec<Complaint> {
    let docs: Vec<&str> = source.text.lines().map_while(|line| line.strip_prefix("//!")).collect();
    if docs.first().is_none_or(|first| first.trim().is_empty()) {
        return vec![(1, "open the crate with `//!`: what it is, what it knows and what it must not know".to_owned())];
    }
    let docs = docs.join(" ").to_lowercase();
    if docs.contains("must not") || docs.contains("absent on purpose") {
        return Vec::new();
    }
    vec![(1, "say what the crate must not know (`Must not ..`, or `Absent on purpose: ..`)".to_owned())]
}

fn no_first_comment(source: &Source) -> Vec<Complaint> {
    if source.text.starts_with('#') {
        return Vec::new();
    }
    vec![(1, "begin with a comment: what the experiment shows, or where the numbers come from".to_owned())]
}

#[test]
fn lines_are_short() {
    check(long_lines, &rust());
}

#[test]
fn files_are_short() {
    check(long_files, &rust());
}

#[test]
fn functions_are_short() {
    check(long_functions, &rust());
}

#[test]
fn no_tabs_and_no_stray_blanks() {
    check(stray_blanks, &all_text());
    check(stray_blanks, &[Source::new(THIS, include_str!("tidy.rs"))]);
}

#[test]
fn names_say_what_a_thing_is() {
    check(banned_words, &rust());
}

#[test]
fn nothing_banned_is_called() {
    check(banned_code, &rust());
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    check(places, &all_text());
}

#[test]
fn nothing_is_marked_as_unfinished() {
    check(marks, &all_text());
}

#[test]
fn every_crate_says_what_it_must_not_know() {
    let openings: Vec<Source> = rust().into_iter().filter(|source| source.path.ends_with("/src/lib.rs")).collect();
    assert!(openings.len() >= 6, "found only {} crates", openings.len());
    check(opening, &openings);
}

#[test]
fn every_file_of_the_library_begins_with_a_comment() {
    check(no_first_comment, &source::files("scenarios", &[".toml"]));
}

mod planted {
    //! Every rule finds what it looks for, and nothing in what only looks like it.

    use super::*;

    fn lines(complain: impl Fn(&Source) -> Vec<Complaint>, text: &str) -> Vec<usize> {
        complain(&Source::new("sim/src/planted.rs", text)).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn lengths() {
        let (fits, long) = ("é".repeat(COLUMNS), "é".repeat(COLUMNS + 1));
        assert_eq!(lines(long_lines, &format!("{fits}\n{long}\n")), [2]);
        assert_eq!(lines(long_files, &"\n".repeat(LINES_OF_A_FILE)), [0; 0]);
        assert_eq!(lines(long_files, &"\n".repeat(LINES_OF_A_FILE + 1)), [LINES_OF_A_FILE + 1]);
        let function = |inside: usize| format!("\nfn f(x: [u8; 2]) {{\n{}}}\n", "    \"}\"; // }\n".repeat(inside));
        assert_eq!(lines(long_functions, &function(LINES_OF_A_FUNCTION - 2)), [0; 0]);
        assert_eq!(lines(long_functions, &function(LINES_OF_A_FUNCTION - 1)), [2]);
    }

    #[test]
    fn blanks() {
        assert_eq!(lines(stray_blanks, "a\n\tb\nc \nd"), [2, 3, 4]);
        assert_eq!(lines(stray_blanks, "a\n\n"), [2]);
        assert_eq!(lines(stray_blanks, "a\n\nb\n"), [0; 0]);
    }

    #[test]
    fn words_and_code() {
        let names =
            "struct NodeManager;\nfn get_x() {}\nmod utils;\nfn utilization() {}\n// a Helper\nlet target = 1;\n";
        assert_eq!(lines(banned_words, names), [1, 2, 3]);
        let code = "todo!()\n\"todo!()\"\n#[allow(x)]\n#![allow(x)]\n// dbg!(1)\n#[expect(x)]\n#[ignore = \"slow\"]\n";
        assert_eq!(lines(banned_code, code), [1, 3, 4, 7]);
        let paths =
            "use std::collections::{BTreeMap, HashMap as Map};\nuse hashbrown::HashTable;\nhashbrown::HashSet::new()\n";
        assert_eq!(lines(banned_code, paths), [1, 3]);
    }

    #[test]
    fn texts() {
        assert_eq!(lines(places, "// see /home/me\nlet x = \"/tmp/y\";\nhttps://a.org/work\n"), [1, 2]);
        assert!(places(&Source::new("tests/cli.rs", "\"/tmp/y\"")).is_empty());
        assert_eq!(lines(marks, "// TODO: more\nlet todos = 1;\n"), [1]);
        assert_eq!(lines(opening, "pub mod x;\n"), [1]);
        assert_eq!(lines(opening, "//! Knows much.\n"), [1]);
        assert_eq!(lines(opening, "//! Knows much.\n//! Must not know more.\n"), [0; 0]);
        assert_eq!(lines(no_first_comment, "name = \"x\"\n"), [1]);
        assert_eq!(lines(no_first_comment, "# x\n"), [0; 0]);
    }
}
