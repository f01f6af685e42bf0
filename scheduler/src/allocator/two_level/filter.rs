//! Filters: what a framework refused need not be offered again for a while (O4).

use alloc::vec::Vec;

use hashbrown::HashTable;

use crate::draw::mix;
use crate::resources::Resources;
use crate::time::{Span, Time};

/// For how long a framework refuses what it does not use, unless it says otherwise.
pub const REFUSE_DEFAULT: Span = Span::from_seconds(5);
/// The longest refusal: 365 days.
pub const REFUSE_MOST: Span = Span::from_seconds(31_536_000);

/// The refusal of a framework in seconds, as the protocol has it: below zero or no number is the default, too much is
/// 365 days.
#[must_use]
pub fn refusal(seconds: f64) -> Span {
    if seconds.is_nan() || seconds < 0.0 {
        return REFUSE_DEFAULT;
    }
    if seconds > REFUSE_MOST.as_seconds() {
        return REFUSE_MOST;
    }
    Span((seconds * 1e6) as u64)
}

/// Something refused: reserved for nobody, and on other terms.
#[derive(Clone, Copy, Debug)]
struct Filter {
    plain: Resources,
    on_terms: Resources,
    /// It holds before this instant,
    until: Time,
    /// and at it too, if it was made after the periodic run of its own instant: the order within an instant is kept.
    and_then: bool,
    /// The life of the agent and the revivals of the role that it belongs to; of others it says nothing.
    life: (u32, u32),
}

impl Filter {
    fn holds(&self, now: Time, life: (u32, u32)) -> bool {
        self.life == life && (now < self.until || (self.and_then && now == self.until))
    }

    fn covers(&self, plain: &Resources, on_terms: &Resources) -> bool {
        plain.fits_in(&self.plain) && on_terms.fits_in(&self.on_terms)
    }
}

#[derive(Clone, Debug)]
struct Entry {
    role: u32,
    agent: u32,
    first: Filter,
    /// Further ones, hardly ever: most refuse everything there is.
    more: Vec<Filter>,
}

/// The filters of one framework.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    table: HashTable<Entry>,
}

fn hash(role: u32, agent: u32) -> u64 {
    mix(u64::from(role) << 32 | u64::from(agent))
}

/// What a filter is made of and compared with.
#[derive(Clone, Copy)]
pub struct Refused {
    /// In which role.
    pub role: u32,
    /// On which agent.
    pub agent: u32,
    /// The life of the agent, and how often the role was revived.
    pub life: (u32, u32),
    /// What is reserved for nobody.
    pub plain: Resources,
    /// What is on other terms.
    pub on_terms: Resources,
}

impl Filters {
    /// Refuses this until an instant, and at that instant too if `and_then`.
    pub fn add(&mut self, now: Time, refused: &Refused, until: Time, and_then: bool) {
        let Refused { role, agent, life, plain, on_terms } = *refused;
        let fresh = Filter { plain, on_terms, until, and_then, life };
        let is_it = |entry: &Entry| entry.role == role && entry.agent == agent;
        match self.table.find_mut(hash(role, agent), is_it) {
            None => {
                let entry = Entry { role, agent, first: fresh, more: Vec::new() };
                self.table.insert_unique(hash(role, agent), entry, |entry| hash(entry.role, entry.agent));
            }
            Some(entry) => {
                entry.more.retain(|old| old.holds(now, life));
                if !entry.first.holds(now, life)
                    || (fresh.covers(&entry.first.plain, &entry.first.on_terms)
                        && (entry.first.until, entry.first.and_then) <= (until, and_then))
                {
                    entry.first = fresh;
                } else {
                    entry.more.push(fresh);
                }
            }
        }
    }

    /// When the first filter ends that covers all of this; None if none does: any growth breaks through.
    #[must_use]
    pub fn hit(&self, now: Time, offered: &Refused) -> Option<Time> {
        let is_it = |entry: &Entry| entry.role == offered.role && entry.agent == offered.agent;
        let entry = self.table.find(hash(offered.role, offered.agent), is_it)?;
        core::iter::once(&entry.first)
            .chain(&entry.more)
            .find(|filter| filter.holds(now, offered.life) && filter.covers(&offered.plain, &offered.on_terms))
            .map(|filter| filter.until)
    }

    /// True if nothing was ever refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}
