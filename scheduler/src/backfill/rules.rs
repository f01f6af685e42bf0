//! What partitions, qualities of service and reservations mean for who may start: where, and within which limits.

use super::held::{Claimant, Held};
use super::line::Item;
use super::sections::Sections;
use crate::config::Config;
use crate::event::{GpuSet, NodeSpec};
use crate::framework::Running;
use crate::id::NodeId;
use crate::ledger::Ledger;
use crate::resources::Resources;
use crate::time::{Span, Time};

/// The books that terms are held to.
#[derive(Clone)]
pub struct Rules {
    config: Config,
    /// Where there is room, and when.
    pub sections: Sections,
    held: Held,
}

impl Rules {
    /// The rules of a configuration; none if it has no terms.
    #[must_use]
    pub fn new(config: &Config) -> Option<Self> {
        config.has_terms().then(|| Self {
            config: config.clone(),
            sections: Sections::new(config),
            held: Held::default(),
        })
    }

    /// The same for a fleet of which it is known who belongs where, and nothing else.
    #[must_use]
    pub fn renewed(self) -> Self {
        Self { sections: self.sections.renewed(), held: Held::default(), ..self }
    }

    /// The node as the ledger is to know it.
    pub fn mark(&mut self, spec: &NodeSpec) -> NodeSpec {
        self.sections.mark(&self.config, spec)
    }

    /// A node joins, or is gone.
    pub fn change_node(&mut self, node: NodeId, capacity: &Resources, now: Time, joins: bool) {
        self.sections.change_node(&self.config, node, capacity, now, joins);
    }

    /// An item as it stands in the line: its tier and its route.
    #[must_use]
    pub fn entered(&mut self, item: Item) -> Item {
        let tier = self.config.partition(&item.terms).map_or(0, |partition| partition.tier);
        let rank = (i64::from(i32::MAX) - i64::from(tier)) as u32;
        Item { rank, route: self.sections.route_of(&self.config, &item.terms), ..item }
    }

    /// True if a limit forbids that one more task of a job starts now.
    #[must_use]
    pub fn forbids(&self, running: &Running, job: u32) -> bool {
        self.held.forbids(&self.config, &claimant(running, job))
    }

    /// A task, where it runs known, begins to hold room until it is believed to end.
    pub fn started(&mut self, ledger: &Ledger, running: &Running, slot: u32, now: Time) {
        let task = running.task(slot);
        self.held.note(&self.config, &claimant(running, task.job), true);
        let job = running.job(task.job);
        let route = self.sections.route_of(&self.config, &job.terms);
        let room = self.sections.room_of(route);
        let end = now + Span(job.estimate_us);
        self.change_task(ledger, running, slot, room, (now, end), true);
    }

    /// A task ended; to be called before it is forgotten.
    pub fn ended(&mut self, ledger: &Ledger, running: &Running, slot: u32, now: Time) {
        let task = running.task(slot);
        if task.due == Time::ZERO {
            // It never held room of ours.
            return;
        }
        self.held.note(&self.config, &claimant(running, task.job), false);
        if task.due > now && !task.is_released() {
            let room = self.room_of(running, slot);
            self.change_task(ledger, running, slot, room, (now, task.due), false);
        }
    }

    /// A task is found to run longer than it was believed to, until `end` at least. Reservations are over then: it is
    /// in the way of everybody.
    pub fn overdue(&mut self, ledger: &Ledger, running: &Running, slot: u32, (now, end): (Time, Time)) {
        self.change_task(ledger, running, slot, 0, (now, end), true);
    }

    /// Room is made for a task of a job, at these places and until `end`; or (`holds` false) no longer. It counts for
    /// limits as if it ran.
    pub fn nominated(
        &mut self,
        ledger: &Ledger,
        running: &Running,
        (job, parts): (u32, &[(NodeId, u32, GpuSet)]),
        (now, end): (Time, Time),
        holds: bool,
    ) {
        self.held.note(&self.config, &claimant(running, job), holds);
        if end > now {
            let route = self.sections.route_of(&self.config, &running.job(job).terms);
            let unit = ledger.shapes().shape(running.job(job).shape).request;
            let places = parts.iter().map(|&(node, count, _)| (node, count));
            self.sections.change_task(self.sections.room_of(route), places, &unit, (now, end), holds);
        }
    }

    /// Whether a waiting task may have the room at these places once the victims have left: it has to be room of its
    /// sections for as long as it asks, so that nobody who holds a reservation is delayed. If so, it is booked.
    pub fn permits(
        &mut self,
        ledger: &Ledger,
        running: &Running,
        item: &Item,
        parts: &[(NodeId, u32, GpuSet)],
        victims: &[u32],
        now: Time,
    ) -> bool {
        self.change_victims(ledger, running, victims, now, false);
        let end = now + Span(item.estimate_us.max(1));
        let unit = ledger.shapes().shape(item.shape).request;
        let places = parts.iter().map(|&(node, count, _)| (node, count));
        let permits = self.sections.could_hold(item.route, places, &unit, (now, end));
        if permits {
            self.nominated(ledger, running, (item.job, parts), (now, now + Span(item.estimate_us)), true);
        } else {
            self.change_victims(ledger, running, victims, now, true);
        }
        permits
    }

    /// What victims would hold from now on is free, or (`holds` true) not after all.
    fn change_victims(&mut self, ledger: &Ledger, running: &Running, victims: &[u32], now: Time, holds: bool) {
        for &slot in victims {
            let due = running.task(slot).due;
            if due > now {
                let room = self.room_of(running, slot);
                self.change_task(ledger, running, slot, room, (now, due), holds);
            }
        }
    }

    fn room_of(&mut self, running: &Running, slot: u32) -> usize {
        let task = running.task(slot);
        let job = running.job(task.job);
        if task.due > task.started + Span(job.estimate_us) {
            return 0;
        }
        let route = self.sections.route_of(&self.config, &job.terms);
        self.sections.room_of(route)
    }

    fn change_task(
        &mut self,
        ledger: &Ledger,
        running: &Running,
        slot: u32,
        room: usize,
        stretch: (Time, Time),
        holds: bool,
    ) {
        let unit = ledger.shapes().shape(running.job(running.task(slot).job).shape).request;
        self.sections.change_task(room, running.places(slot), &unit, stretch, holds);
    }

    /// The next instant at which a reservation begins or ends; [`Time::NEVER`] if none does.
    #[must_use]
    pub fn next_boundary(&self, now: Time) -> Time {
        let stretches = self.config.reservations.iter().flat_map(|reservation| reservation.stretches());
        stretches.flat_map(|(from, to)| [from, to]).filter(|&at| at > now).min().unwrap_or(Time::NEVER)
    }
}

fn claimant(running: &Running, job: u32) -> Claimant {
    let job = running.job(job);
    Claimant { terms: job.terms, account: job.waiter.role, cpu_milli: job.waiter.cpu_milli }
}
