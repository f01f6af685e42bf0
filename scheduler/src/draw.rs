//! Randomness that is keyed, never sequential: a draw is a hash of (seed, kind, entity, index).
//!
//! No draw depends on how many were made before it, so two policies under comparison meet the same chances whatever
//! they decide. The mixing is the finaliser of SplitMix64 (Steele, Lea, Flood 2014), applied once per key word.

/// What a draw is for: distinct kinds never share a stream.
pub type Kind = u64;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The SplitMix64 finaliser: a bijection on u64 in which every input bit moves about half of the output bits.
#[must_use]
#[inline]
pub const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// 64 uniform bits for (seed, kind, entity, index).
#[must_use]
#[inline]
pub const fn bits(seed: u64, kind: Kind, entity: u64, index: u64) -> u64 {
    let state = mix(seed.wrapping_add(GOLDEN));
    let state = mix(state ^ kind.wrapping_mul(GOLDEN).wrapping_add(0x632b_e59b_d9b4_e019));
    let state = mix(state ^ entity.wrapping_add(GOLDEN));
    mix(state.wrapping_add(index.wrapping_mul(GOLDEN)).wrapping_add(GOLDEN))
}

/// A uniform number in the open interval (0, 1): 52 bits, never 0 and never 1, so that logarithms are finite.
#[must_use]
#[inline]
pub fn unit(seed: u64, kind: Kind, entity: u64, index: u64) -> f64 {
    ((bits(seed, kind, entity, index) >> 12) as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)
}

/// A uniform whole number below `bound` (0 if `bound` is 0), by the high half of a product: bias below 2^-32 for
/// every bound under 2^32.
#[must_use]
#[inline]
pub const fn below(bound: u64, seed: u64, kind: Kind, entity: u64, index: u64) -> u64 {
    ((bits(seed, kind, entity, index) as u128 * bound as u128) >> 64) as u64
}
