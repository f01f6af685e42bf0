//! Names as traces write them, and the small words that many jobs share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The name of a job or a node, exactly as the trace writes it. Most are plain numbers, which need no heap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A decimal number without sign or leading zero.
    Number(u64),
    /// Anything else.
    Text(Box<str>),
}

impl Default for Name {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl Name {
    /// Reads a name; canonical decimal numbers become [`Name::Number`].
    #[must_use]
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let canonical = !bytes.is_empty()
            && bytes.len() <= 19
            && bytes.iter().all(u8::is_ascii_digit)
            && (bytes[0] != b'0' || bytes.len() == 1);
        match text.parse() {
            Ok(number) if canonical => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }

    /// A 64-bit digest of the name's text, the same for both forms.
    #[must_use]
    pub fn digest(&self) -> u64 {
        match self {
            Self::Text(text) => windtunnel_scheduler::digest::of_name(text),
            Self::Number(number) => {
                let mut digits = [0_u8; 20];
                let mut at = digits.len();
                let mut rest = *number;
                loop {
                    at -= 1;
                    digits[at] = b'0' + (rest % 10) as u8;
                    rest /= 10;
                    if rest == 0 {
                        break;
                    }
                }
                windtunnel_scheduler::digest::of_name(std::str::from_utf8(&digits[at..]).unwrap_or_default())
            }
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A word that many jobs share (a role, a user, a class): an index into [`Labels`]. 0 is the empty word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(pub u16);

/// The words behind labels, in the order of their first use.
#[derive(Clone, Debug)]
pub struct Labels {
    words: Vec<Arc<str>>,
    index: BTreeMap<Arc<str>, Label>,
}

impl Default for Labels {
    fn default() -> Self {
        let mut labels = Self { words: Vec::new(), index: BTreeMap::new() };
        labels.intern("");
        labels
    }
}

impl Labels {
    /// How many different words a run may have; beyond it every further word shares the last label.
    pub const MOST: usize = u16::MAX as usize;

    /// The label of `word`, new or old. Words beyond [`Labels::MOST`] all become `(other)`.
    pub fn intern(&mut self, word: &str) -> Label {
        if let Some(&label) = self.index.get(word) {
            return label;
        }
        let word: Arc<str> = if self.words.len() + 1 >= Self::MOST { "(other)".into() } else { word.into() };
        if let Some(&label) = self.index.get(&word) {
            return label;
        }
        let label = Label(u16::try_from(self.words.len()).unwrap_or(u16::MAX));
        self.words.push(word.clone());
        self.index.insert(word, label);
        label
    }

    /// The word behind a label.
    #[must_use]
    pub fn word(&self, label: Label) -> &str {
        self.words.get(usize::from(label.0)).map_or("", |word| word)
    }

    /// How many words there are, the empty one included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Never true: the empty word is always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}
