//! Puts rows that are nearly in order into order, within a bounded buffer.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

/// How many rows are held back, so that a late one can still take its place.
pub(crate) const WINDOW: usize = 65_536;

struct Entry<T> {
    key: u64,
    sequence: u64,
    item: T,
}

impl<T> Entry<T> {
    fn rank(&self) -> (u64, u64) {
        (self.key, self.sequence)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// What became of a row that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It follows all before it.
    InOrder,
    /// It was late and has taken its place.
    Moved,
    /// Something later has been handed out already.
    TooLate,
}

/// Hands rows out by key; equal keys in the order in which they came. Rows in order cost a push and a pop at the ends
/// of a queue; only late ones go through the heap.
pub(crate) struct Sorter<T> {
    in_order: VecDeque<Entry<T>>,
    late: BinaryHeap<Reverse<Entry<T>>>,
    sequence: u64,
    handed_out: u64,
    window: usize,
}

impl<T> Sorter<T> {
    pub fn new(window: usize) -> Self {
        Self { in_order: VecDeque::new(), late: BinaryHeap::new(), sequence: 0, handed_out: 0, window }
    }

    /// True if a row has to be taken before the next is handed in.
    pub fn is_full(&self) -> bool {
        self.in_order.len() + self.late.len() >= self.window
    }

    pub fn push(&mut self, key: u64, item: T) -> Pushed {
        if key < self.handed_out {
            return Pushed::TooLate;
        }
        let entry = Entry { key, sequence: self.sequence, item };
        self.sequence += 1;
        if self.in_order.back().is_some_and(|last| key < last.key) {
            self.late.push(Reverse(entry));
            return Pushed::Moved;
        }
        self.in_order.push_back(entry);
        Pushed::InOrder
    }

    pub fn pop(&mut self) -> Option<(u64, T)> {
        let from_late = match (self.in_order.front(), self.late.peek()) {
            (Some(front), Some(Reverse(late))) => late < front,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let entry = if from_late { self.late.pop().map(|Reverse(entry)| entry) } else { self.in_order.pop_front() }?;
        self.handed_out = entry.key;
        Some((entry.key, entry.item))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The specification is a stable sort; a window as long as the list must give it.
        #[test]
        fn sorts_stably(keys in proptest::collection::vec(0_u64..20, 0..200)) {
            let mut sorter = Sorter::new(keys.len() + 1);
            for (at, &key) in keys.iter().enumerate() {
                prop_assert_ne!(sorter.push(key, at), Pushed::TooLate);
            }
            let mut expected: Vec<(u64, usize)> = keys.iter().copied().zip(0..).collect();
            expected.sort();
            prop_assert_eq!(std::iter::from_fn(|| sorter.pop()).collect::<Vec<_>>(), expected);
        }

        /// With a short window rows are either in order or refused, never out of order.
        #[test]
        fn never_hands_out_backwards(keys in proptest::collection::vec(0_u64..50, 0..200), window in 1_usize..10) {
            let mut sorter = Sorter::new(window);
            let mut out = Vec::new();
            let mut refused = 0;
            for &key in &keys {
                if sorter.is_full() {
                    out.extend(sorter.pop());
                }
                refused += usize::from(sorter.push(key, ()) == Pushed::TooLate);
                prop_assert!(sorter.in_order.len() + sorter.late.len() <= window);
            }
            out.extend(std::iter::from_fn(|| sorter.pop()));
            prop_assert_eq!(out.len() + refused, keys.len());
            prop_assert!(out.is_sorted());
        }
    }
}
