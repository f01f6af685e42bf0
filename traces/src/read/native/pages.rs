//! Looks over the pages of a column before they are unpacked.
//!
//! The library takes the counts in page headers on trust and asks for memory accordingly: a damaged count would end the
//! process, which no error handling can undo. So the headers (`PageHeader` in "parquet.thrift" of the Apache Parquet
//! format, in Thrift's compact encoding) are read here first, and held against the number of rows.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// Headers are a few dozen bytes; with long texts in their statistics they can be larger.
const WINDOW: u64 = 1 << 12;
const LARGEST_HEADER: u64 = 1 << 22;
/// How deep structures may lie in each other.
const DEEPEST: u32 = 8;

/// Whether the pages in `range` are `rows` values in all; else why not.
pub(super) fn check(file: &mut (impl Read + Seek), range: Range<u64>, rows: u64) -> Result<(), &'static str> {
    let mut at = range.start;
    let mut values = 0_u64;
    while values < rows {
        let (length, page) = read_header(file, at, range.end).ok_or("a page has no header")?;
        let end = at.checked_add(length).and_then(|start| start.checked_add(page.packed));
        at = end.filter(|&end| end <= range.end).ok_or("a page ends outside of its column")?;
        match page.data {
            // A dictionary has at most one entry per row.
            false if page.values > rows => return Err("a dictionary has more entries than there are rows"),
            false => {}
            true => values = values.checked_add(page.values).ok_or("a page has too many values")?,
        }
    }
    if values == rows { Ok(()) } else { Err("a column has more values than there are rows") }
}

struct Page {
    packed: u64,
    values: u64,
    data: bool,
}

/// The header at `at` and its length.
fn read_header(file: &mut (impl Read + Seek), at: u64, end: u64) -> Option<(u64, Page)> {
    let mut window = WINDOW;
    let mut bytes = Vec::new();
    loop {
        file.seek(SeekFrom::Start(at)).ok()?;
        bytes.clear();
        file.take(window.min(end.checked_sub(at)?)).read_to_end(&mut bytes).ok()?;
        let mut compact = Compact { bytes: &bytes, at: 0 };
        if let Some(page) = compact.page() {
            return Some((compact.at as u64, page));
        }
        // Perhaps the header goes on beyond the window.
        if window >= LARGEST_HEADER || (bytes.len() as u64) < window {
            return None;
        }
        window *= 32;
    }
}

/// Thrift's compact encoding.
struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn integer(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// Steps over a number of bytes.
    fn step(&mut self, count: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        self.at = if end <= self.bytes.len() { end } else { return None };
        Some(())
    }

    /// The next field of a structure: its number and type; number 0 at the end.
    fn field(&mut self, last: i64) -> Option<(i64, u8)> {
        let head = self.byte()?;
        match (head, head >> 4) {
            (0, _) => Some((0, 0)),
            (_, 0) => Some((self.integer()?, head & 0xf)),
            (_, step) => Some((last.checked_add(i64::from(step))?, head & 0xf)),
        }
    }

    /// Steps over a value of a type.
    fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        match kind {
            1 | 2 => Some(()),
            3 => self.step(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.step(8),
            8 => {
                let length = self.varint()?;
                self.step(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                for _ in 0..count {
                    // In lists a truth value is a byte.
                    if head & 0xf <= 2 { self.step(1)? } else { self.skip(head & 0xf, depth.checked_sub(1)?)? }
                }
                Some(())
            }
            12 => {
                let mut last = 0;
                loop {
                    let (field, kind) = self.field(last)?;
                    if field == 0 {
                        return Some(());
                    }
                    self.skip(kind, depth.checked_sub(1)?)?;
                    last = field;
                }
            }
            _ => None,
        }
    }

    /// The first field, a count, of a structure.
    fn count(&mut self) -> Option<i64> {
        let (mut count, mut last) = (None, 0);
        loop {
            let (field, kind) = self.field(last)?;
            match (field, kind) {
                (0, _) => return count,
                (1, 4..=6) => count = Some(self.integer()?),
                _ => self.skip(kind, DEEPEST)?,
            }
            last = field;
        }
    }

    fn page(&mut self) -> Option<Page> {
        let (mut kind_of_page, mut unpacked, mut packed) = (None, None, None);
        // By type of page: data, index, dictionary, data of version 2.
        let mut counts = [None, Some(0), None, None];
        let mut last = 0;
        loop {
            let (field, kind) = self.field(last)?;
            match (field, kind) {
                (0, _) => break,
                (1, 4..=6) => kind_of_page = Some(self.integer()?),
                (2, 4..=6) => unpacked = Some(self.integer()?),
                (3, 4..=6) => packed = Some(self.integer()?),
                (5, 12) => counts[0] = Some(self.count()?),
                (7, 12) => counts[2] = Some(self.count()?),
                (8, 12) => counts[3] = Some(self.count()?),
                _ => self.skip(kind, DEEPEST)?,
            }
            last = field;
        }
        let whole = |number: i64| u64::try_from(number).ok();
        let kind_of_page = usize::try_from(kind_of_page?).ok()?;
        whole(unpacked?)?;
        Some(Page {
            packed: whole(packed?)?,
            values: whole((*counts.get(kind_of_page)?)?)?,
            data: matches!(kind_of_page, 0 | 3),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// A data page of version 1 with 3 bytes and a count, then its bytes.
    fn page(values: u8) -> Vec<u8> {
        // type 0; 3 unpacked; 3 packed; data page header { count; encodings 0, 3, 3 }.
        vec![0x15, 0, 0x15, 6, 0x15, 6, 0x2c, 0x15, values * 2, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0, 7, 7, 7]
    }

    fn checked(bytes: &[u8], rows: u64) -> Result<(), &'static str> {
        check(&mut Cursor::new(bytes), 0..bytes.len() as u64, rows)
    }

    #[test]
    fn pages_must_add_up_to_the_rows() {
        let two = [page(5), page(4)].concat();
        assert_eq!(checked(&two, 9), Ok(()));
        assert!(checked(&two, 8).is_err(), "a value too many");
        assert!(checked(&two, 10).is_err(), "a value too few");
        assert!(checked(&two[..two.len() - 1], 9).is_err(), "a byte too few");
    }

    proptest! {
        #[test]
        fn any_bytes_are_ok_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..60), rows in 0_u64..9) {
            let _ = checked(&bytes, rows);
        }
    }
}
