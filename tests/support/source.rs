//! The sources of the workspace as the tests of layering and tidiness read them: as text, and as code without its
//! comments and strings.
//!
//! Not a parser of Rust: it knows tokens, braces, `fn`, `use` and `#[cfg(test)]`, which is all that the rules ask
//! about.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing written by hand.
const NOT_OURS: &[&str] = &["target", "runs", ".git"];

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file below the root.
#[derive(Debug)]
pub struct Source {
    /// Relative to the root, with forward slashes.
    pub path: String,
    /// As it was read.
    pub text: String,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`, from 1.
    pub line: usize,
    /// From that line to the one of its closing brace.
    pub lines: usize,
}

/// A word, a number, `::` or one character of code.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// From 1.
    pub line: usize,
    /// What is written.
    pub text: &'a str,
}

impl Token<'_> {
    /// Whether it is an identifier or a keyword.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
    }
}

impl Source {
    /// A file that need not exist.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether all of it is compiled for tests and measurements only.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "examples"))
    }

    /// The text with comments and the insides of strings blanked; lines stay where they are.
    pub fn code(&self) -> String {
        blank(&self.text)
    }
}

/// Every file below `folder` (relative to the root) whose name ends like one of `ends`, by path.
pub fn files(folder: &str, ends: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root().join(folder), ends, &mut found);
    found.sort_by(|one: &Source, other| one.path.cmp(&other.path));
    found
}

fn walk(folder: &Path, ends: &[&str], found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                walk(&path, ends, found);
            }
        } else if ends.iter().any(|end| name.ends_with(end)) {
            // Others may be writing while this reads; a file that is gone has nothing untidy in it.
            if let Ok(text) = fs::read_to_string(&path) {
                let relative = path.strip_prefix(root()).unwrap_or(&path);
                let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
                found.push(Source { path: parts.join("/"), text });
            }
        }
    }
}

/// Replaces comments, and what stands in strings and character literals, by spaces.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => {
                at + bytes[at..].iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len() - at)
            }
            b'/' if bytes[at..].starts_with(b"/*") => end_of_block_comment(bytes, at),
            b'"' => end_of_string(bytes, at),
            b'r' if !is_inside_word(bytes, at) => end_of_raw_string(bytes, at).unwrap_or(at),
            b'\'' => end_of_character(text, at).unwrap_or(at),
            _ => at,
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    // Only whole comments and literals were replaced, so no character was cut.
    String::from_utf8(code).expect("blanked text is still text")
}

fn end_of_block_comment(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if bytes[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The `r` of `r"`, `br"` or `cr"` begins a literal, the one at the end of `for` does not.
fn is_inside_word(bytes: &[u8], at: usize) -> bool {
    let is_letter = |back: usize| {
        at.checked_sub(back).is_some_and(|before| bytes[before].is_ascii_alphanumeric() || bytes[before] == b'_')
    };
    is_letter(1) && (!matches!(bytes[at - 1], b'b' | b'c') || is_letter(2))
}

fn end_of_raw_string(bytes: &[u8], start: usize) -> Option<usize> {
    let hashes = bytes[start + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let open = start + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let length = bytes[open + 1..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(bytes.len(), |length| open + 1 + length + close.len()))
}

/// The end of a character literal; none for a lifetime.
fn end_of_character(text: &str, start: usize) -> Option<usize> {
    let mut letters = text[start + 1..].char_indices();
    let (_, first) = letters.next()?;
    if first == '\\' {
        // What is escaped may itself be a quote.
        letters.next()?;
        return letters.find(|&(_, letter)| letter == '\'').map(|(at, _)| start + 1 + at + 1);
    }
    let (at, second) = letters.next()?;
    (second == '\'').then_some(start + 1 + at + 1)
}

/// The tokens of blanked code.
pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut found = Vec::new();
    for (index, whole) in code.lines().enumerate() {
        let mut rest = whole.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_letter(first) {
                rest.find(|letter| !is_letter(letter)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            found.push(Token { line: index + 1, text: &rest[..length] });
            rest = rest[length..].trim_start();
        }
    }
    found
}

/// Past the bracket that closes the one at `open`.
fn past_bracket(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Past the item that begins at `start`: its `;`, or the brace that closes its body.
fn past_item(tokens: &[Token<'_>], start: usize) -> usize {
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return at + 1,
            "{" => return past_bracket(tokens, at),
            "(" | "[" => at = past_bracket(tokens, at),
            _ => at += 1,
        }
    }
    tokens.len()
}

/// The tokens without the items that are compiled for tests only.
pub fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if is_at(tokens, at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            at += 7;
            while is_at(tokens, at, &["#", "["]) {
                at = past_bracket(tokens, at + 1);
            }
            at = past_item(tokens, at);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// Whether the tokens from `at` read like `wanted`.
pub fn is_at(tokens: &[Token<'_>], at: usize, wanted: &[&str]) -> bool {
    tokens
        .get(at..at + wanted.len())
        .is_some_and(|found| found.iter().map(|token| token.text).eq(wanted.iter().copied()))
}

/// Every function with a body.
pub fn functions(tokens: &[Token<'_>]) -> Vec<Function> {
    let mut found = Vec::new();
    for at in 0..tokens.len().saturating_sub(1) {
        let name = tokens[at + 1];
        if tokens[at].text == "fn" && name.is_word() {
            let last = past_item(tokens, at) - 1;
            if tokens[last].text == "}" {
                let (from, to) = (tokens[at].line, tokens[last].line);
                found.push(Function { name: name.text.to_owned(), line: from, lines: to - from + 1 });
            }
        }
    }
    found
}

/// Every path that is written out, with its line: those of `use` unfolded, however short, the others from two segments
/// on.
pub fn paths(tokens: &[Token<'_>]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_at(tokens, at, &["extern", "crate"]) {
            at = unfold(tokens, at + 2, "", &mut found);
        } else if tokens[at].text == "use" {
            at = unfold(tokens, at + 1, "", &mut found);
        } else if tokens[at].is_word() && tokens.get(at + 1).is_some_and(|next| next.text == "::") {
            at = unfold(tokens, at, "", &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads a path, or a tree of them, from `at`; returns where it ends.
fn unfold(tokens: &[Token<'_>], mut at: usize, before: &str, found: &mut Vec<(usize, String)>) -> usize {
    let mut path = before.to_owned();
    let line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        if token.text == "{" && (path.is_empty() || path.ends_with("::")) {
            at += 1;
            while tokens.get(at).is_some_and(|token| token.text != "}") {
                let next = unfold(tokens, at, &path, found);
                at = if is_at(tokens, next, &[","]) { next + 1 } else { next.max(at + 1) };
            }
            return at + 1;
        }
        let is_glob = token.text == "*" && path.ends_with("::");
        if !token.is_word() && token.text != "::" && !is_glob {
            break;
        }
        if token.is_word() && !path.is_empty() && !path.ends_with("::") {
            // A word after a whole path: `as`, or the next word of an expression.
            if token.text == "as" {
                at += 2;
            }
            break;
        }
        path.push_str(token.text);
        at += 1;
    }
    let path = path.trim_start_matches("::").trim_end_matches("::self").trim_end_matches("::");
    if !path.is_empty() {
        found.push((line, path.to_owned()));
    }
    at
}

/// Whether `path` is `outer`, lies in it, or (like `std` for `std::fs`) brings all of it in.
pub fn reaches(path: &str, outer: &str) -> bool {
    let is_within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    is_within(path, outer) || is_within(outer, path.trim_end_matches("::*"))
}

/// The words of an identifier, in lower case: `BestFit` and `best_fit` are `best` and `fit`.
pub fn words(identifier: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut was_lower = false;
    for letter in identifier.chars() {
        if letter == '_' || (letter.is_uppercase() && was_lower) {
            found.push(String::new());
        }
        was_lower = letter.is_lowercase() || letter.is_numeric();
        if letter != '_'
            && let Some(word) = found.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let text = "a /* { /* } */ */ b\n// fn\n\"fn \\\" {\nfn\" c r#\"\"fn\"# 'x' '\\'' '{' &'a str br\"\\\" for\n";
        let code = blank(text);
        assert_eq!(code.len(), text.len());
        let kept: Vec<(usize, &str)> = tokens(&code).iter().map(|token| (token.line, token.text)).collect();
        let rest = [(4, "c"), (4, "&"), (4, "'"), (4, "a"), (4, "str"), (4, "b"), (4, "for")];
        assert_eq!(kept[..2], [(1, "a"), (1, "b")]);
        assert_eq!(kept[2..], rest);
    }

    #[test]
    fn functions_end_at_their_own_brace() {
        let code = "trait T { fn a(&self) -> [u8; 2]; fn b() where X: Y {\n if x { y }\n }\n}\nlet f: fn(u8) = g;\n";
        let function = Function { name: "b".to_owned(), line: 1, lines: 3 };
        assert_eq!(functions(&tokens(code)), [function]);
    }

    #[test]
    fn paths_are_unfolded() {
        let of = |code: &str| paths(&tokens(code)).into_iter().map(|(_, path)| path).collect::<Vec<_>>();
        assert_eq!(
            of("use std::{self, fs::{self, File as F}, io::*, net};"),
            ["std", "std::fs", "std::fs::File", "std::io::*", "std::net"]
        );
        assert_eq!(
            of("use ::std as s; extern crate core; x * a::b * ::c::d::<u8>(e) {}"),
            ["std", "core", "a::b", "c::d"]
        );
        assert!(reaches("std::fs::File", "std::fs") && reaches("std", "std::fs") && reaches("std::*", "std::fs"));
        assert!(!reaches("std::fsx", "std::fs") && !reaches("std::io::*", "std::fs"));
    }

    #[test]
    fn what_is_compiled_for_tests_only_is_left_out() {
        let code = "a #[cfg(test)] #[x(y)] mod tests { { b } } c #[cfg(test)] mod t; d #[cfg(unix)] mod e { }";
        let kept: String = without_tests(&tokens(code)).iter().map(|token| token.text).collect();
        assert_eq!(kept, "acd#[cfg(unix)]mode{}");
    }

    #[test]
    fn identifiers_fall_into_words() {
        assert_eq!(words("NodeManager_of_x2"), ["node", "manager", "of", "x2"]);
        assert_eq!(words("MAX_UTIL"), ["max", "util"]);
        assert_eq!(words("utilization"), ["utilization"]);
    }
}
