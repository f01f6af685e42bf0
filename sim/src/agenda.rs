//! The future: what is known to happen later, popped one instant at a time.
//!
//! A radix heap (Ahuja, Mehlhorn, Orlin, Tarjan 1990): time never runs backwards, so an entry needs to be sorted only
//! as finely as the next instant demands. Its cost does not grow with the number of pending entries. It does not keep
//! the order of entries of one instant, and need not: the caller sorts an instant canonically. Arrivals are not kept
//! here but merged from their streams.

use windtunnel_scheduler::time::Time;

/// Entries in one piece of a bucket.
const PIECE: usize = 128;
/// At most so many entries are shown ahead of their time at once.
pub const SOON_MOST: usize = 64;
const NIL: u32 = u32::MAX;
/// One bucket for "now" and one for each highest differing bit.
const BUCKETS: usize = 65;

/// Something that happens: what it is stays with the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// What.
    pub what: u64,
}

#[derive(Clone)]
struct Piece {
    entries: [Entry; PIECE],
    length: usize,
    next: u32,
}

/// The pending entries.
#[derive(Clone)]
pub struct Agenda {
    /// Nothing earlier can be pushed any more.
    last: u64,
    heads: [u32; BUCKETS],
    /// Bit i is set while bucket i is not empty.
    filled: u128,
    pieces: Vec<Piece>,
    spare: Vec<u32>,
    length: usize,
    /// The earliest entry, if it is known.
    least: Option<u64>,
    /// What happens soon, in no particular order: see [`Agenda::soon`].
    soon: Vec<u64>,
    /// Up to here everything was shown.
    shown: u64,
}

impl Default for Agenda {
    fn default() -> Self {
        Self {
            last: 0,
            heads: [NIL; BUCKETS],
            filled: 0,
            pieces: Vec::new(),
            spare: Vec::new(),
            length: 0,
            least: None,
            soon: Vec::new(),
            shown: 0,
        }
    }
}

impl Agenda {
    /// How many entries are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// True if nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds an entry. One that is earlier than the instant popped last happens at that instant: the past is closed.
    #[inline]
    pub fn push(&mut self, entry: Entry) {
        let at = entry.at.0.max(self.last);
        if self.length == 0 {
            self.least = Some(at);
        } else {
            self.least = self.least.map(|least| least.min(at));
        }
        self.length += 1;
        self.put(Entry { at: Time(at), what: entry.what });
    }

    #[inline]
    fn put(&mut self, entry: Entry) {
        let bucket = (u64::BITS - (entry.at.0 ^ self.last).leading_zeros()) as usize;
        let head = self.heads[bucket];
        if head != NIL {
            let piece = &mut self.pieces[head as usize];
            if piece.length < PIECE {
                piece.entries[piece.length] = entry;
                piece.length += 1;
                return;
            }
        }
        let piece = self.spare.pop().unwrap_or_else(|| {
            self.pieces.push(Piece { entries: [Entry::default(); PIECE], length: 0, next: NIL });
            (self.pieces.len() - 1) as u32
        });
        let fresh = &mut self.pieces[piece as usize];
        fresh.entries[0] = entry;
        fresh.length = 1;
        fresh.next = head;
        self.heads[bucket] = piece;
        self.filled |= 1 << bucket;
    }

    /// The next instant at which something happens.
    pub fn earliest(&mut self) -> Option<Time> {
        if self.filled == 0 {
            return None;
        }
        if self.least.is_none() {
            self.least = Some(self.search());
        }
        self.least.map(Time)
    }

    /// Looking does not move the clock: something may yet be pushed before the earliest entry.
    fn search(&self) -> u64 {
        let bucket = self.filled.trailing_zeros() as usize;
        if bucket == 0 {
            return self.last;
        }
        let mut least = u64::MAX;
        let mut at = self.heads[bucket];
        while at != NIL {
            let piece = &self.pieces[at as usize];
            for entry in &piece.entries[..piece.length] {
                least = least.min(entry.at.0);
            }
            at = piece.next;
        }
        least
    }

