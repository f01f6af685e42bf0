//! The classes that wait for a change, by what their tasks need of the first two lanes: a node with more room is held
//! against those that it might serve, not against all.
//!
//! A cell of the grid holds the needs between two steps of each lane, two steps to every power of two. All cells up to
//! a node's free room are looked at, so of the classes met without use there are at most those in the last row and
//! column, and those that another lane or a constraint keeps out.

use alloc::vec::Vec;

use crate::resources::Resources;

/// 32 bits, two steps each.
const STEPS: usize = 64;

/// Where a parked class stands: a cell, and a place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    cell: u16,
    at: u32,
}

/// Parked classes.
#[derive(Clone, Default)]
pub(super) struct Parked {
    /// The classes in each cell; empty until the first is parked.
    cells: Vec<Vec<u32>>,
    /// Per step of the first lane, the steps of the second whose cell is not empty.
    filled: Vec<u64>,
    len: usize,
}

/// Which step an amount is on: 0 and 1 have their own, then two to every power of two.
fn step(amount: u32) -> usize {
    if amount < 2 {
        return amount as usize;
    }
    let power = amount.ilog2();
    (2 * power + (amount >> (power - 1) & 1)) as usize
}

impl Parked {
    /// True if nothing is parked.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a class whose tasks need `request`.
    pub fn add(&mut self, request: &Resources, class: u32) -> Spot {
        if self.cells.is_empty() {
            self.cells.resize(STEPS * STEPS, Vec::new());
            self.filled.resize(STEPS, 0);
        }
        let (row, column) = (step(request.0[0]), step(request.0[1]));
        let cell = row * STEPS + column;
        self.cells[cell].push(class);
        self.filled[row] |= 1 << column;
        self.len += 1;
        Spot { cell: cell as u16, at: (self.cells[cell].len() - 1) as u32 }
    }

    /// Takes a class out; the class that now stands in its spot, if another does.
    pub fn remove(&mut self, spot: Spot) -> Option<u32> {
        let cell = &mut self.cells[usize::from(spot.cell)];
        cell.swap_remove(spot.at as usize);
        self.len -= 1;
        let moved = cell.get(spot.at as usize).copied();
        if cell.is_empty() {
            self.filled[usize::from(spot.cell) / STEPS] &= !(1 << (usize::from(spot.cell) % STEPS));
        }
        moved
    }

    /// Any class, and where it stands.
    pub fn any(&self) -> Option<(u32, Spot)> {
        let row = self.filled.iter().position(|columns| *columns != 0)?;
        let cell = row * STEPS + self.filled[row].trailing_zeros() as usize;
        let at = self.cells[cell].len() - 1;
        Some((self.cells[cell][at], Spot { cell: cell as u16, at: at as u32 }))
    }

    /// Appends to `found` the classes that `room` could serve as far as the first two lanes say, and more: those whose
    /// needs are on its own steps.
    pub fn within(&self, room: &Resources, found: &mut Vec<u32>) {
        if self.is_empty() {
            return;
        }
        let up_to = u64::MAX >> (STEPS - 1 - step(room.0[1]));
        for row in 0..=step(room.0[0]) {
            let mut columns = self.filled[row] & up_to;
            while columns != 0 {
                found.extend_from_slice(&self.cells[row * STEPS + columns.trailing_zeros() as usize]);
                columns &= columns - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn steps_rise_with_the_amount_and_cover_every_amount() {
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8].map(step), [0, 1, 2, 3, 4, 4, 5, 5, 6]);
        assert_eq!(step(u32::MAX), STEPS - 1);
    }

    proptest! {
        #[test]
        fn none_that_fits_is_missed(
            needs in prop::collection::vec((any::<u32>(), 0_u32..5_000), 1..60),
            gone in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
            room in (any::<u32>(), 0_u32..5_000),
        ) {
            let mut parked = Parked::default();
            let mut spots: Vec<Option<Spot>> = Vec::new();
            for (class, (cpu, memory)) in needs.iter().enumerate() {
                spots.push(Some(parked.add(&Resources::new(*cpu, *memory), class as u32)));
            }
            for index in gone {
                let class = index.index(spots.len());
                if let Some(spot) = spots[class].take()
                    && let Some(moved) = parked.remove(spot)
                {
                    spots[moved as usize] = Some(spot);
                }
            }
            let room = Resources::new(room.0, room.1);
            let mut found = Vec::new();
            parked.within(&room, &mut found);
            for (class, (cpu, memory)) in needs.iter().enumerate() {
                let is_there = spots[class].is_some();
                let fits = Resources::new(*cpu, *memory).fits_in(&room);
                prop_assert!(!is_there || !fits || found.contains(&(class as u32)));
                prop_assert!(is_there || !found.contains(&(class as u32)));
            }
            let mut left = spots.iter().flatten().count();
            while let Some((class, spot)) = parked.any() {
                prop_assert_eq!(spots[class as usize].take(), Some(spot));
                prop_assert_eq!(parked.remove(spot), None);
                left -= 1;
            }
            prop_assert_eq!(left, 0);
        }
    }
}
