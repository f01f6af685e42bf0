//! Strikes become true of nodes, and, as far as they are noticed, news to the parties.

use windtunnel_outcome::conservation::hold;
use windtunnel_outcome::rows::State;
use windtunnel_scheduler::event::{Event, GpuSet};
use windtunnel_scheduler::id::NodeId;
use windtunnel_scheduler::resources::{GPU, Resources};
use windtunnel_scheduler::time::Time;

use super::World;
use super::health::Timer;
use crate::fault::{Effect, Strike};

impl World {
    /// Everything that breaks, is whole again or is noticed now. False if nothing does.
    pub(super) fn meet_trouble(&mut self) -> bool {
        let now = self.now;
        let mut any = false;
        while let Some(strike) = self.trouble.as_mut().and_then(|trouble| trouble.next_strike(now)) {
            any = true;
            self.strike(strike);
        }
        while let Some((timer, node)) = self.trouble.as_mut().and_then(|trouble| trouble.next_timer(now)) {
            any = true;
            self.timer(timer, node);
        }
        any | self.meet_maintenance()
    }

    /// True if nothing but trouble can still change something for tasks that wait: news that are to come, or a node
    /// that is to come back. Nodes that are gone when it is first asked are waited for once each.
    pub(super) fn trouble_keeps_alive(&mut self) -> bool {
        let waiting = self.levels.waiting;
        let Some(trouble) = &mut self.trouble else { return false };
        if trouble.unheard > 0 {
            return true;
        }
        if waiting == 0 {
            return false;
        }
        if trouble.awaited.is_none() {
            let mut count = 0;
            for health in &mut trouble.health {
                health.awaited = !health.is_back() && health.forever == 0;
                count += u32::from(health.awaited);
            }
            trouble.awaited = Some(count);
        }
        trouble.awaited.is_some_and(|count| count > 0)
    }

    fn strike(&mut self, strike: Strike) {
        let Some(trouble) = &mut self.trouble else { return };
        let mut nodes = std::mem::take(&mut trouble.scratch);
        trouble.engine.nodes(strike, &mut nodes);
        let effect = trouble.engine.effect(strike.source);
        let source = &mut trouble.sources[usize::from(strike.source)];
        if strike.begins {
            trouble.strike += 1;
            source.strikes += 1;
            source.nodes += nodes.len() as u64;
        }
        for &node in &nodes {
            let id = NodeId(node);
            let health = &mut self.health_mut(id).forever;
            *health = if strike.forever { *health + 1 } else { *health };
            match effect {
                Effect::Outage if strike.begins => self.outage_begins(id),
                Effect::Outage => self.outage_ends(id),
                Effect::Partition => self.partition(id, strike.begins),
                Effect::Soft => self.soften(id, strike.begins),
                Effect::Slow { permille } => self.slow(id, permille, strike.begins),
                Effect::Gpu { count } if strike.begins => self.take_devices(id, strike, count),
                Effect::Gpu { .. } => self.return_devices(id, strike),
            }
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.scratch = nodes;
        }
    }

    fn timer(&mut self, timer: Timer, node: u32) {
        let (now, key) = (self.now, self.node_digests[node as usize]);
        let Some(trouble) = &mut self.trouble else { return };
        match timer {
            Timer::Missed => {
                if let Some(node) = trouble.missed(node, now) {
                    self.declare(NodeId(node));
                }
            }
            Timer::Remove => {
                trouble.removal_is_due();
                if let Some(node) = trouble.remove(now) {
                    self.declare(NodeId(node));
                }
            }
            Timer::Register => {
                if trouble.is_admitted(node, key, now) {
                    self.rejoin(NodeId(node));
                } else {
                    trouble.plan_register(node, key, now);
                }
            }
        }
    }

    fn health_mut(&mut self, node: NodeId) -> &mut super::health::Health {
        // Only called where there is trouble.
        let trouble = self.trouble.as_mut().expect("a strike needs a source");
        &mut trouble.health[node.index()]
    }

    fn outage_begins(&mut self, node: NodeId) {
        let is_away = self.is_away(node.0);
        let health = self.health_mut(node);
        health.down += 1;
        if health.down > 1 {
            if let Some(trouble) = &mut self.trouble {
                trouble.toll.overlaps += 1;
            }
            return;
        }
        if is_away {
            return;
        }
        health.failures += 1;
        health.rebooted = true;
        let was_cut = health.cut > 0;
        self.lose_residents(node, |_| true);
        self.switch_off(node);
        if !was_cut {
            self.falls_silent(node);
        }
    }

