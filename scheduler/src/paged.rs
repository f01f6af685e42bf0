//! A map from sequence numbers to slots whose memory follows what is alive, not what was ever numbered.
//!
//! Ids are handed out in order and die in roughly that order, so a table of small pages beats a hash table: one load
//! per look-up, no order to leak into results, and pages are reused without the heap.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::hint::rarely;

const PAGE: usize = 256;
const EMPTY: u32 = u32::MAX;

type Slots = [u32; PAGE];

/// A page, and beside it how many of its slots are taken: what is counted at every death lies with the table, which is
/// warm, and not in the page, which is not.
#[derive(Clone, Default)]
struct Page {
    slots: Option<Box<Slots>>,
    live: u32,
}

/// A map from u64 sequence numbers to u32 slots (below `u32::MAX`).
#[derive(Clone, Default)]
pub struct PagedMap {
    pages: VecDeque<Page>,
    /// The number of the first page in `pages`.
    first: u64,
    /// Pages without entries, kept in their boxes so that they move without being copied.
    #[expect(clippy::vec_box, reason = "a spare page goes back into the table as the box it is")]
    spare: Vec<Box<Slots>>,
}

impl PagedMap {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The slot of `id`.
    #[must_use]
    #[inline]
    pub fn find(&self, id: u64) -> Option<u32> {
        let page = (id / PAGE as u64).checked_sub(self.first)?;
        let slot = self.pages.get(usize::try_from(page).ok()?)?.slots.as_ref()?[id as usize % PAGE];
        (slot != EMPTY).then_some(slot)
    }

    /// Sets the slot of `id`.
    pub fn insert(&mut self, id: u64, slot: u32) {
        let number = id / PAGE as u64;
        let has_page = |number: u64| {
            let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
            self.pages.get(at)?.slots.as_ref()
        };
        if rarely(has_page(number).is_none()) {
            self.open_page(number);
        }
        let at = (number - self.first) as usize;
        let Page { slots: Some(slots), live } = &mut self.pages[at] else { return }; // It was opened.
        let place = &mut slots[id as usize % PAGE];
        *live += u32::from(*place == EMPTY);
        *place = slot;
    }

    /// Makes a page for the ids of this number.
    #[cold]
    fn open_page(&mut self, number: u64) {
        if self.pages.is_empty() {
            self.first = number;
        }
        while number < self.first {
            self.pages.push_front(Page::default());
            self.first -= 1;
        }
        let at = (number - self.first) as usize;
        if at >= self.pages.len() {
            self.pages.resize_with(at + 1, Page::default);
        }
        let spare = &mut self.spare;
        self.pages[at].slots.get_or_insert_with(|| spare.pop().unwrap_or_else(|| Box::new([EMPTY; PAGE])));
    }

    /// Every id with its slot, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.pages.iter().enumerate().flat_map(move |(at, page)| {
            let base = (self.first + at as u64) * PAGE as u64;
            let slots = page.slots.iter().flat_map(|slots| slots.iter().enumerate());
            slots.filter(|&(_, &slot)| slot != EMPTY).map(move |(offset, &slot)| (base + offset as u64, slot))
        })
    }

    /// Forgets `id` and says what its slot was.
    pub fn remove(&mut self, id: u64) -> Option<u32> {
        let at = usize::try_from((id / PAGE as u64).checked_sub(self.first)?).ok()?;
        let page = self.pages.get_mut(at)?;
        let slot = core::mem::replace(&mut page.slots.as_mut()?[id as usize % PAGE], EMPTY);
        if slot == EMPTY {
            return None;
        }
        page.live -= 1;
        if page.live == 0 {
            self.spare.extend(page.slots.take());
            while let Some(Page { slots: None, .. }) = self.pages.front() {
                self.pages.pop_front();
                self.first += 1;
            }
        }
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_an_ordered_map(ops in proptest::collection::vec((0_u64..3000, any::<bool>()), 1..400)) {
            let mut paged = PagedMap::new();
            let mut plain = BTreeMap::new();
            for (at, (id, add)) in ops.into_iter().enumerate() {
                if add {
                    paged.insert(id, at as u32);
                    plain.insert(id, at as u32);
                } else {
                    prop_assert_eq!(paged.remove(id), plain.remove(&id));
                }
                prop_assert_eq!(paged.find(id), plain.get(&id).copied());
            }
            prop_assert!(paged.iter().eq(plain.into_iter()));
        }
    }

    #[test]
    fn memory_follows_what_is_alive() {
        let mut map = PagedMap::new();
        for id in 0..1_000_000_u64 {
            map.insert(id, 1);
            if id >= 1000 {
                map.remove(id - 1000);
            }
        }
        assert!(map.pages.len() + map.spare.len() < 16);
    }
}
