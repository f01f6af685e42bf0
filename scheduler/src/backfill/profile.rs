//! How much of one lane is free from now on: a step function of time, in a balanced tree.
//!
//! A treap (Seidel, Aragon 1996) of the instants at which the amount changes. Each subtree knows the least and the most
//! that is free in it, and a sum that still has to be handed down; so taking room for a span, giving it back and
//! looking at an instant cost the logarithm of the number of steps, and a search jumps over every stretch that is too
//! full as a whole or free as a whole.

use crate::draw::mix;
use crate::slab::Slab;

const NONE: u32 = u32::MAX;
/// After every instant.
const NEVER: u64 = u64::MAX;

/// A step: so much is free from `at` until the next step.
#[derive(Clone, Copy)]
struct Step {
    at: u64,
    free: i64,
    /// Over the steps of this subtree.
    least: i64,
    most: i64,
    /// What the steps below, not this one, still have to add.
    pending: i64,
    weight: u64,
    left: u32,
    right: u32,
}

/// The free amount over time. Before the first step nothing is free.
#[derive(Clone)]
pub struct Profile {
    steps: Slab<Step>,
    root: u32,
    draws: u64,
}

impl Default for Profile {
    fn default() -> Self {
        Self { steps: Slab::default(), root: NONE, draws: 0 }
    }
}

/// A search for a stretch of time in which enough is free.
struct Search {
    after: u64,
    length: u64,
    need: i64,
    /// A stretch that begins later does not count.
    until: u64,
    /// A stretch that reaches so far is long enough.
    limit: u64,
    /// Where the stretch began that the search is in.
    since: Option<u64>,
}

impl Search {
    /// The next step begins at `at`: true if the stretch is long enough now, or nothing can be found any more.
    fn is_over(&self, at: u64) -> bool {
        match self.since {
            Some(since) => at >= since.saturating_add(self.length) || at >= self.limit,
            None => at >= self.until,
        }
    }
}