    fn outage_ends(&mut self, node: NodeId) {
        let health = self.health_mut(node);
        health.down -= 1;
        if health.down > 0 {
            return;
        }
        let (is_cut, is_worked_on) = (health.cut > 0, health.planned > 0);
        if !is_worked_on {
            self.switch_on(node);
        }
        if !is_cut {
            self.speaks_again(node);
        }
    }

    /// Maintenance has a node, or gives it back. Nobody is surprised: the node was closed before.
    pub(super) fn work_on(&mut self, node: NodeId, begins: bool) {
        let health = self.health_mut(node);
        let (was, down) = (health.planned > 0, health.down > 0);
        health.planned = if begins { health.planned + 1 } else { health.planned - 1 };
        let is = health.planned > 0;
        if was == is || down {
            return;
        }
        if is { self.switch_off(node) } else { self.switch_on(node) }
    }

    /// From now on the outage accounts for a node, whatever its cause.
    fn switch_off(&mut self, node: NodeId) {
        if self.nodes[node.index()].down {
            return;
        }
        self.touch(node);
        let now = self.now;
        self.health_mut(node).down_since = now;
        let truth = &mut self.nodes[node.index()];
        truth.down = true;
        self.levels.capacity.sub(&truth.capacity, 1);
        self.levels.nodes_up -= 1;
    }

    fn switch_on(&mut self, node: NodeId) {
        self.settle_outage(node);
        let truth = &mut self.nodes[node.index()];
        truth.down = false;
        truth.since = self.now;
        self.levels.capacity.add(&truth.capacity, 1);
        self.levels.nodes_up += 1;
        self.draw_again(node.0);
        self.refresh(node.0);
    }

    /// Accounts for an outage up to now: from the outage, not from the books of the node.
    pub(super) fn settle_outage(&mut self, node: NodeId) {
        let now = self.now;
        let health = self.health_mut(node);
        let span = now.since(health.down_since);
        health.down_since = now;
        health.down_us += span.0;
        hold(&mut self.conservation.down, &self.nodes[node.index()].capacity, span);
    }

    fn partition(&mut self, node: NodeId, begins: bool) {
        let health = self.health_mut(node);
        let was_silent = health.is_silent();
        health.cut = if begins { health.cut + 1 } else { health.cut - 1 };
        match (was_silent, health.is_silent()) {
            (false, true) => self.falls_silent(node),
            (true, false) => self.speaks_again(node),
            _ => {}
        }
    }

    pub(super) fn soften(&mut self, node: NodeId, begins: bool) {
        let health = self.health_mut(node);
        let was = health.soft > 0;
        health.soft = if begins { health.soft + 1 } else { health.soft - 1 };
        let (is, knows) = (health.soft > 0, !health.declared);
        if was != is && knows {
            self.tell_all(|| if is { Event::NodeClosed { node } } else { Event::NodeOpened { node } });
        }
        self.note_back(node);
    }

    /// A node that was ordered is there: it registers like any other.
    pub(super) fn appear(&mut self, node: NodeId) {
        if !self.health_mut(node).is_silent() {
            self.speaks_again(node);
        }
    }

    /// A node that holds nothing leaves the fleet.
    pub(super) fn disappear(&mut self, node: NodeId) {
        let now = self.now;
        let health = self.health_mut(node);
        if health.declared {
            return;
        }
        if health.is_silent() {
            self.declare(node);
            return;
        }
        (health.declared, health.told) = (true, now);
        self.tell_all(|| Event::NodeLost { node });
        // It holds nothing, but a launch may have been lost on its way there.
        self.hear_kept(node);
    }

    fn falls_silent(&mut self, node: NodeId) {
        let (now, key) = (self.now, self.node_digests[node.index()]);
        let health = self.health_mut(node);
        health.silence += 1;
        health.silent_since = now;
        if health.declared {
            return;
        }
        let watched = self.trouble.as_mut().is_some_and(|trouble| trouble.watch(node.0, key, now));
        if !watched {
            self.declare(node);
        }
    }

