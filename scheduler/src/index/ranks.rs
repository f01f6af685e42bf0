//! The ranks of all nodes for one shape, in as few bytes as they need: they are written at random, and for many shapes.

use alloc::vec::Vec;

/// The rank of a node that does not fit.
pub const NONE: i64 = i64::MIN;

/// A rank as it is kept.
pub trait Kept: Copy {
    /// The rank in full.
    fn rank(self) -> i64;
}

impl Kept for i64 {
    #[inline]
    fn rank(self) -> i64 {
        self
    }
}

impl Kept for i16 {
    #[inline]
    fn rank(self) -> i64 {
        if self == Self::MIN { NONE } else { i64::from(self) }
    }
}

/// The narrow form of a rank; None if it has none.
#[inline]
fn narrow(rank: i64) -> Option<i16> {
    if rank == NONE {
        return Some(i16::MIN);
    }
    i16::try_from(rank).ok().filter(|&narrow| narrow != i16::MIN)
}

/// The rank of every node; none at all if they are not kept.
#[derive(Clone)]
pub enum Ranks {
    /// Small numbers, as of policies that count in hundredths.
    Narrow(Vec<i16>),
    /// Any.
    Wide(Vec<i64>),
}

impl Default for Ranks {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Ranks {
    /// True if no ranks are kept.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Narrow(ranks) => ranks.is_empty(),
            Self::Wide(ranks) => ranks.is_empty(),
        }
    }

    /// Forgets all ranks. What needed to be wide once stays so.
    pub fn clear(&mut self) {
        match self {
            Self::Narrow(ranks) => ranks.clear(),
            Self::Wide(ranks) => ranks.clear(),
        }
    }

    /// Takes in the ranks of all nodes.
    pub fn fill(&mut self, all: impl ExactSizeIterator<Item = i64>) {
        match self {
            Self::Narrow(ranks) => ranks.reserve(all.len()),
            Self::Wide(ranks) => ranks.reserve(all.len()),
        }
        all.for_each(|rank| self.push(rank));
    }

    #[inline]
    fn push(&mut self, rank: i64) {
        if let Self::Narrow(ranks) = self {
            match narrow(rank) {
                Some(rank) => return ranks.push(rank),
                None => self.widen(),
            }
        }
        if let Self::Wide(ranks) = self {
            ranks.push(rank);
        }
    }

    /// The rank of a node.
    #[inline]
    pub fn of(&self, node: usize) -> i64 {
        match self {
            Self::Narrow(ranks) => ranks[node].rank(),
            Self::Wide(ranks) => ranks[node],
        }
    }

    /// A node has a new rank, if ranks are kept.
    #[inline]
    pub fn set(&mut self, node: usize, rank: i64) {
        if let Self::Narrow(ranks) = self {
            let Some(known) = ranks.get_mut(node) else { return };
            match narrow(rank) {
                Some(rank) => return *known = rank,
                None => self.widen(),
            }
        }
        if let Self::Wide(ranks) = self
            && let Some(known) = ranks.get_mut(node)
        {
            *known = rank;
        }
    }

    #[cold]
    fn widen(&mut self) {
        if let Self::Narrow(ranks) = self {
            *self = Self::Wide(ranks.iter().map(|rank| rank.rank()).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(ranks: &Ranks) -> Vec<i64> {
        match ranks {
            Ranks::Narrow(ranks) => ranks.iter().map(|rank| rank.rank()).collect(),
            Ranks::Wide(ranks) => ranks.clone(),
        }
    }

    proptest! {
        #[test]
        fn it_keeps_what_it_was_given(
            first in prop::collection::vec(rank(), 0..20), then in prop::collection::vec((0..25_usize, rank()), 0..20),
        ) {
            let (mut ranks, mut plain) = (Ranks::default(), first.clone());
            ranks.fill(first.into_iter());
            for (node, rank) in then {
                ranks.set(node, rank);
                if let Some(known) = plain.get_mut(node) {
                    *known = rank;
                }
            }
            prop_assert_eq!(ranks.is_empty(), plain.is_empty());
            prop_assert_eq!(all(&ranks), plain);
        }
    }

    fn rank() -> impl Strategy<Value = i64> {
        let least = i64::from(i16::MIN);
        let edges = prop_oneof![least - 1..least + 2, 32_766..32_769_i64];
        prop_oneof![8 => 0..100_i64, 2 => Just(NONE), 2 => edges, 1 => any::<i64>()]
    }
}
