//! The encodings of Parquet that make columns of a run small at little cost: differences in bit-packed blocks, and
//! runs of levels. Source: "Encodings.md" of the Apache Parquet format.

use super::thrift::{varint, zigzag};

/// Values per block of differences.
const BLOCK: usize = 128;
/// Values that share a width.
const MINIBLOCK: usize = 32;
const MINIBLOCKS: usize = BLOCK / MINIBLOCK;

/// A column of whole numbers as differences to the value before, packed block by block as they come
/// (`DELTA_BINARY_PACKED`). Values that hardly change, or change in even steps, take next to nothing.
pub(super) struct Deltas {
    pending: Box<[i64; BLOCK]>,
    filled: usize,
    first: i64,
    previous: i64,
    count: u64,
    least: i64,
    greatest: i64,
    packed: Vec<u8>,
}

impl Default for Deltas {
    fn default() -> Self {
        Self {
            pending: Box::new([0; BLOCK]),
            filled: 0,
            first: 0,
            previous: 0,
            count: 0,
            least: 0,
            greatest: 0,
            packed: Vec::new(),
        }
    }
}

impl Deltas {
    /// How many values there are.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Adds a value.
    #[inline]
    pub(super) fn push(&mut self, value: i64) {
        self.count += 1;
        if self.count == 1 {
            // The first value stands in the header; only differences go into blocks.
            self.first = value;
            self.previous = value;
            (self.least, self.greatest) = (value, value);
            return;
        }
        self.pending[self.filled] = value;
        self.filled += 1;
        if self.filled == BLOCK {
            self.absorb();
        }
    }

    /// Adds a value `times` times: whole blocks of it at once.
    pub(super) fn push_repeated(&mut self, value: i64, times: u64) {
        let mut left = times;
        // The first of them may differ from the value before, and a block that was begun is filled up.
        while left > 0 && (self.filled > 0 || self.previous != value || self.count == 0) {
            self.push(value);
            left -= 1;
        }
        let blocks = left / BLOCK as u64;
        for _ in 0..blocks {
            // No difference, of no width.
            self.packed.extend_from_slice(&[0; 1 + MINIBLOCKS]);
        }
        self.count += blocks * BLOCK as u64;
        (0..left % BLOCK as u64).for_each(|_| self.push(value));
    }

    /// Packs the values that wait. Apart, since it would burden every push.
    #[inline(never)]
    fn absorb(&mut self) {
        let waiting = &self.pending[..self.filled];
        let mut deltas = [0_i64; BLOCK];
        let (mut previous, mut least, mut greatest) = (self.previous, self.least, self.greatest);
        for (delta, &value) in deltas.iter_mut().zip(waiting) {
            *delta = value.wrapping_sub(previous);
            previous = value;
            least = least.min(value);
            greatest = greatest.max(value);
        }
        (self.previous, self.least, self.greatest) = (previous, least, greatest);
        pack_block(&mut self.packed, &deltas, self.filled);
        self.filled = 0;
    }

    /// Appends the whole column to `out`, forgets it and gives its least and greatest value.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Option<(i64, i64)> {
        if self.filled > 0 {
            self.absorb();
        }
        varint(out, BLOCK as u64);
        varint(out, MINIBLOCKS as u64);
        varint(out, self.count);
        varint(out, zigzag(self.first));
        out.extend_from_slice(&self.packed);
        let range = (self.count > 0).then_some((self.least, self.greatest));
        self.packed.clear();
        self.count = 0;
        self.first = 0;
        range
    }
}

/// Packs the first `fresh` of `deltas` as one block; the others are zero.
fn pack_block(out: &mut Vec<u8>, deltas: &[i64; BLOCK], fresh: usize) {
    let least = deltas[..fresh].iter().copied().fold(i64::MAX, i64::min);
    let mut offsets = [0_u64; BLOCK];
    for (offset, &delta) in offsets.iter_mut().zip(&deltas[..fresh]) {
        *offset = delta.wrapping_sub(least) as u64;
    }
    varint(out, zigzag(least));
    let mut widths = [0_u8; MINIBLOCKS];
    for (width, miniblock) in widths.iter_mut().zip(offsets.chunks_exact(MINIBLOCK)) {
        let union = miniblock.iter().fold(0, |all, one| all | one);
        *width = (u64::BITS - union.leading_zeros()) as u8;
    }
    out.extend_from_slice(&widths);
    for (miniblock, &width) in offsets.chunks_exact(MINIBLOCK).zip(&widths) {
        if width > 0 {
            pack(out, miniblock, u32::from(width));
        }
    }
}

/// Appends `values`, a multiple of eight of them, `width` bits each, lowest bit first.
pub(super) fn pack(out: &mut Vec<u8>, values: &[u64], width: u32) {
    let mut word = 0_u64;
    let mut filled = 0_u32;
    let mut buffer = [0_u8; MINIBLOCK * 8];
    for chunk in values.chunks(MINIBLOCK) {
        let mut used = 0;
        for &value in chunk {
            word |= value << filled;
            filled += width;
            if filled >= u64::BITS {
                buffer[used..used + 8].copy_from_slice(&word.to_le_bytes());
                used += 8;
                filled -= u64::BITS;
                // A shift by all 64 bits would be none at all.
                word = if filled == 0 { 0 } else { value >> (width - filled) };
            }
        }
        while filled >= 8 {
            buffer[used] = word as u8;
            used += 1;
            word >>= 8;
            filled -= 8;
        }
        out.extend_from_slice(&buffer[..used]);
    }
}

