//! The columns of a table while it is written: each takes its values in the form that costs least to take and to
//! keep, and gives a page per row group.

use super::pack::{Deltas, Levels};

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
    /// Its second half, where that was filled apart: handed over rather than copied.
    pub(super) tail: Vec<u8>,
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
        self.tail.clear();
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
pub(super) struct Presence {
    levels: Option<Levels>,
    absent: u64,
}

impl Presence {
    pub(super) fn new(optional: bool) -> Self {
        Self { levels: optional.then(Levels::default), absent: 0 }
    }

    pub(super) const fn is_optional(&self) -> bool {
        self.levels.is_some()
    }

    #[inline]
    pub(super) fn push(&mut self, present: bool) {
        if let Some(levels) = &mut self.levels {
            levels.push(present);
            self.absent += u64::from(!present);
        }
    }

    /// Begins `page`; `present` values follow.
    pub(super) fn finish(&mut self, page: &mut Page, present: u64) {
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

    /// Forgets every row.
    pub fn clear(&mut self) {
        self.finish(&mut Page::default());
    }

    /// The values of the next `times` rows, which are equal.
    pub fn push_repeated(&mut self, value: u64, times: u64) {
        (0..times).for_each(|_| self.presence.push(true));
        self.values.push_repeated(i64::try_from(value).unwrap_or(i64::MAX), times);
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
        self.presence.is_optional()
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
    /// The next row's list: the positions of the bits of `set`, ascending.
    #[inline]
    pub fn push_bits(&mut self, mut set: u64) {
        if set == 0 {
            self.filled.push(false);
            self.continued.push(false);
            return;
        }
        let mut continued = false;
        while set != 0 {
            self.filled.push(true);
            self.continued.push(continued);
            self.values.push(i64::from(set.trailing_zeros()));
            set &= set - 1;
            continued = true;
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
        if value.is_some() || !self.presence.is_optional() {
            self.values.extend_from_slice(&value.unwrap_or(f64::NAN).to_le_bytes());
        }
    }
}

impl Filling for RealColumn {
    fn kind(&self) -> Kind {
        Kind::Real
    }

    fn optional(&self) -> bool {
        self.presence.is_optional()
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
    presence: Presence,
}

impl TextColumn {
    /// A column in which every row has a text.
    #[must_use]
    pub fn required() -> Self {
        Self::default()
    }

    /// A column in which texts may be missing.
    #[must_use]
    pub fn optional() -> Self {
        Self { presence: Presence::new(true), ..Self::default() }
    }

    /// The next row's text, if it has one. In a column that requires one, none is the empty text.
    #[inline]
    pub fn push_option(&mut self, text: Option<&[u8]>) {
        match text {
            None if self.presence.is_optional() => self.presence.push(false),
            text => self.push(text.unwrap_or_default()),
        }
    }

    /// The next row's text.
    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        self.presence.push(true);
        self.bytes.extend_from_slice(text);
        self.lengths.push(text.len() as i64);
    }

    /// The next row's text is the first `length` bytes of `room`: a copy of fixed size costs less than one of any size.
    #[inline]
    pub fn push_padded(&mut self, room: &[u8; 32], length: usize) {
        self.presence.push(true);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(room);
        self.bytes.truncate(start + length);
        self.lengths.push(length as i64);
    }

    /// The next row's text in two parts.
    #[inline]
    pub fn push_parts(&mut self, first: &[u8], second: &[u8]) {
        self.presence.push(true);
        self.bytes.extend_from_slice(first);
        self.bytes.extend_from_slice(second);
        self.lengths.push((first.len() + second.len()) as i64);
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
        self.presence.is_optional()
    }

    fn finish(&mut self, page: &mut Page) {
        self.presence.finish(page, self.lengths.count());
        self.lengths.finish(&mut page.body);
        std::mem::swap(&mut page.tail, &mut self.bytes);
    }
}

/// Columns of whole numbers that hardly ever change from one row to the next: equal rows are counted and taken at once.
pub struct SteadyColumns<const N: usize> {
    columns: [WholeColumn; N],
    row: [u64; N],
    times: u64,
}

impl<const N: usize> Default for SteadyColumns<N> {
    fn default() -> Self {
        Self { columns: std::array::from_fn(|_| WholeColumn::required()), row: [0; N], times: 0 }
    }
}

impl<const N: usize> SteadyColumns<N> {
    /// The next row.
    #[inline]
    pub fn push(&mut self, row: [u64; N]) {
        // No call and no early exit for a handful of numbers.
        let difference = row.iter().zip(&self.row).fold(0, |all, (one, other)| all | (one ^ other));
        if difference == 0 {
            self.times += 1;
        } else {
            self.settle();
            self.row = row;
            self.times = 1;
        }
    }

    fn settle(&mut self) {
        for (column, &value) in self.columns.iter_mut().zip(&self.row) {
            match self.times {
                1 => column.push(value),
                times => column.push_repeated(value, times),
            }
        }
        self.times = 0;
    }

    /// The columns, with all rows in them.
    pub fn columns(&mut self) -> &mut [WholeColumn; N] {
        self.settle();
        &mut self.columns
    }
}
