//! The books on offers and claims: what was made of each, how long it was under way, who had work and no use for any.

use std::collections::BTreeMap;

use windtunnel_outcome::distribution::Distribution;
use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::config::Framework;
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::id::{OfferId, PartyId};
use windtunnel_scheduler::resources::CPU;
use windtunnel_scheduler::time::{Span, Time};

/// Times in flight that are kept one by one.
const EXACT_MOST: usize = 1 << 16;
/// How long parties may at least offer and refuse without a start before a run counts as drained.
const PATIENCE: Span = Span::from_seconds(3600);

/// An offer that is not answered.
#[derive(Clone, Copy)]
struct Open {
    since: Time,
    to: PartyId,
    cpu_milli: u32,
    used: bool,
}

/// What became of the offers to one framework, or of its claims.
#[derive(Clone, Default)]
struct Tally {
    made: u64,
    accepted: u64,
    declined: u64,
    rescinded: u64,
    launches: u64,
    refused: u64,
    suppressed: u64,
    revived: u64,
    /// Millicores times microseconds in offers that were not answered.
    held: u128,
    claims: u64,
    conflicts: u64,
    /// Tasks that wait with it.
    waiting: u64,
    /// Since when it has had work and started nothing.
    hungry: Option<Time>,
    hungry_longest: Span,
}

/// The books.
#[derive(Clone, Default)]
pub(crate) struct Offers {
    names: Vec<String>,
    tallies: Vec<Tally>,
    open: BTreeMap<OfferId, Open>,
    in_flight: Option<Distribution>,
    /// How long parties may offer and refuse without a start before a run counts as drained.
    pub(crate) patience: Span,
}

impl Offers {
    /// Those who are offered something, in the order of their parties; the first party is none of them.
    pub(crate) fn new(frameworks: &[Framework]) -> Self {
        let names: Vec<String> = frameworks.iter().map(|framework| framework.name.clone()).collect();
        let tallies = vec![Tally::default(); names.len()];
        // Whoever may not ask for offers yet has not given up.
        let resumes = frameworks.iter().map(|framework| framework.config.habits.resumes).max();
        let patience = PATIENCE.max(resumes.unwrap_or_default());
        Self { names, tallies, open: BTreeMap::new(), in_flight: None, patience }
    }

    /// True if nobody is offered anything.
    pub(crate) fn is_idle(&self) -> bool {
        self.tallies.is_empty()
    }

    fn tally(&mut self, party: PartyId) -> Option<&mut Tally> {
        self.tallies.get_mut(usize::from(party.0).checked_sub(1)?)
    }

    /// Takes a decision into the books.
    pub(crate) fn note(&mut self, now: Time, party: PartyId, decision: &Decision) {
        match *decision {
            Decision::Offer { to, offer } => {
                self.open.insert(offer.offer, Open { since: now, to, cpu_milli: offer.resources[CPU], used: false });
                self.count(to, |tally| tally.made += 1);
            }
            Decision::Rescind { to, offer } => {
                self.answered(now, offer);
                self.count(to, |tally| tally.rescinded += 1);
            }
            Decision::Decline { offer, .. } => {
                let used = self.answered(now, offer);
                self.count(party, |tally| tally.declined += u64::from(used == Some(false)));
            }
            Decision::Launch(launch) => self.launched(now, party, launch.offer),
            Decision::Claim(_) => self.count(party, |tally| tally.claims += 1),
            Decision::Refuse { to, .. } => self.count(to, |tally| {
                tally.refused += 1;
                tally.conflicts += u64::from(tally.claims > 0);
            }),
            Decision::Suppress => self.count(party, |tally| tally.suppressed += 1),
            Decision::Revive => self.count(party, |tally| tally.revived += 1),
            _ => {}
        }
    }

    fn count(&mut self, party: PartyId, change: impl FnOnce(&mut Tally)) {
        if let Some(tally) = self.tally(party) {
            change(tally);
        }
    }

