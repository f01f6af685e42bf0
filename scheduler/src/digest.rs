//! A 128-bit running hash: the fingerprint of a run. Not cryptographic; two runs that differ collide with chance
//! 2^-128.

use crate::draw::mix;

/// A running 128-bit hash over words, in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    high: u64,
    low: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// The digest of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { high: 0x243f_6a88_85a3_08d3, low: 0x1319_8a2e_0370_7344 }
    }

    /// Adds one word.
    #[inline]
    pub fn word(&mut self, word: u64) {
        // Two lanes that see the word under different bijections and then each other: no word can cancel another.
        let low = mix(self.low ^ word);
        self.high = mix(self.high.rotate_left(23) ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low);
        self.low = low.wrapping_add(self.high.rotate_left(41));
    }

    /// Adds a text: its length, then its bytes in words of eight.
    pub fn text(&mut self, text: &str) {
        self.word(text.len() as u64);
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.word(rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
    }

    /// The value so far, as one number; print it with `{:032x}`.
    #[must_use]
    pub const fn value(&self) -> u128 {
        ((self.high as u128) << 64) | self.low as u128
    }
}

/// A 64-bit digest of one name, for tables that hold many.
#[must_use]
pub fn of_name(name: &str) -> u64 {
    let mut digest = Digest::new();
    digest.text(name);
    digest.low ^ digest.high
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_its_length_and_its_bytes_in_words_of_eight(text in ".{0,20}") {
            let mut expected = Digest::new();
            expected.word(text.len() as u64);
            for chunk in text.as_bytes().chunks(8) {
                let mut word = [0_u8; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                expected.word(u64::from_le_bytes(word));
            }
            let mut digest = Digest::new();
            digest.text(&text);
            prop_assert_eq!(digest, expected);
        }
    }
}