    fn speaks_again(&mut self, node: NodeId) {
        if self.is_away(node.0) {
            return;
        }
        let (now, key) = (self.now, self.node_digests[node.index()]);
        let health = self.health_mut(node);
        health.silence += 1;
        health.tries = 0;
        // One that was only cut off for a while answers the next ping as if nothing had been.
        let registers = health.declared || health.rebooted;
        let planned = registers && self.trouble.as_mut().is_some_and(|trouble| trouble.plan_register(node.0, key, now));
        if !planned {
            self.rejoin(node);
        }
    }

    /// The scheduler is told that a node is lost, and with it everything that it believes to run there.
    fn declare(&mut self, node: NodeId) {
        let now = self.now;
        let health = self.health_mut(node);
        health.declared = true;
        health.told = now;
        let (is_up, since) = (health.down == 0, health.silent_since);
        if let Some(trouble) = &mut self.trouble {
            trouble.toll.declared += 1;
            trouble.toll.declared_wrongly += u64::from(is_up);
            trouble.toll.detect.add(now.since(since).0);
        }
        self.tell_all(|| Event::NodeLost { node });
        self.lose_surplus(node);
        let mut runs_on: Vec<u32> = self.residents_of(node);
        runs_on.retain(|&slot| !self.tasks[slot].is_given_up());
        self.kinds.services.is_declaring = true;
        self.hear_kept(node);
        for slot in runs_on {
            self.give_up(slot);
        }
        self.kinds.services.is_declaring = false;
    }

    /// With a node that is declared lost, all is that was kept of tasks that are believed to run there.
    fn hear_kept(&mut self, node: NodeId) {
        let mut unheard = std::mem::take(&mut self.health_mut(node).unheard);
        self.take_from_elsewhere(node, &mut unheard);
        if let Some(trouble) = &mut self.trouble {
            trouble.unheard -= unheard.len() as u64;
        }
        unheard.sort_by_key(|one| self.tasks[one.slot].id);
        for one in unheard {
            self.hear(one.slot, State::Lost, one.in_vain);
        }
    }

    /// A node is heard of again: news that it kept are delivered; if it was given up, it starts anew.
    fn rejoin(&mut self, node: NodeId) {
        let health = self.health_mut(node);
        let (declared, soft, since) = (health.declared, health.soft > 0, health.told);
        health.rebooted = false;
        let mut unheard = std::mem::take(&mut health.unheard);
        if let Some(trouble) = &mut self.trouble {
            trouble.unheard -= unheard.len() as u64;
        }
        unheard.sort_by_key(|one| self.tasks[one.slot].id);
        for one in unheard {
            self.hear(one.slot, one.state, one.in_vain);
        }
        self.hear_surplus(node);
        if declared {
            let mut back = Vec::new();
            for slot in self.residents_of(node) {
                match self.comes_back(slot, since) {
                    Some(spec) => back.push((slot, spec)),
                    None => self.end(slot, State::Lost),
                }
            }
            let now = self.now;
            let health = self.health_mut(node);
            (health.declared, health.told, health.told_gone) = (false, now, GpuSet::NONE);
            let spec = super::setup::node_spec(&self.fleet.nodes[node.index()], node);
            self.tell_all(|| Event::NodeAdded(Box::new(spec.clone())));
            for (slot, spec) in back {
                let workload = usize::from(self.jobs[self.tasks[slot].job].workload);
                self.tell_of_adopted(workload, spec, node, self.gpus_on(slot, node));
            }
            if soft {
                self.tell_all(|| Event::NodeClosed { node });
            }
        }
        self.tell_devices(node);
        self.note_back(node);
    }

    fn note_back(&mut self, node: NodeId) {
        let health = self.health_mut(node);
        if health.awaited && health.is_back() {
            health.awaited = false;
            if let Some(awaited) = self.trouble.as_mut().and_then(|trouble| trouble.awaited.as_mut()) {
                *awaited -= 1;
            }
        }
    }

    /// The slots of the tasks on a node, by task.
    pub(super) fn residents_of(&self, node: NodeId) -> Vec<u32> {
        let mut slots = self.trouble.as_ref().map_or_else(Vec::new, |trouble| trouble.residents[node.index()].clone());
        slots.sort_by_key(|&slot| (self.tasks[slot].id, self.tasks[slot].attempt));
        // A gang stands there once for each of its parts.
        slots.dedup();
        slots
    }

    /// The tasks on a node that `whom` says are lost; news of it come as the node can send them.
    fn lose_residents(&mut self, node: NodeId, whom: impl Fn(GpuSet) -> bool) {
        for slot in self.residents_of(node) {
            let gpus = self.gpus_on(slot, node);
            if self.tasks[slot].running.is_some() && whom(gpus) {
                self.lose(slot, node);
            }
        }
    }