/// Levels of 0 and 1 (is there a value?, does a new list begin?), kept as runs.
#[derive(Default)]
pub(super) struct Levels {
    runs: Vec<(u32, bool)>,
    level: bool,
    length: u32,
    count: u64,
}

impl Levels {
    /// How many levels there are.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    #[inline]
    pub(super) fn push(&mut self, level: bool) {
        self.count += 1;
        if level != self.level {
            self.turn(level);
        }
        self.length += 1;
    }

    /// Begins a run. Apart, since it is rare and would burden every push.
    #[inline(never)]
    fn turn(&mut self, level: bool) {
        if self.length > 0 {
            self.runs.push((self.length, self.level));
        }
        self.level = level;
        self.length = 0;
    }

    /// Appends length and runs to `out` and forgets them.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.length > 0 {
            self.runs.push((self.length, self.level));
        }
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        // A run costs two to four bytes, eight packed levels cost one.
        if self.runs.len() as u64 * 24 < self.count {
            for &(length, level) in &self.runs {
                varint(out, u64::from(length) << 1);
                out.push(u8::from(level));
            }
        } else {
            let groups = self.count.div_ceil(8);
            varint(out, groups << 1 | 1);
            let mut byte = 0_u8;
            let mut bit = 0_u32;
            for &(length, level) in &self.runs {
                for _ in 0..length {
                    byte |= u8::from(level) << bit;
                    bit += 1;
                    if bit == 8 {
                        out.push(byte);
                        byte = 0;
                        bit = 0;
                    }
                }
            }
            if bit > 0 {
                out.push(byte);
            }
        }
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.runs.clear();
        self.length = 0;
        self.count = 0;
    }
}

/// Appends indices into a dictionary of `size` words: their width, then one run or packed groups of eight.
pub(super) fn indices(out: &mut Vec<u8>, indices: &[u32], size: usize) {
    let width = u32::BITS - (size.saturating_sub(1) as u32).leading_zeros();
    let width = width.max(1);
    out.push(width as u8);
    if size <= 1 {
        varint(out, (indices.len() as u64) << 1);
        out.push(0);
        return;
    }
    varint(out, (indices.len().div_ceil(8) as u64) << 1 | 1);
    let mut group = [0_u64; MINIBLOCK];
    for chunk in indices.chunks(MINIBLOCK) {
        for (wide, &index) in group.iter_mut().zip(chunk) {
            *wide = u64::from(index);
        }
        group[chunk.len()..].fill(0);
        pack(out, &group[..chunk.len().next_multiple_of(8)], width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_lowest_bit_first() {
        let mut out = Vec::new();
        // The example of the specification: 0 to 7 in three bits each.
        pack(&mut out, &[0, 1, 2, 3, 4, 5, 6, 7], 3);
        assert_eq!(out, [0b1000_1000, 0b1100_0110, 0b1111_1010]);
    }

    #[test]
    fn packing_undoes_at_every_width() {
        for width in 1..=64_u32 {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let values: Vec<u64> = (0..64_u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask).collect();
            let mut out = Vec::new();
            pack(&mut out, &values, width);
            assert_eq!(out.len(), 8 * width as usize);
            for (i, &value) in values.iter().enumerate() {
                let mut read = 0_u64;
                for bit in 0..width as usize {
                    let at = i * width as usize + bit;
                    read |= u64::from(out[at / 8] >> (at % 8) & 1) << bit;
                }
                assert_eq!(read, value, "width {width}, value {i}");
            }
        }
    }

    #[test]
    fn steady_columns_take_five_bytes_per_block() {
        let mut deltas = Deltas::default();
        for value in 0..12_801_i64 {
            deltas.push(value * 1_000);
        }
        let mut out = Vec::new();
        assert_eq!(deltas.finish(&mut out), Some((0, 12_800_000)));
        assert!(out.len() < 100 * 6 + 16, "{} bytes", out.len());
        assert_eq!(deltas.finish(&mut out), None, "a finished column is forgotten");
    }

    #[test]
    fn repeating_a_value_is_pushing_it_often() {
        let (mut one, mut other) = (Deltas::default(), Deltas::default());
        for (value, times) in [(7, 1), (7, 300), (0, 128), (0, 1), (5, 127), (-9, 1_000), (-9, 0), (3, 2)] {
            one.push_repeated(value, times);
            (0..times).for_each(|_| other.push(value));
        }
        let (mut first, mut second) = (Vec::new(), Vec::new());
        assert_eq!(one.finish(&mut first), other.finish(&mut second));
        assert_eq!(first, second);
    }

    #[test]
    fn levels_choose_the_shorter_form() {
        let mut levels = Levels::default();
        (0..1000).for_each(|_| levels.push(true));
        let mut out = Vec::new();
        levels.finish(&mut out);
        assert_eq!(out, [3, 0, 0, 0, 0xd0, 0x0f, 1]);
        (0..1000).for_each(|i| levels.push(i % 2 == 0));
        out.clear();
        levels.finish(&mut out);
        assert_eq!(out.len(), 4 + 2 + 125);
    }
}