    fn launched(&mut self, now: Time, party: PartyId, offer: OfferId) {
        let first = self.open.get_mut(&offer).is_some_and(|open| !std::mem::replace(&mut open.used, true));
        if first {
            self.flew(now, offer);
        }
        self.count(party, |tally| {
            tally.launches += 1;
            tally.accepted += u64::from(first);
        });
    }

    /// An offer is over: whether it was used, if it was open.
    fn answered(&mut self, now: Time, offer: OfferId) -> Option<bool> {
        let open = *self.open.get(&offer)?;
        if !open.used {
            self.flew(now, offer);
        }
        self.open.remove(&offer);
        Some(open.used)
    }

    fn flew(&mut self, now: Time, offer: OfferId) {
        let Some(&open) = self.open.get(&offer) else { return };
        let flight = now - open.since;
        self.in_flight.get_or_insert_with(|| Distribution::new(EXACT_MOST)).add(flight.0);
        self.count(open.to, |tally| tally.held += u128::from(open.cpu_milli) * u128::from(flight.0));
    }

    /// Tasks of a framework come to wait (or, negative, do not any more).
    pub(crate) fn wait(&mut self, now: Time, party: PartyId, change: i64, started: bool) {
        self.count(party, |tally| {
            tally.waiting = tally.waiting.saturating_add_signed(change);
            if started && let Some(since) = tally.hungry.take() {
                tally.hungry_longest = tally.hungry_longest.max(now - since);
            }
            if tally.waiting == 0 {
                tally.hungry = None;
            } else {
                tally.hungry.get_or_insert(now);
            }
        });
    }

    /// Writes everything down.
    pub(crate) fn record(&mut self, now: Time, summary: &mut Summary) {
        if self.is_idle() {
            return;
        }
        let sum = |of: fn(&Tally) -> u64| self.tallies.iter().map(of).sum::<u64>();
        let counts: [(&str, u64); 9] = [
            ("offers.made", sum(|tally| tally.made)),
            ("offers.accepted", sum(|tally| tally.accepted)),
            ("offers.declined", sum(|tally| tally.declined)),
            ("offers.rescinded", sum(|tally| tally.rescinded)),
            ("offers.unanswered_at_end", self.open.values().filter(|open| !open.used).count() as u64),
            ("offers.launches", sum(|tally| tally.launches)),
            ("offers.launches_refused", sum(|tally| tally.refused)),
            ("claims.made", sum(|tally| tally.claims)),
            ("claims.conflicts", sum(|tally| tally.conflicts)),
        ];
        for (name, count) in counts {
            summary.set(name, count);
        }
        let share = (counts[7].1 > 0).then(|| counts[8].1 as f64 / counts[7].1 as f64);
        summary.set("claims.conflict_share", share);
        let seconds = |us: Option<u64>| us.map(|us| us as f64 / 1e6);
        let mut flights = self.in_flight.take().unwrap_or_default();
        summary.set("offers.in_flight_s.mean", flights.mean().map(|mean| mean / 1e6));
        summary.set("offers.in_flight_s.p99", seconds(flights.p99()));
        summary.set("offers.in_flight_s.max", seconds(flights.max()));
        for (name, tally) in self.names.iter().zip(&self.tallies) {
            let hungry = tally.hungry.map_or(Span::ZERO, |since| now.since(since)).max(tally.hungry_longest);
            let numbers: [(&str, f64); 9] = [
                ("offers_made", tally.made as f64),
                ("offers_accepted", tally.accepted as f64),
                ("offers_declined", tally.declined as f64),
                ("launches", tally.launches as f64),
                ("launches_refused", tally.refused as f64),
                ("suppressed", tally.suppressed as f64),
                ("revived", tally.revived as f64),
                ("held_core_s", core_seconds(tally.held)),
                ("starved_s", hungry.as_seconds()),
            ];
            for (key, number) in numbers {
                summary.set_path(vec!["by_framework".to_owned(), name.clone(), key.to_owned()], number);
            }
        }
    }
}

/// Millicores times microseconds as core-seconds.
fn core_seconds(held: u128) -> f64 {
    held as f64 / 1e9
}
