//! Text out of a small vocabulary: indices into a dictionary that each row group carries.

use hashbrown::HashTable;
use windtunnel_scheduler::draw::mix;

use super::column::{Filling, Kind, Page, Presence};
use super::pack::indices;

/// Words beyond which a vocabulary is begun anew with the next row group, so that memory stays bounded.
const VOCABULARY_MAX: usize = 1 << 18;

/// A word that fits into two registers: most names of nodes, classes and teams do. Comparing one touches no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Short {
    low: u64,
    high: u64,
    length: u8,
}

impl Short {
    /// None if `word` is too long. First and last bytes overlap where it is shorter than both; its length tells how.
    #[inline]
    fn of(word: &[u8]) -> Option<Self> {
        let length = word.len();
        let (low, high) = match length {
            8..=16 => {
                let (first, last) = (word.first_chunk::<8>()?, word.last_chunk::<8>()?);
                (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
            }
            4..=7 => {
                let (first, last) = (word.first_chunk::<4>()?, word.last_chunk::<4>()?);
                (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
            }
            0..=3 => {
                let byte = |at: usize| word.get(at).copied().map_or(0, u64::from);
                (byte(0) | byte(1) << 8 | byte(2) << 16, 0)
            }
            _ => return None,
        };
        Some(Self { low, high, length: length as u8 })
    }

    #[inline]
    fn hash(&self) -> u64 {
        mix(self.low.wrapping_mul(0x517c_c1b7_2722_0a95) ^ self.high.rotate_left(29) ^ u64::from(self.length))
    }
}

/// A known word: its number, and its index in the dictionary of the row group that `stamp` tells.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    id: u32,
    stamp: u32,
    index: u32,
}

/// Words.
pub struct WordColumn {
    short: HashTable<(Short, Known)>,
    long: HashTable<Known>,
    /// The text of every known word, by its number.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The row group.
    stamp: u32,
    /// Words of the dictionary of this row group, in the order of first use.
    dictionary: Vec<u32>,
    indices: Vec<u32>,
    /// Neighbouring rows often bear the same word.
    last: Option<(Short, u32)>,
    presence: Presence,
}

impl WordColumn {
    fn new(optional: bool) -> Self {
        Self {
            short: HashTable::new(),
            long: HashTable::new(),
            bytes: Vec::new(),
            ends: Vec::new(),
            stamp: 1,
            dictionary: Vec::new(),
            indices: Vec::new(),
            last: None,
            presence: Presence::new(optional),
        }
    }

    /// A column in which every row has a word.
    #[must_use]
    pub fn required() -> Self {
        Self::new(false)
    }

    /// A column in which words may be missing.
    #[must_use]
    pub fn optional() -> Self {
        Self::new(true)
    }

    /// The next row's word.
    #[inline]
    pub fn push(&mut self, word: &str) {
        self.presence.push(true);
        let index = match Short::of(word.as_bytes()) {
            Some(short) => match self.last {
                Some((last, index)) if last == short => index,
                _ => {
                    let index = self.index_of_short(short, word.as_bytes());
                    self.last = Some((short, index));
                    index
                }
            },
            None => self.index_of_long(word.as_bytes()),
        };
        self.indices.push(index);
    }

    /// The next row's word, if it has one. In a column that requires one, none is the empty word.
    #[inline]
    pub fn push_option(&mut self, word: Option<&str>) {
        match word {
            Some(word) => self.push(word),
            None if self.presence.is_optional() => self.presence.push(false),
            None => self.push(""),
        }
    }

    fn index_of_short(&mut self, short: Short, word: &[u8]) -> u32 {
        let hash = short.hash();
        if let Some((_, known)) = self.short.find_mut(hash, |(one, _)| *one == short) {
            return index_in_group(known, self.stamp, &mut self.dictionary);
        }
        let mut known = Known { id: learn(&mut self.bytes, &mut self.ends, word), ..Known::default() };
        let index = index_in_group(&mut known, self.stamp, &mut self.dictionary);
        self.short.insert_unique(hash, (short, known), |(one, _)| one.hash());
        index
    }

