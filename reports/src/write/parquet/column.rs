//! The columns of a table while it is written: each takes its values in the form that costs least to take and to keep, and
//! gives a page per row group.

use hashbrown::HashTable;
use windtunnel_scheduler::draw::mix;

use super::pack::{Deltas, Levels, indices};

/// What kind of values a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers of 64 bits.
    Whole,
    /// Measures: 64-bit floating point.
    Real,
    /// Text that hardly repeats.
    Text,
    /// Text out of a small vocabulary.
    Word,
    /// Lists of whole numbers, possibly empty.
    Wholes,
}

/// The page of one column in one row group.
#[derive(Default)]
pub(super) struct Page {
    /// The page of the dictionary, if there is one.
    pub(super) dictionary: Vec<u8>,
    /// Words in it.
    pub(super) words: usize,
    /// The page of the values.
    pub(super) body: Vec<u8>,
    /// Values in it, nulls and empty lists included.
    pub(super) values: u64,
    /// Nulls among them.
    pub(super) nulls: u64,
    /// Least and greatest value.
    pub(super) range: Option<(i64, i64)>,
}

impl Page {
    fn clear(&mut self) {
        self.dictionary.clear();
        self.words = 0;
        self.body.clear();
        self.values = 0;
        self.nulls = 0;
        self.range = None;
    }
}

/// A column that is being filled.
pub(super) trait Filling {
    /// What it holds.
    fn kind(&self) -> Kind;
    /// Whether values may be missing.
    fn optional(&self) -> bool;
    /// Moves what was pushed since the last call into `page`.
    fn finish(&mut self, page: &mut Page);
}

/// Which rows have a value.
#[derive(Default)]
struct Presence {
    levels: Option<Levels>,
    absent: u64,
}

impl Presence {
    fn new(optional: bool) -> Self {
        Self { levels: optional.then(Levels::default), absent: 0 }
    }

    #[inline]
    fn push(&mut self, present: bool) {
        if let Some(levels) = &mut self.levels {
            levels.push(present);
            self.absent += u64::from(!present);
        }
    }

    /// Begins `page`; `present` values follow.
    fn finish(&mut self, page: &mut Page, present: u64) {
        page.clear();
        page.nulls = self.absent;
        page.values = present + self.absent;
        if let Some(levels) = &mut self.levels {
            levels.finish(&mut page.body);
        }
        self.absent = 0;
    }
}

/// Whole numbers.
#[derive(Default)]
pub struct WholeColumn {
    values: Deltas,
    presence: Presence,
}

impl WholeColumn {
    /// A column in which every row has a value.
    #[must_use]
    pub fn required() -> Self {
        Self::default()
    }

    /// A column in which values may be missing.
    #[must_use]
    pub fn optional() -> Self {
        Self { values: Deltas::default(), presence: Presence::new(true) }
    }

    /// The next row's value. Beyond 2^63 it is the largest number: no time or count of a run gets there.
    #[inline]
    pub fn push(&mut self, value: u64) {
        self.presence.push(true);
        self.values.push(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// The next row's value, if it has one.
    #[inline]
    pub fn push_option(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.push(value),
            None => self.presence.push(false),
        }
    }
}

impl Filling for WholeColumn {
    fn kind(&self) -> Kind {
        Kind::Whole
    }

    fn optional(&self) -> bool {
        self.presence.levels.is_some()
    }

    fn finish(&mut self, page: &mut Page) {
        self.presence.finish(page, self.values.count());
        page.range = self.values.finish(&mut page.body);
    }
}

/// Lists of whole numbers.
#[derive(Default)]
pub struct WholesColumn {
    values: Deltas,
    filled: Levels,
    continued: Levels,
}

impl WholesColumn {
    /// The next row's list.
    #[inline]
    pub fn push(&mut self, list: impl Iterator<Item = u64>) {
        let mut continued = false;
        for value in list {
            self.filled.push(true);
            self.continued.push(continued);
            self.values.push(i64::try_from(value).unwrap_or(i64::MAX));
            continued = true;
        }
        if !continued {
            self.filled.push(false);
            self.continued.push(false);
        }
    }
}

impl Filling for WholesColumn {
    fn kind(&self) -> Kind {
        Kind::Wholes
    }

    fn optional(&self) -> bool {
        false
    }

    fn finish(&mut self, page: &mut Page) {
        page.clear();
        page.values = self.filled.count();
        self.continued.finish(&mut page.body);
        self.filled.finish(&mut page.body);
        self.values.finish(&mut page.body);
    }
}

/// Measures.
#[derive(Default)]
pub struct RealColumn {
    values: Vec<u8>,
    presence: Presence,
}

impl RealColumn {
    /// A column in which every row has a value.
    #[must_use]
    pub fn required() -> Self {
        Self::default()
    }

    /// A column in which values may be missing.
    #[must_use]
    pub fn optional() -> Self {
        Self { values: Vec::new(), presence: Presence::new(true) }
    }

