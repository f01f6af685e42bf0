//! What went wrong, as a user reads it: one sentence in lower case that ends with the fix, then hints.

use std::fmt::Write as _;

use windtunnel_outcome::RecordError;
use windtunnel_traces::model::SourceError;

/// Why a command could not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Something the user can mend.
    #[error("{message}")]
    Input {
        /// The sentence: lower case, names file, line and column or key, ends with the fix.
        message: String,
        /// What else may help, a line each.
        hints: Vec<String>,
    },
    /// Ctrl-C.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

impl Failure {
    /// A sentence without hints.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self::Input { message: message.into(), hints: Vec::new() }
    }

    /// The same with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Input { hints, .. } = &mut self {
            hints.push(hint.into());
        }
        self
    }

    /// The same with `place` (a file, or a file and a key) in front of the sentence.
    #[must_use]
    pub fn within(self, place: &str) -> Self {
        match self {
            Self::Input { message, hints } => Self::Input { message: format!("{place}: {message}"), hints },
            Self::Interrupted => self,
        }
    }

    /// What the process ends with.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Input { .. } => 2,
            Self::Interrupted => 130,
        }
    }

    /// The whole text for stderr: the sentence, a blank line, the hints; ends with a newline.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("error: {self}\n");
        if let Self::Input { hints, .. } = self
            && !hints.is_empty()
        {
            text.push('\n');
            for hint in hints {
                // Writing into a String cannot fail.
                let _ = writeln!(text, "hint: {hint}");
            }
        }
        text
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Input { message: error.message, hints: error.hints }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        Self::Input { message: error.message, hints: error.hints }
    }
}

/// The candidate most like `word`, if any is like it at all.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let likeness = strsim::jaro_winkler(word, candidate);
        // Strictly greater: the first listed wins a tie.
        if likeness > 0.7 && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// `a, b or c`, each in backticks.
#[must_use]
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => String::from("none"),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_follow_the_sentence_after_a_blank_line() {
        let failure = Failure::new("no such file").within("a.toml").hint("look elsewhere").hint("or ask");
        assert_eq!(failure.render(), "error: a.toml: no such file\n\nhint: look elsewhere\nhint: or ask\n");
        assert_eq!(Failure::new("bad").render(), "error: bad\n");
        assert_eq!(Failure::new("bad").exit_code(), 2);
        assert_eq!(Failure::Interrupted.exit_code(), 130);
    }

    #[test]
    fn nearest_ignores_what_is_not_alike() {
        assert_eq!(nearest("memroy", ["cpu", "memory", "disk"]), Some("memory"));
        assert_eq!(nearest("xyz", ["cpu", "memory", "disk"]), None);
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(listed(["a"]), "`a`");
    }
}