    fn slow(&mut self, node: NodeId, permille: u32, begins: bool) {
        let Some(trouble) = &mut self.trouble else { return };
        let paces = trouble.paces.entry(node.0).or_default();
        if begins {
            paces.push(permille);
        } else if let Some(at) = paces.iter().position(|&pace| pace == permille) {
            paces.swap_remove(at);
        }
        if paces.is_empty() {
            trouble.paces.remove(&node.0);
        }
        for slot in self.residents_of(node) {
            self.change_pace(slot);
        }
    }

    fn take_devices(&mut self, node: NodeId, strike: Strike, count: u8) {
        let now = self.now;
        let devices = self.nodes[node.index()].devices.len();
        let health = self.health_mut(node);
        let mut taken = GpuSet::NONE;
        let whole = (0..devices).filter(|device| health.gone.0 & (1 << device) == 0);
        for device in whole.take(usize::from(count)) {
            taken.0 |= 1 << device;
        }
        health.gone.0 |= taken.0;
        let knows = !health.declared && !health.is_silent();
        let is_down = self.nodes[node.index()].down;
        self.lose_residents(node, |gpus| gpus.0 & taken.0 != 0);
        self.touch(node);
        if is_down {
            self.settle_outage(node);
        }
        let row = gpu_row(taken);
        let truth = &mut self.nodes[node.index()];
        truth.capacity[GPU] -= row[GPU];
        for device in taken.iter() {
            truth.devices[device] = 1000;
        }
        if !is_down {
            self.levels.capacity.sub(&row, 1);
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.taken.insert((strike.source, strike.domain, node.0), (taken, now));
        }
        if knows {
            self.tell_devices(node);
        }
    }

    fn return_devices(&mut self, node: NodeId, strike: Strike) {
        let key = (strike.source, strike.domain, node.0);
        let Some((taken, since)) = self.trouble.as_mut().and_then(|trouble| trouble.taken.remove(&key)) else { return };
        self.settle_devices(taken, since);
        let health = self.health_mut(node);
        health.gone.0 &= !taken.0;
        let knows = !health.declared && !health.is_silent();
        let is_down = self.nodes[node.index()].down;
        self.touch(node);
        if is_down {
            self.settle_outage(node);
        }
        let row = gpu_row(taken);
        let truth = &mut self.nodes[node.index()];
        truth.capacity[GPU] += row[GPU];
        for device in taken.iter() {
            truth.devices[device] = 0;
        }
        if !is_down {
            self.levels.capacity.add(&row, 1);
        }
        if knows {
            self.tell_devices(node);
        }
    }

    /// The scheduler is told which devices are gone or back since it last was.
    fn tell_devices(&mut self, node: NodeId) {
        let health = self.health_mut(node);
        let (lost, back) = (health.gone.0 & !health.told_gone.0, health.told_gone.0 & !health.gone.0);
        health.told_gone = health.gone;
        if lost != 0 {
            self.tell_all(|| Event::DevicesLost { node, gpus: GpuSet(lost) });
        }
        if back != 0 {
            self.tell_all(|| Event::DevicesReturned { node, gpus: GpuSet(back) });
        }
    }

    fn settle_devices(&mut self, taken: GpuSet, since: Time) {
        hold(&mut self.conservation.down, &gpu_row(taken), self.now.since(since));
    }

    /// Accounts for everything that is down when the run ends.
    pub(super) fn settle_trouble(&mut self) {
        let Some(trouble) = &mut self.trouble else { return };
        for (taken, since) in std::mem::take(&mut trouble.taken).into_values() {
            self.settle_devices(taken, since);
        }
        for at in 0..self.nodes.len() as u32 {
            if self.nodes[at as usize].down {
                self.settle_outage(NodeId(at));
            }
        }
    }

    /// Every party hears of nodes but those that see the inside of holders only.
    fn tell_all(&mut self, event: impl Fn() -> Event) {
        let outer = self.kinds.holders.parties_before(self.inboxes.len());
        for inbox in &mut self.inboxes[..outer] {
            inbox.push(event());
        }
    }
}

/// What these devices are in lanes.
fn gpu_row(gpus: GpuSet) -> Resources {
    let mut row = Resources::ZERO;
    row[GPU] = gpus.len() * 1000;
    row
}