    /// The next row's value, if it has one. In a column that requires one, none is "not a number".
    pub fn push_option(&mut self, value: Option<f64>) {
        self.presence.push(value.is_some());
        if value.is_some() || self.presence.levels.is_none() {
            self.values.extend_from_slice(&value.unwrap_or(f64::NAN).to_le_bytes());
        }
    }
}

impl Filling for RealColumn {
    fn kind(&self) -> Kind {
        Kind::Real
    }

    fn optional(&self) -> bool {
        self.presence.levels.is_some()
    }

    fn finish(&mut self, page: &mut Page) {
        self.presence.finish(page, self.values.len() as u64 / 8);
        page.body.append(&mut self.values);
    }
}

/// Text that hardly repeats: lengths, then all bytes in one piece.
#[derive(Default)]
pub struct TextColumn {
    lengths: Deltas,
    bytes: Vec<u8>,
}

impl TextColumn {
    /// The next row's text.
    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.lengths.push(text.len() as i64);
    }

    /// The next row's text is what `write` appends.
    #[inline]
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.lengths.push((self.bytes.len() - start) as i64);
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.bytes.len()
    }
}

impl Filling for TextColumn {
    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn optional(&self) -> bool {
        false
    }

    fn finish(&mut self, page: &mut Page) {
        page.clear();
        page.values = self.lengths.count();
        self.lengths.finish(&mut page.body);
        page.body.append(&mut self.bytes);
    }
}

/// Text out of a small vocabulary: indices into a dictionary that each row group carries.
#[derive(Default)]
pub struct WordColumn {
    vocabulary: Vocabulary,
    /// Index of a word in the dictionary of this row group; valid if `stamp` says so.
    local: Vec<(u32, u32)>,
    stamp: u32,
    group: Vec<u32>,
    indices: Vec<u32>,
    presence: Presence,
}

impl WordColumn {
    /// A column in which every row has a word.
    #[must_use]
    pub fn required() -> Self {
        Self { stamp: 1, ..Self::default() }
    }

    /// A column in which words may be missing.
    #[must_use]
    pub fn optional() -> Self {
        Self { stamp: 1, presence: Presence::new(true), ..Self::default() }
    }

    /// The next row's word.
    #[inline]
    pub fn push(&mut self, word: &str) {
        self.presence.push(true);
        let id = self.vocabulary.id_of(word);
        if self.local.len() <= id as usize {
            self.local.resize(id as usize + 1, (0, 0));
        }
        let local = &mut self.local[id as usize];
        if local.0 != self.stamp {
            *local = (self.stamp, self.group.len() as u32);
            self.group.push(id);
        }
        self.indices.push(local.1);
    }

    /// The next row's word, if it has one.
    #[inline]
    pub fn push_option(&mut self, word: Option<&str>) {
        match word {
            Some(word) => self.push(word),
            None => self.presence.push(false),
        }
    }
}

impl Filling for WordColumn {
    fn kind(&self) -> Kind {
        Kind::Word
    }

    fn optional(&self) -> bool {
        self.presence.levels.is_some()
    }

    fn finish(&mut self, page: &mut Page) {
        self.presence.finish(page, self.indices.len() as u64);
        for &id in &self.group {
            let word = self.vocabulary.word(id);
            page.dictionary.extend_from_slice(&(word.len() as u32).to_le_bytes());
            page.dictionary.extend_from_slice(word);
        }
        page.words = self.group.len();
        indices(&mut page.body, &self.indices, self.group.len());
        self.indices.clear();
        self.group.clear();
        self.stamp += 1;
        if self.vocabulary.len() > VOCABULARY_MAX {
            self.vocabulary = Vocabulary::default();
            self.local.clear();
        }
    }
}

/// Words beyond which a vocabulary is begun anew with the next row group, so that memory stays bounded.
const VOCABULARY_MAX: usize = 1 << 18;

/// Words by their order of first use.
#[derive(Default)]
struct Vocabulary {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    table: HashTable<u32>,
    last: u32,
}

impl Vocabulary {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn word(&self, id: u32) -> &[u8] {
        word_at(&self.bytes, &self.ends, id)
    }

    #[inline]
    fn id_of(&mut self, word: &str) -> u32 {
        // Neighbouring rows often bear the same word.
        if !self.ends.is_empty() && self.word(self.last) == word.as_bytes() {
            return self.last;
        }
        self.last = self.look_up(word);
        self.last
    }

    fn look_up(&mut self, word: &str) -> u32 {
        let Self { bytes, ends, table, .. } = self;
        let hash = hash_of(word.as_bytes());
        if let Some(&id) = table.find(hash, |&id| word_at(bytes, ends, id) == word.as_bytes()) {
            return id;
        }
        let id = ends.len() as u32;
        bytes.extend_from_slice(word.as_bytes());
        ends.push(bytes.len());
        table.insert_unique(hash, id, |&id| hash_of(word_at(bytes, ends, id)));
        id
    }
}

#[inline]
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