    fn index_of_long(&mut self, word: &[u8]) -> u32 {
        let hash = hash_of(word);
        let Self { bytes, ends, .. } = self;
        if let Some(known) = self.long.find_mut(hash, |known| word_at(bytes, ends, known.id) == word) {
            return index_in_group(known, self.stamp, &mut self.dictionary);
        }
        let mut known = Known { id: learn(bytes, ends, word), ..Known::default() };
        let index = index_in_group(&mut known, self.stamp, &mut self.dictionary);
        self.long.insert_unique(hash, known, |known| hash_of(word_at(bytes, ends, known.id)));
        index
    }
}

#[inline]
fn index_in_group(known: &mut Known, stamp: u32, dictionary: &mut Vec<u32>) -> u32 {
    if known.stamp != stamp {
        known.stamp = stamp;
        known.index = dictionary.len() as u32;
        dictionary.push(known.id);
    }
    known.index
}

fn learn(bytes: &mut Vec<u8>, ends: &mut Vec<usize>, word: &[u8]) -> u32 {
    bytes.extend_from_slice(word);
    ends.push(bytes.len());
    ends.len() as u32 - 1
}

fn word_at<'a>(bytes: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &bytes[start..ends[id]]
}

/// A fixed hash: only its speed matters, since a dictionary is ordered by first use.
fn hash_of(word: &[u8]) -> u64 {
    let mut hash = word.len() as u64;
    for chunk in word.chunks(8) {
        let mut padded = [0; 8];
        padded[..chunk.len()].copy_from_slice(chunk);
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(padded)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    mix(hash)
}

impl Filling for WordColumn {
    fn kind(&self) -> Kind {
        Kind::Word
    }

    fn optional(&self) -> bool {
        self.presence.is_optional()
    }

    fn finish(&mut self, page: &mut Page) {
        self.presence.finish(page, self.indices.len() as u64);
        for &id in &self.dictionary {
            let word = word_at(&self.bytes, &self.ends, id);
            page.dictionary.extend_from_slice(&(word.len() as u32).to_le_bytes());
            page.dictionary.extend_from_slice(word);
        }
        page.words = self.dictionary.len();
        indices(&mut page.body, &self.indices, self.dictionary.len());
        self.indices.clear();
        self.dictionary.clear();
        self.last = None;
        self.stamp += 1;
        if self.ends.len() > VOCABULARY_MAX {
            *self = Self::new(self.presence.is_optional());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_length_are_told_apart() {
        let mut column = WordColumn::required();
        let mut words: Vec<String> = Vec::new();
        for length in 0..40 {
            for letter in ["a", "b", "\0"] {
                words.push(letter.repeat(length));
                words.push(format!("{}x", letter.repeat(length)));
                words.push(format!("x{}", letter.repeat(length)));
            }
        }
        let mut expected: Vec<&str> = Vec::new();
        for word in words.iter().chain(&words) {
            column.push(word);
            if !expected.contains(&word.as_str()) {
                expected.push(word);
            }
            let found = expected.iter().position(|one| one == word);
            assert_eq!(column.indices.last().map(|&index| index as usize), found, "{word:?}");
        }
        assert_eq!(column.dictionary.len(), expected.len());
    }

    #[test]
    fn a_dictionary_begins_anew_with_each_group_and_a_vocabulary_stays_bounded() {
        let mut column = WordColumn::optional();
        let mut page = Page::default();
        for group in 0..3_usize {
            for word in 0..VOCABULARY_MAX / 2 {
                column.push(&format!("{}", group * VOCABULARY_MAX / 2 + word));
            }
            column.push_option(None);
            column.finish(&mut page);
            assert_eq!((page.words, page.nulls), (VOCABULARY_MAX / 2, 1));
            assert!(column.ends.len() <= VOCABULARY_MAX);
        }
        column.push("again");
        assert_eq!(column.indices, [0]);
    }
}
