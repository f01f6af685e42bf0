//! What tasks really use, against what nodes have: who goes short of cpu, who is killed for want of memory, and what
//! could be handed out once more.

use std::cmp::Reverse;

use windtunnel_outcome::rows::State;
use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::resources::{CPU, LANES, MEMORY, Resources};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Label;

use super::truth::Attempt;
use super::{GENERATIONS, OVERLOAD, World, what};
use crate::model;

/// Part of a task on a node.
#[derive(Clone, Copy)]
struct Resident {
    slot: u32,
    members: u32,
    /// It has been there while the node was short of cpu.
    throttled: bool,
}

/// What is used of a node.
#[derive(Clone, Default)]
struct Used {
    cpu: u64,
    memory: u64,
    /// Accounted for up to here.
    since: Time,
    residents: Vec<Resident>,
    /// Tells apart kills that are no longer due: grows whenever memory comes to be short, or ceases to be.
    turn: u32,
}

/// What a team holds and does not use.
#[derive(Clone, Copy, Default)]
struct Spare {
    now: [i128; LANES],
    /// Less what began times when, and what ended times when: the time integral up to the last change.
    sum: [i128; LANES],
}

impl Spare {
    fn change(&mut self, row: &Resources, sign: i128, now: Time) {
        for lane in 0..LANES {
            let amount = sign * i128::from(row[lane]);
            self.now[lane] += amount;
            self.sum[lane] -= amount * i128::from(now.0);
        }
    }
}

/// All that is only there where it is asked what is really used.
#[derive(Clone)]
pub(super) struct Overload {
    kill_after: Option<Span>,
    /// What each node really has.
    room: Vec<Resources>,
    nodes: Vec<Used>,
    /// By label.
    teams: Vec<Option<Spare>>,
    cpu_us: u128,
    memory_us: u128,
    throttled: u64,
    throttled_us: u128,
    killed: u64,
}

impl Overload {
    pub(super) fn new(model: model::Overload) -> Self {
        let model::Overload { kill_after, room } = model;
        let nodes = vec![Used::default(); room.len()];
        let (teams, throttled, killed) = (Vec::new(), 0, 0);
        Self { kill_after, room, nodes, teams, cpu_us: 0, memory_us: 0, throttled, throttled_us: 0, killed }
    }

    fn is_short(&self, node: u32, lane: usize) -> bool {
        let used = &self.nodes[node as usize];
        let amount = if lane == CPU { used.cpu } else { used.memory };
        amount > u64::from(self.room[node as usize][lane])
    }

    /// Accounts for a node up to now.
    fn settle(&mut self, node: u32, now: Time) {
        let (cpu, memory) = (self.is_short(node, CPU), self.is_short(node, MEMORY));
        let used = &mut self.nodes[node as usize];
        let span = u128::from(now.since(used.since).0);
        used.since = now;
        if cpu {
            let members: u64 = used.residents.iter().map(|one| u64::from(one.members)).sum();
            self.cpu_us += span;
            self.throttled_us += span * u128::from(members);
        }
        if memory {
            self.memory_us += span;
        }
    }

    /// Members of a task begin to use a node; if memory comes to be short with them, tells so.
    fn enter(&mut self, node: u32, slot: u32, members: u32, row: &Resources, now: Time) -> bool {
        self.settle(node, now);
        let was_short = self.is_short(node, MEMORY);
        let used = &mut self.nodes[node as usize];
        used.cpu += u64::from(row[CPU]) * u64::from(members);
        used.memory += u64::from(row[MEMORY]) * u64::from(members);
        used.residents.push(Resident { slot, members, throttled: false });
        if self.is_short(node, CPU) {
            for one in &mut self.nodes[node as usize].residents {
                self.throttled += if one.throttled { 0 } else { u64::from(one.members) };
                one.throttled = true;
            }
        }
        let comes = !was_short && self.is_short(node, MEMORY);
        self.nodes[node as usize].turn += u32::from(comes);
        comes
    }

    fn leave(&mut self, node: u32, slot: u32, row: &Resources, now: Time) {
        self.settle(node, now);
        let was_short = self.is_short(node, MEMORY);
        let used = &mut self.nodes[node as usize];
        let Some(at) = used.residents.iter().position(|one| one.slot == slot) else { return };
        let members = u64::from(used.residents.remove(at).members);
        used.cpu -= u64::from(row[CPU]) * members;
        used.memory -= u64::from(row[MEMORY]) * members;
        let goes = was_short && !self.is_short(node, MEMORY);
        self.nodes[node as usize].turn += u32::from(goes);
    }
}

impl World {
    /// What each task of an attempt really uses, and what it holds beyond that; what the trace says nothing of uses
    /// all that it asked.
    fn really_used(&self, slot: u32) -> (Resources, Resources) {
        let task = &self.tasks[slot];
        let part = self.jobs[task.job].parts.of(task.index);
        let request = self.constrained(part.request());
        let used = part.usage.as_deref().map_or(request, |&usage| self.constrained(usage));
        let mut spare = Resources::ZERO;
        for lane in (0..LANES).filter(|&lane| !self.counted.is_of_tasks(lane)) {
            spare[lane] = request[lane].saturating_sub(used[lane]);
        }
        (used, spare)
    }

    /// How many members of an attempt are on each of its nodes.
    fn members_on_nodes(&self, attempt: &Attempt) -> Vec<(u32, u32)> {
        self.parts_of(attempt).map(|(node, members, _)| (node, members)).collect()
    }