impl Profile {
    /// How many steps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// True if nothing was ever free.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root == NONE
    }

    /// Adds `amount` (taken if negative) from `from` until `to`; an end at `u64::MAX` is no end.
    pub fn add(&mut self, from: u64, to: u64, amount: i64) {
        if amount == 0 || from >= to {
            return;
        }
        self.cut(from);
        if to != NEVER {
            self.cut(to);
        }
        self.add_below(self.root, (0, NEVER), (from, to), amount);
        self.smooth(from);
        if to != NEVER {
            self.smooth(to);
        }
    }

    /// What is free at an instant.
    #[must_use]
    pub fn at(&self, at: u64) -> i64 {
        let (mut here, mut sum, mut free) = (self.root, 0, 0);
        while here != NONE {
            let step = &self.steps[here];
            if step.at <= at {
                free = step.free + sum;
                sum += step.pending;
                here = step.right;
            } else {
                sum += step.pending;
                here = step.left;
            }
        }
        free
    }

    /// The first step after an instant.
    #[must_use]
    pub fn next_step(&self, after: u64) -> Option<u64> {
        let (mut here, mut found) = (self.root, None);
        while here != NONE {
            let step = &self.steps[here];
            if step.at > after {
                found = Some(step.at);
                here = step.left;
            } else {
                here = step.right;
            }
        }
        found
    }

    /// The earliest instant, not before `after`, from which `need` is free for `length`. None if there is none.
    #[must_use]
    pub fn earliest(&self, after: u64, length: u64, need: i64) -> Option<u64> {
        self.earliest_within((after, NEVER), length, need, NEVER)
    }

    /// The same if it has to lie before `until`, and if being free up to `limit` is enough.
    #[must_use]
    pub fn earliest_within(&self, (after, until): (u64, u64), length: u64, need: i64, limit: u64) -> Option<u64> {
        let mut search = Search { after, length: length.max(1), need, until, limit, since: None };
        self.look(self.root, 0, &mut search);
        search.since.filter(|&since| since < until)
    }

    /// The most that is free at any instant from `from` until `to`; nothing if that is no time.
    #[must_use]
    pub fn most_within(&self, from: u64, to: u64) -> i64 {
        if from >= to {
            return 0;
        }
        self.most_below(self.root, 0, (0, NEVER), (from, to)).unwrap_or(i64::MIN).max(self.at(from))
    }

    /// The least that is free at any instant from `from` until `to`; without bound if that is no time.
    #[must_use]
    pub fn least_within(&self, from: u64, to: u64) -> i64 {
        if from >= to {
            return i64::MAX;
        }
        self.least_below(self.root, 0, (0, NEVER), (from, to)).unwrap_or(i64::MAX).min(self.at(from))
    }

    /// Over the steps that begin within the range.
    fn least_below(&self, here: u32, sum: i64, (low, high): (u64, u64), range: (u64, u64)) -> Option<i64> {
        if here == NONE || high < range.0 || low >= range.1 {
            return None;
        }
        let step = &self.steps[here];
        if low >= range.0 && high < range.1 {
            return Some(step.least + sum);
        }
        let own = (step.at >= range.0 && step.at < range.1).then_some(step.free + sum);
        let below = sum + step.pending;
        let left = self.least_below(step.left, below, (low, step.at.saturating_sub(1)), range);
        let right = self.least_below(step.right, below, (step.at.saturating_add(1), high), range);
        [own, left, right].into_iter().flatten().min()
    }

    /// Over the steps that begin within the range.
    fn most_below(&self, here: u32, sum: i64, (low, high): (u64, u64), range: (u64, u64)) -> Option<i64> {
        if here == NONE || high < range.0 || low >= range.1 {
            return None;
        }
        let step = &self.steps[here];
        if low >= range.0 && high < range.1 {
            return Some(step.most + sum);
        }
        let own = (step.at >= range.0 && step.at < range.1).then_some(step.free + sum);
        let below = sum + step.pending;
        let left = self.most_below(step.left, below, (low, step.at.saturating_sub(1)), range);
        let right = self.most_below(step.right, below, (step.at.saturating_add(1), high), range);
        own.max(left).max(right)
    }

    /// In order of time; true if the search is over.
    fn look(&self, here: u32, sum: i64, search: &mut Search) -> bool {
        if here == NONE {
            return false;
        }
        let step = &self.steps[here];
        let below = sum + step.pending;
        match search.since {
            // A stretch that is free as a whole goes on through it; whether it was long enough shows afterwards.
            Some(_) if step.least + sum >= search.need => return false,
            None if step.most + sum < search.need => return false,
            _ => {}
        }
        if step.at > search.after && self.look(step.left, below, search) {
            return true;
        }
        if search.is_over(step.at) {
            return true;
        }
        match (step.free + sum >= search.need, search.since) {
            (true, None) => search.since = Some(step.at.max(search.after)),
            // What comes before `after` does not count, so nothing is found yet.
            (false, _) => search.since = None,
            _ => {}
        }
        self.look(step.right, below, search)
    }

    /// Forgets what was before an instant.
    pub fn forget_before(&mut self, now: u64) {
        while self.root != NONE {
            let (mut first, mut second) = (self.root, None);
            while self.steps[first].left != NONE {
                second = Some(first);
                first = self.steps[first].left;
            }
            let after_first = match self.steps[first].right {
                NONE => second.map(|parent| self.steps[parent].at),
                mut right => {
                    while self.steps[right].left != NONE {
                        right = self.steps[right].left;
                    }
                    Some(self.steps[right].at)
                }
            };
            if after_first.is_none_or(|next| next > now) {
                return;
            }
            let at = self.steps[first].at;
            self.root = self.remove(self.root, at);
        }
    }

    /// Makes a step at an instant, of no height.
    fn cut(&mut self, at: u64) {
        if self.step_at(at) {
            return;
        }
        let free = self.at(at);
        self.draws += 1;
        let weight = mix(self.draws);
        let step = Step { at, free, least: free, most: free, pending: 0, weight, left: NONE, right: NONE };
        let slot = self.steps.insert(step);
        self.root = self.insert(self.root, slot);
    }

    fn step_at(&self, at: u64) -> bool {
        let mut here = self.root;
        while here != NONE {
            let step = &self.steps[here];
            match at.cmp(&step.at) {
                core::cmp::Ordering::Equal => return true,
                core::cmp::Ordering::Less => here = step.left,
                core::cmp::Ordering::Greater => here = step.right,
            }
        }
        false
    }

    /// Takes a step out that is of no height.
    fn smooth(&mut self, at: u64) {
        if at > 0 && self.at(at) == self.at(at - 1) {
            self.root = self.remove(self.root, at);
        }
    }

    fn add_below(&mut self, here: u32, (low, high): (u64, u64), range: (u64, u64), amount: i64) {
        if here == NONE || high < range.0 || low >= range.1 {
            return;
        }
        if low >= range.0 && (high < range.1 || range.1 == NEVER) {
            self.lift(here, amount);
            return;
        }
        self.hand_down(here);
        let Step { at, left, right, .. } = self.steps[here];
        self.add_below(left, (low, at.saturating_sub(1)), range, amount);
        self.add_below(right, (at.saturating_add(1), high), range, amount);
        if at >= range.0 && at < range.1 {
            self.steps[here].free += amount;
        }
        self.sum_up(here);
    }

    /// Adds to a whole subtree.
    fn lift(&mut self, here: u32, amount: i64) {
        if here != NONE {
            let step = &mut self.steps[here];
            step.free += amount;
            step.least += amount;
            step.most += amount;
            step.pending += amount;
        }
    }

    fn hand_down(&mut self, here: u32) {
        let Step { pending, left, right, .. } = self.steps[here];
        if pending != 0 {
            self.steps[here].pending = 0;
            self.lift(left, pending);
            self.lift(right, pending);
        }
    }

    /// What a step whose `pending` is zero knows about its subtree.
    fn sum_up(&mut self, here: u32) {
        let Step { free, left, right, .. } = self.steps[here];
        let (mut least, mut most) = (free, free);
        for child in [left, right] {
            if child != NONE {
                least = least.min(self.steps[child].least);
                most = most.max(self.steps[child].most);
            }
        }
        (self.steps[here].least, self.steps[here].most) = (least, most);
    }

    fn insert(&mut self, here: u32, slot: u32) -> u32 {
        if here == NONE {
            return slot;
        }
        self.hand_down(here);
        let goes_left = self.steps[slot].at < self.steps[here].at;
        let child = if goes_left { self.steps[here].left } else { self.steps[here].right };
        let child = self.insert(child, slot);
        if goes_left {
            self.steps[here].left = child;
        } else {
            self.steps[here].right = child;
        }
        if self.steps[child].weight > self.steps[here].weight {
            return self.rotate(here, child, goes_left);
        }
        self.sum_up(here);
        here
    }

    /// `child`, on the left or right of `here`, comes above it.
    fn rotate(&mut self, here: u32, child: u32, from_left: bool) -> u32 {
        self.hand_down(child);
        if from_left {
            self.steps[here].left = self.steps[child].right;
            self.steps[child].right = here;
        } else {
            self.steps[here].right = self.steps[child].left;
            self.steps[child].left = here;
        }
        self.sum_up(here);
        self.sum_up(child);
        child
    }

    fn remove(&mut self, here: u32, at: u64) -> u32 {
        if here == NONE {
            return NONE;
        }
        self.hand_down(here);
        let Step { at: mine, left, right, .. } = self.steps[here];
        match at.cmp(&mine) {
            core::cmp::Ordering::Equal => {
                self.steps.free(here);
                return self.merge(left, right);
            }
            core::cmp::Ordering::Less => self.steps[here].left = self.remove(left, at),
            core::cmp::Ordering::Greater => self.steps[here].right = self.remove(right, at),
        }
        self.sum_up(here);
        here
    }

    /// One tree out of two, all of the left one being earlier.
    fn merge(&mut self, left: u32, right: u32) -> u32 {
        if left == NONE {
            return right;
        }
        if right == NONE {
            return left;
        }
        if self.steps[left].weight > self.steps[right].weight {
            self.hand_down(left);
            let merged = self.merge(self.steps[left].right, right);
            self.steps[left].right = merged;
            self.sum_up(left);
            left
        } else {
            self.hand_down(right);
            let merged = self.merge(left, self.steps[right].left);
            self.steps[right].left = merged;
            self.sum_up(right);
            right
        }
    }
}