    /// Moves the clock to `now` and appends what happens then to `happening`, in no particular order.
    ///
    /// `now` must not be later than [`Agenda::earliest`]: entries would be jumped over.
    pub fn pop(&mut self, now: Time, happening: &mut Vec<u64>) {
        if self.last != now.0 {
            let moved = (u64::BITS - (now.0 ^ self.last).leading_zeros()) as usize;
            self.last = now.0;
            // Lower buckets are empty, since nothing lies between the two instants; higher ones are where they belong.
            self.spread(moved);
        }
        if self.least.is_some_and(|least| least <= now.0) {
            self.least = None;
        }
        let mut at = std::mem::replace(&mut self.heads[0], NIL);
        self.filled &= !1;
        while at != NIL {
            let piece = &mut self.pieces[at as usize];
            happening.extend(piece.entries[..piece.length].iter().map(|entry| entry.what));
            self.length -= piece.length;
            self.spare.push(at);
            at = piece.next;
        }
    }

    /// What is about to happen, as far as it was not shown before: so that whoever is to deal with it can have fetched
    /// together what each will need. Most of what happens is shown, nothing twice; newcomers in between are not.
    #[inline]
    pub fn soon(&self) -> &[u64] {
        &self.soon
    }

    /// Forgets what was shown.
    pub fn forget_soon(&mut self) {
        self.soon.clear();
    }

    /// Shows the entries of a bucket that is small enough: what is in it comes next.
    fn show(&mut self, piece: u32) {
        let Some(piece) = self.pieces.get(piece as usize) else { return };
        if piece.next != NIL || piece.length > SOON_MOST {
            return;
        }
        let entries = &piece.entries[..piece.length];
        let latest = entries.iter().map(|entry| entry.at.0).max().unwrap_or(0);
        if latest > self.shown {
            let shown = self.shown;
            self.soon.clear();
            self.soon.extend(entries.iter().filter(|entry| entry.at.0 > shown).map(|entry| entry.what));
            self.shown = latest;
        }
    }

    /// Puts every entry of a bucket where it belongs now.
    fn spread(&mut self, bucket: usize) {
        let mut at = std::mem::replace(&mut self.heads[bucket], NIL);
        self.filled &= !(1 << bucket);
        self.show(at);
        while at != NIL {
            let (length, next) = (self.pieces[at as usize].length, self.pieces[at as usize].next);
            for index in 0..length {
                let entry = self.pieces[at as usize].entries[index];
                self.put(entry);
            }
            self.spare.push(at);
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn pops_what_an_ordered_map_pops(gaps in proptest::collection::vec((0_u64..1 << 40, 0_u64..1000), 1..300)) {
            let mut agenda = Agenda::default();
            let mut plain: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
            let mut now = 0;
            for (what, (far, near)) in gaps.into_iter().enumerate() {
                for at in [now + far, now + near] {
                    agenda.push(Entry { at: Time(at), what: what as u64 });
                    plain.entry(at).or_default().push(what as u64);
                }
                if what % 3 == 0 {
                    let (at, mut expected) = plain.pop_first().expect("just filled");
                    prop_assert_eq!(agenda.earliest(), Some(Time(at)));
                    // An instant without entries may come first: an arrival.
                    let between = now + (at - now) / 2;
                    let mut happening = Vec::new();
                    agenda.pop(Time(between), &mut happening);
                    if between < at {
                        prop_assert!(happening.is_empty());
                        agenda.pop(Time(at), &mut happening);
                    }
                    happening.sort_unstable();
                    expected.sort_unstable();
                    prop_assert_eq!(happening, expected);
                    now = at;
                }
            }
            prop_assert_eq!(agenda.len(), plain.values().map(Vec::len).sum::<usize>());
        }
    }
}
