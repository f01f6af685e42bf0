//! What a reader says when a row is not what it should be, and how it counts what it leaves out or changes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::{Note, SourceError};

/// How many lines a note remembers.
const MOST_LINES: usize = 10;
/// How many characters of a bad value are shown.
const MOST_SHOWN: usize = 60;

/// Where a reader stands: a file and a line of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The file as the user named it.
    pub file: &'a str,
    /// 1-based.
    pub line: u64,
}

/// A value that cannot be used; [`Bad::at`] makes the sentence.
#[derive(Clone, Debug)]
pub(crate) struct Bad {
    column: Cow<'static, str>,
    found: String,
    expected: Cow<'static, str>,
}

impl Bad {
    /// `expected` follows the words "expected", for example `a whole number of seconds`.
    pub fn new(column: impl Into<Cow<'static, str>>, found: &[u8], expected: impl Into<Cow<'static, str>>) -> Self {
        Self { column: column.into(), found: shown(found), expected: expected.into() }
    }

    /// The sentence for the user.
    pub fn at(&self, place: Place<'_>) -> SourceError {
        let Place { file, line } = place;
        let Self { column, found, expected } = self;
        SourceError {
            message: format!(
                "{file} line {line}, {column}: found {found}, expected {expected}; correct the row or leave it out"
            ),
            hints: vec!["`--on-bad-row skip` leaves such rows out and counts them".into()],
        }
    }
}

impl Bad {
    /// The sentence for a row of a fleet: none is ever left out, since a fleet without a machine is another fleet.
    pub fn in_fleet(&self, place: Place<'_>) -> SourceError {
        let Place { file, line } = place;
        let Self { column, found, expected } = self;
        failure(format!("{file} line {line}, {column}: found {found}, expected {expected}; correct the row"), &[])
    }
}

/// Why a row could not be had.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The row is bad; the next may be good.
    Bad(Bad),
    /// The stream cannot go on.
    Stop(SourceError),
}

impl From<Bad> for Trouble {
    fn from(bad: Bad) -> Self {
        Self::Bad(bad)
    }
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Self::Stop(error)
    }
}

/// A text as it may be shown on one line: quoted, control characters escaped, cut when long.
pub(crate) fn shown(text: &[u8]) -> String {
    if text.is_empty() {
        return "nothing".into();
    }
    let text = String::from_utf8_lossy(text);
    let mut quoted = String::from("`");
    for (at, character) in text.chars().enumerate() {
        if at == MOST_SHOWN {
            quoted.push_str("...");
            break;
        }
        if character.is_control() {
            let _ = write!(quoted, "{}", character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted.push('`');
    quoted
}

/// An error without a row.
pub(crate) fn failure(message: impl Into<String>, hints: &[&str]) -> SourceError {
    SourceError { message: message.into(), hints: hints.iter().map(|&hint| hint.to_string()).collect() }
}

/// The known word nearest to `word`, if one is near at all.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|one| (strsim::jaro_winkler(word, one), one))
        .filter(|(likeness, _)| *likeness > 0.7)
        .fold(None, |best: Option<(f64, &str)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        })
        .map(|(_, one)| one)
}

/// Counts by reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, Note>);

impl Tally {
    /// A row at `line` was left out.
    pub fn skip(&mut self, reason: &'static str, line: u64) {
        self.add(reason, line, 1, true);
    }

    /// A row at `line` was changed, or something about it is worth knowing.
    pub fn note(&mut self, reason: &'static str, line: u64) {
        self.add(reason, line, 1, false);
    }

    /// The same for `count` things at once; line 0 is no line.
    pub fn add(&mut self, reason: &'static str, line: u64, count: u64, skipped: bool) {
        let note = self.0.entry(reason).or_insert_with(|| Note {
            reason: reason.into(),
            skipped,
            count: 0,
            lines: Vec::new(),
        });
        note.count += count;
        if line > 0 && note.lines.len() < MOST_LINES {
            note.lines.push(line);
        }
    }

    /// Everything counted, by reason.
    pub fn notes(&self) -> Vec<Note> {
        self.0.values().cloned().collect()
    }

    /// What was left out, in words, for example `12 run_unknown, 3 no_processors`.
    pub fn skipped_in_words(&self) -> String {
        let words: Vec<String> =
            self.0.values().filter(|note| note.skipped).map(|note| format!("{} {}", note.count, note.reason)).collect();
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_on_one_line_and_cut() {
        assert_eq!(shown(b""), "nothing");
        assert_eq!(shown(b"a\nb"), "`a\\nb`");
        let long = shown(&[b'x'; 500]);
        assert!(long.len() < 80 && long.ends_with("...`"), "{long}");
        assert!(shown(&[0xff, b'a']).contains('a'));
    }

    #[test]
    fn the_sentence_names_file_line_column_text_and_what_was_expected() {
        let error = Bad::new("column `run_us`", b"abc", "a whole number").at(Place { file: "a.csv", line: 7 });
        for part in ["a.csv line 7", "`run_us`", "`abc`", "a whole number"] {
            assert!(error.message.contains(part), "{error}");
        }
        assert_eq!(error.hints.len(), 1);
    }

    #[test]
    fn the_nearest_word_is_found_and_ties_go_to_the_first() {
        assert_eq!(nearest("sumbit_us", ["run_us", "submit_us", "start_us"]), Some("submit_us"));
        assert_eq!(nearest("zzz", ["run_us"]), None);
        assert_eq!(nearest("ab", ["abx", "aby"]), Some("abx"));
    }

    #[test]
    fn a_tally_counts_all_and_remembers_ten_lines() {
        let mut tally = Tally::default();
        for line in 1..=25 {
            tally.skip("bad_row", line);
        }
        tally.note("clipped", 3);
        let notes = tally.notes();
        assert_eq!(notes[0].count, 25);
        assert_eq!(notes[0].lines, (1..=10).collect::<Vec<u64>>());
        assert!(!notes[1].skipped);
        assert_eq!(tally.skipped_in_words(), "25 bad_row");
    }
}