    /// An attempt begins to use its nodes.
    pub(super) fn use_begins(&mut self, slot: u32) {
        let Some(attempt) = self.tasks[slot].running.filter(|_| self.overload.is_some()) else { return };
        let (used, spare) = self.really_used(slot);
        let (now, on_nodes) = (self.now, self.members_on_nodes(&attempt));
        self.change_spare(slot, &spare, 1, &on_nodes);
        for (node, members) in on_nodes {
            let Some(overload) = &mut self.overload else { return };
            let comes = overload.enter(node, slot, members, &used, now);
            let turn = overload.nodes[node as usize].turn;
            if let Some(after) = overload.kill_after.filter(|_| comes) {
                self.plan(now + after, what(OVERLOAD, turn, node));
            }
        }
    }

    /// An attempt that ran leaves its nodes.
    pub(super) fn use_ends(&mut self, slot: u32, attempt: &Attempt) {
        if self.overload.is_none() {
            return;
        }
        let (used, spare) = self.really_used(slot);
        let (now, on_nodes) = (self.now, self.members_on_nodes(attempt));
        self.change_spare(slot, &spare, -1, &on_nodes);
        for (node, _) in on_nodes {
            let Some(overload) = &mut self.overload else { return };
            overload.leave(node, slot, &used, now);
        }
    }

    fn change_spare(&mut self, slot: u32, spare: &Resources, sign: i128, on_nodes: &[(u32, u32)]) {
        let (label, now) = (usize::from(self.jobs[self.tasks[slot].job].role.0), self.now);
        let members: i128 = on_nodes.iter().map(|&(_, members)| i128::from(members)).sum();
        let Some(overload) = &mut self.overload else { return };
        if overload.teams.len() <= label {
            overload.teams.resize(label + 1, None);
        }
        overload.teams[label].get_or_insert_default().change(spare, sign * members, now);
    }

    /// Memory has been short on a node for as long as it may: tasks are killed until the rest have room.
    ///
    /// As a kernel does for a Borg cell, the least important goes first; of these the one that began last, since least
    /// is lost with it, and then the lowest id. Who uses more than the node has all alone would do so again: it fails.
    pub(super) fn relieve(&mut self, node: u32, turn: u32) {
        let is_due = |overload: &Overload| overload.nodes[node as usize].turn & GENERATIONS == turn & GENERATIONS;
        if !self.overload.as_deref().is_some_and(is_due) {
            return;
        }
        while let Some(slot) = self.next_to_kill(node) {
            let alone =
                self.overload.as_ref().is_some_and(|overload| overload.nodes[node as usize].residents.len() == 1);
            let members: u32 = {
                let task = &self.tasks[slot];
                self.jobs[task.job].parts.of(task.index).members()
            };
            if let Some(overload) = &mut self.overload {
                overload.killed += u64::from(members);
            }
            if alone {
                self.end(slot, State::Failed);
                continue;
            }
            let (saved, id) = (self.saved_by(slot), self.tasks[slot].id);
            self.end(slot, State::Lost);
            let goes_on = saved > Span::ZERO && self.of_task.find(id).is_some();
            if let Some(trouble) = self.trouble.as_mut().filter(|_| goes_on) {
                trouble.losses.entry(id).or_default().saved += saved;
            }
        }
    }

    /// The task that goes first on a node that is short of memory; None where it suffices.
    fn next_to_kill(&self, node: u32) -> Option<u32> {
        let overload = self.overload.as_ref().filter(|overload| overload.is_short(node, MEMORY))?;
        let slots = overload.nodes[node as usize].residents.iter().map(|one| one.slot);
        let users = slots.filter(|&slot| self.really_used(slot).0[MEMORY] > 0);
        users.min_by_key(|&slot| {
            let task = &self.tasks[slot];
            let began = task.running.map_or(Time::ZERO, |attempt| attempt.start);
            (self.jobs[task.job].priority, Reverse(began), task.id, task.attempt)
        })
    }

    /// Writes what came of it.
    pub(super) fn record_overload(&mut self, summary: &mut Summary) {
        let now = self.now;
        let Some(overload) = &mut self.overload else { return };
        for node in 0..overload.nodes.len() as u32 {
            overload.settle(node, now);
        }
        summary.set("overload.cpu_s", overload.cpu_us as f64 / 1e6);
        summary.set("overload.memory_s", overload.memory_us as f64 / 1e6);
        summary.set("overload.throttled", overload.throttled);
        summary.set("overload.throttled_s", overload.throttled_us as f64 / 1e6);
        summary.set("overload.killed", overload.killed);
        let labels = self.arrivals.labels();
        let mut all = Spare::default();
        let set = |summary: &mut Summary, head: &[&str], spare: &Spare| {
            for (lane, name) in &self.measures.lanes {
                let available = self.measures.available(*lane);
                let sum = spare.sum[*lane] + spare.now[*lane] * i128::from(now.0);
                let share = (available > 0).then(|| sum as f64 / available as f64);
                let path = head.iter().copied().chain(["reclaimable", name.as_str()]);
                summary.set_path(path.map(str::to_owned).collect(), share);
            }
        };
        for (label, spare) in overload.teams.iter().enumerate() {
            let Some(spare) = spare else { continue };
            let name = match labels.word(Label(label as u16)) {
                "" => "(none)",
                name => name,
            };
            set(summary, &["by_role", name], spare);
            for lane in 0..LANES {
                all.now[lane] += spare.now[lane];
                all.sum[lane] += spare.sum[lane];
            }
        }
        set(summary, &[], &all);
        if !self.measures.has_usage {
            self.warnings.push("`model.overload` has no effect: no trace says what its tasks really use".into());
        }
    }
}
