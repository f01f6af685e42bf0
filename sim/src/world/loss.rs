//! What becomes of a task that loses its machine, or whose end nobody hears of.

use windtunnel_outcome::rows::State;
use windtunnel_scheduler::event::{GpuSet, JobKind, Loss};
use windtunnel_scheduler::id::NodeId;
use windtunnel_scheduler::time::{Span, Time};

use super::health::{Elsewhere, Progress, Unheard};
use super::truth::{Attempt, Leaving, NONE, Task};
use super::{NEWS, World, what};

impl World {
    /// True if nobody can reach the node, or some of these devices are gone: what is sent there arrives nowhere.
    pub(super) fn is_unreachable(&self, node: u32, gpus: GpuSet) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| {
            let health = &trouble.health[node as usize];
            // Whoever decided before the last news of the node was thinking of another one.
            let is_outdated = self.thinking.late_since.is_some_and(|since| since <= health.told);
            // Work on a node may have begun while somebody still thought of it as of any other.
            let is_off = health.is_silent() || health.planned > 0;
            is_off || health.gone.0 & gpus.0 != 0 || is_outdated && health.told > Time::ZERO
        })
    }

    /// True if the scheduler was told that the node is lost.
    pub(super) fn is_declared_lost(&self, node: u32) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.health[node as usize].declared)
    }

    /// The parts of an attempt: node, members there, devices.
    pub(super) fn parts_of(&self, attempt: &Attempt) -> impl Iterator<Item = (u32, u32, GpuSet)> {
        let mut at = attempt.rest;
        let rest = std::iter::from_fn(move || {
            let share = (at != NONE).then(|| self.shares[at])?;
            at = share.next;
            Some((share.node, share.count, share.gpus))
        });
        std::iter::once((attempt.node, attempt.count, attempt.gpus)).chain(rest)
    }

    /// Every node of an attempt.
    pub(super) fn nodes_of(&self, attempt: &Attempt) -> impl Iterator<Item = u32> {
        self.parts_of(attempt).map(|(node, ..)| node)
    }

    /// The devices that a task holds on a node.
    pub(super) fn gpus_on(&self, slot: u32, node: NodeId) -> GpuSet {
        let Some(attempt) = self.tasks[slot].running else { return GpuSet::NONE };
        let there = self.parts_of(&attempt).filter(|&(at, ..)| at == node.0);
        there.fold(GpuSet::NONE, |held, (_, _, gpus)| GpuSet(held.0 | gpus.0))
    }

    /// A task begins on a node, in truth.
    pub(super) fn settle_in(&mut self, slot: u32, node: NodeId) {
        if let Some(trouble) = &mut self.trouble {
            trouble.residents[node.index()].push(slot);
        }
    }

    /// A task leaves its nodes, in truth.
    pub(super) fn move_out(&mut self, slot: u32, attempt: &Attempt) {
        if self.trouble.is_none() {
            return;
        }
        let nodes: Vec<u32> = self.nodes_of(attempt).collect();
        let Some(trouble) = &mut self.trouble else { return };
        trouble.progress.remove(&slot);
        for node in nodes {
            let residents = &mut trouble.residents[node as usize];
            if let Some(at) = residents.iter().position(|&resident| resident == slot) {
                residents.swap_remove(at);
            }
        }
        self.note_left();
    }

    /// A task is running: what it means for those who waited for that, and for a twin that runs on elsewhere.
    pub(super) fn note_running(&mut self, slot: u32) {
        let (now, id) = (self.now, self.tasks[slot].id);
        let Some(trouble) = &mut self.trouble else { return };
        trouble.awaited = None;
        trouble.note_replaced(id, now, true);
        trouble.crew.note_running(self.tasks[slot].job, id, now);
        let mut twins = 0;
        for (_, since) in trouble.zombies.range_mut((id, 0)..=(id, u32::MAX)) {
            twins += u64::from(since.is_none());
            *since = since.or(Some(now));
        }
        trouble.toll.double_runs += twins;
        if !trouble.paces.is_empty() {
            self.change_pace(slot);
        }
    }

    /// How long an attempt takes at full pace, checkpoints and what is saved included.
    pub(super) fn wall_of(&self, slot: u32) -> Span {
        let task = &self.tasks[slot];
        let job = &self.jobs[task.job];
        let run = self.run_of(slot);
        let Some(trouble) = &self.trouble else { return run };
        let Some(checkpoint) = trouble.checkpoints[usize::from(job.workload)].filter(|_| !run.is_forever()) else {
            return run;
        };
        let losses = trouble.losses.get(&task.id).copied().unwrap_or_default();
        let wall = checkpoint.wall(Span(run.0.saturating_sub(losses.saved.0)));
        if losses.saved > Span::ZERO { wall + checkpoint.restart } else { wall }
    }

    /// How far a running task has come, at full pace.
    fn done_of(&self, slot: u32, attempt: &Attempt) -> Span {
        let progress = self.trouble.as_ref().and_then(|trouble| trouble.progress.get(&slot));
        match progress {
            None => self.now.since(attempt.start),
            Some(progress) => {
                let passed = u128::from(self.now.since(progress.since).0) * u128::from(progress.permille) / 1000;
                progress.done + Span(passed as u64)
            }
        }
    }

    /// The pace of a running task may have changed: its end is planned anew.
    pub(super) fn change_pace(&mut self, slot: u32) {
        for inside in self.tasks_inside(slot) {
            self.change_pace(inside);
        }
        let Some(attempt) = self.tasks[slot].running.filter(|attempt| attempt.start <= self.now) else { return };
        let done = self.done_of(slot, &attempt);
        let wall = self.wall_of(slot);
        let Some(trouble) = &self.trouble else { return };
        let permille = self.nodes_of(&attempt).map(|node| trouble.pace(node)).min().unwrap_or(1000);
        let known = trouble.progress.get(&slot).map_or(1000, |progress| progress.permille);
        if permille == known {
            return;
        }
        let (since, generation) = (self.now, self.new_generation());
        if let Some(trouble) = &mut self.trouble {
            trouble.progress.insert(slot, Progress { done, since, permille });
        }
        self.tasks[slot].generation = generation;
        self.leave_as_planned(slot);
        if !wall.is_forever() {
            let left = u128::from(wall.0.saturating_sub(done.0)) * 1000;
            let left = Span(u64::try_from(left.div_ceil(u128::from(permille))).unwrap_or(u64::MAX));
            self.plan_end(self.now + left, slot);
        }
    }

    /// A task ends where somebody may not hear of it. False if it ends as any other.
    pub(super) fn end_in_trouble(&mut self, slot: u32, state: State) -> bool {
        let Some(attempt) = self.tasks[slot].running else { return true };
        let task = self.tasks[slot];
        if task.is_given_up() {
            self.end_given_up(slot);
            return true;
        }
        let Some(trouble) = &self.trouble else { return false };
        let silent = self.nodes_of(&attempt).find(|&node| trouble.health[node as usize].is_silent());
        if let Some(node) = silent {
            if task.leaving.is_some() && matches!(state, State::Killed | State::Evicted) {
                // The order never arrives.
                return true;
            }
            let believed = self.members_of(slot, &attempt);
            self.end_attempt(slot, state);
            self.keep_news(slot, NodeId(node), &believed, Unheard { slot, state, in_vain: None });
            return true;
        }
        if trouble.link.is_perfect() {
            return false;
        }
        self.end_attempt(slot, state);
        self.send_news(slot, state);
        true
    }

    /// A task lost its machine, in truth.
    pub(super) fn lose(&mut self, slot: u32, node: NodeId) {
        let task = self.tasks[slot];
        if task.is_given_up() {
            self.end_given_up(slot);
            return;
        }
        let saved = self.saved_by(slot);
        let believed = task.running.map_or_else(Vec::new, |attempt| self.members_of(slot, &attempt));
        self.end_attempt(slot, State::Lost);
        if let Some(trouble) = &mut self.trouble {
            trouble.note_loss(task.id, saved, self.now);
        }
        self.keep_news(slot, node, &believed, Unheard { slot, state: State::Lost, in_vain: None });
    }

    /// The nodes on which members of a gang run; none if it is none.
    fn members_of(&self, slot: u32, attempt: &Attempt) -> Vec<u32> {
        let task = &self.tasks[slot];
        let is_gang = self.jobs[task.job].parts.of(task.index).kind == JobKind::Gang;
        if is_gang { self.nodes_of(attempt).collect() } else { Vec::new() }
    }

    /// A running task is made to leave and waits for another place: what it saved need not be done again there.
    pub(super) fn save_by_leaving(&mut self, slot: u32) {
        if !matches!(self.tasks[slot].leaving, Some(Leaving::Evicted { requeue: true })) {
            return;
        }
        let (saved, id) = (self.saved_by(slot), self.tasks[slot].id);
        if let Some(trouble) = self.trouble.as_mut().filter(|_| saved > Span::ZERO) {
            trouble.losses.entry(id).or_default().saved += saved;
        }
    }

    /// Work of a running attempt that need not be done again if it is lost now.
    pub(super) fn saved_by(&self, slot: u32) -> Span {
        let task = &self.tasks[slot];
        let Some(attempt) = task.running else { return Span::ZERO };
        let job = &self.jobs[task.job];
        let checkpoint = self.trouble.as_ref().and_then(|trouble| trouble.checkpoints[usize::from(job.workload)]);
        let Some(checkpoint) = checkpoint.filter(|_| attempt.start <= self.now) else { return Span::ZERO };
        let part = job.parts.of(task.index);
        let run = part.run.of(task.index - part.first);
        let before =
            self.trouble.as_ref().and_then(|trouble| trouble.losses.get(&task.id)).copied().unwrap_or_default();
        let done = self.done_of(slot, &attempt);
        let done = if before.saved > Span::ZERO { Span(done.0.saturating_sub(checkpoint.restart.0)) } else { done };
        checkpoint.saved(Span(run.0.saturating_sub(before.saved.0)), done)
    }

    /// What became of a task is heard of when its node can be heard: now, if it can. A gang is heard of, too, when a
    /// node is declared lost on which one of its members is `believed` to run.
    fn keep_news(&mut self, slot: u32, node: NodeId, believed: &[u32], unheard: Unheard) {
        self.tasks[slot].hush(unheard.state);
        let Some(trouble) = &mut self.trouble else { return };
        let health = &mut trouble.health[node.index()];
        // Devices are lost on a node that goes on talking, and a late decision may be about a node that was declared
        // lost meanwhile; a node that dies is counted as down before its tasks are.
        if !health.is_silent() || health.declared {
            self.tasks[slot].speak();
            match unheard.in_vain {
                None => self.send_news(slot, unheard.state),
                in_vain => self.hear(slot, unheard.state, in_vain),
            }
            return;
        }
        self.keep(slot, node, believed, unheard);
    }

    /// What became of a task is kept by a node until it is declared lost or registers anew, or is asked for it.
    fn keep(&mut self, slot: u32, node: NodeId, believed: &[u32], unheard: Unheard) {
        let Some(trouble) = &mut self.trouble else { return };
        trouble.health[node.index()].unheard.push(unheard);
        trouble.unheard += 1;
        let Task { id: task, attempt, .. } = self.tasks[slot];
        let gang = Elsewhere { keeper: node.0, slot, task, attempt };
        for &other in believed.iter().filter(|&&other| other != node.0) {
            let gangs = trouble.elsewhere.entry(other).or_default();
            // A node that is never declared lost forgets those that were heard of meanwhile.
            gangs.retain(|old| self.tasks[old.slot].is_unheard(old.task, old.attempt));
            if !gangs.contains(&gang) {
                gangs.push(gang);
            }
        }
    }

    /// A node is declared lost: gangs that are believed to have a member there, and whose end others keep to
    /// themselves, are heard of with it.
    pub(super) fn take_from_elsewhere(&mut self, node: NodeId, unheard: &mut Vec<Unheard>) {
        let Some(trouble) = &mut self.trouble else { return };
        for gang in trouble.elsewhere.remove(&node.0).unwrap_or_default() {
            if !self.tasks[gang.slot].is_unheard(gang.task, gang.attempt) {
                continue;
            }
            let kept = &mut trouble.health[gang.keeper as usize].unheard;
            if let Some(at) = kept.iter().position(|one| one.slot == gang.slot) {
                unheard.push(kept.remove(at));
            }
        }
    }

    /// News set out for the scheduler.
    fn send_news(&mut self, slot: u32, state: State) {
        self.tasks[slot].hush(state);
        let (id, attempt) = (self.tasks[slot].id, self.tasks[slot].attempt);
        let takes = self.trouble.as_mut().map_or(Span::ZERO, |trouble| trouble.news_take(id, attempt));
        if takes == Span::ZERO {
            self.hear(slot, state, None);
        } else {
            let generation = self.tasks[slot].generation;
            self.plan(self.now + takes, what(NEWS, generation, slot));
        }
    }

    /// A task was sent to a node that cannot receive it.
    pub(super) fn place_in_vain(&mut self, slot: u32, node: u32, believed: &[u32]) {
        let members = self.wait_in_vain(slot);
        if let Some(trouble) = &mut self.trouble {
            trouble.toll.in_vain += u64::from(members);
        }
        let unheard = Unheard { slot, state: State::Lost, in_vain: Some(node) };
        self.keep_news(slot, NodeId(node), believed, unheard);
    }

    /// The node among these to which the launch of a task is lost on its way, if one is: the first.
    pub(super) fn lost_on_its_way(&self, slot: u32, nodes: &[(u32, u32, GpuSet)]) -> Option<u32> {
        let trouble = self.trouble.as_ref()?;
        let task = &self.tasks[slot];
        let lost = (0..nodes.len()).find(|&place| trouble.loses_launch(task.id, task.attempt, place))?;
        Some(nodes[lost].0)
    }

    /// The message that launches a task is lost, and with a member of a gang the gang: nothing runs, and the scheduler
    /// believes that it does until it asks, or hears of the node.
    pub(super) fn lose_launch(&mut self, slot: u32, node: u32, believed: &[u32]) {
        let members = self.wait_in_vain(slot);
        self.tasks[slot].hush(State::Lost);
        let Task { id, attempt, generation, .. } = self.tasks[slot];
        let Some(trouble) = &mut self.trouble else { return };
        trouble.toll.launches_lost += u64::from(members);
        trouble.unconfirmed.insert(slot, node);
        let takes = trouble.answer_takes(id, attempt);
        self.keep(slot, NodeId(node), believed, Unheard { slot, state: State::Lost, in_vain: Some(node) });
        self.plan(self.now + takes, what(NEWS, generation, slot));
    }

    /// News of a task arrive: its end, or the answer to the question what became of its launch. A node that is silent
    /// when it is asked does not answer; what it keeps is heard of with it.
    pub(super) fn news_arrive(&mut self, slot: u32, state: State) {
        let asked = self.trouble.as_mut().and_then(|trouble| trouble.unconfirmed.remove(&slot));
        let Some((node, trouble)) = asked.zip(self.trouble.as_mut()) else { return self.hear(slot, state, None) };
        let health = &mut trouble.health[node as usize];
        let kept = health.unheard.iter().position(|one| one.slot == slot);
        let Some(kept) = kept.filter(|_| !health.is_silent()) else { return };
        let unheard = health.unheard.remove(kept);
        trouble.unheard -= 1;
        self.hear(slot, unheard.state, unheard.in_vain);
    }

    /// A task waits no more and yet holds no room, as the scheduler believes that it runs. How many tasks these are.
    pub(super) fn wait_in_vain(&mut self, slot: u32) -> u32 {
        let Task { id, job, index, .. } = self.tasks[slot];
        let members = self.jobs[job].parts.of(index).members();
        if !self.jobs[job].background {
            self.note_waiting(job, index, -i64::from(members), false);
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.losses.entry(id).or_default();
        }
        members
    }

    /// How soon a task is tried again that the scheduler hears is lost; None if it is given up.
    pub(super) fn after_loss(&mut self, task: &Task) -> Option<Span> {
        let job = &self.jobs[task.job];
        let workload = self.arrivals.workload(usize::from(job.workload));
        let (loss, retry) = (workload.loss, workload.retry);
        let is_service = job.parts.of(task.index).kind.is_kept_running();
        let trouble = self.trouble.as_mut()?;
        let losses = trouble.losses.entry(task.id).or_default();
        losses.count += 1;
        let count = losses.count;
        let again = is_service || (loss == Loss::Rerun || task.is_unlaunched()) && retry.allows(count);
        again.then(|| retry.pause(count))
    }

    /// A task is over for good.
    pub(super) fn forget_losses(&mut self, id: u64) {
        let now = self.now;
        if let Some(trouble) = &mut self.trouble {
            trouble.note_replaced(id, now, false);
            trouble.losses.remove(&id);
        }
    }

    /// The scheduler hears what became of a task.
    pub(super) fn hear(&mut self, slot: u32, state: State, in_vain: Option<u32>) {
        self.tasks[slot].speak();
        if let Some(node) = in_vain {
            self.write_off(slot, node);
            if let Some(trouble) = &mut self.trouble {
                // It was heard of before anybody asked.
                trouble.unconfirmed.remove(&slot);
            }
        }
        self.settle(slot, state);
    }

    /// The row of an attempt that never was: it held no room, so it has no instant at which it took any.
    fn write_off(&mut self, slot: u32, node: u32) {
        let mut task = self.tasks[slot];
        let part = self.jobs[task.job].parts.of(task.index);
        task.running = Some(Attempt {
            place: Time::NEVER,
            start: Time::NEVER,
            node,
            count: part.members(),
            gpus: GpuSet::NONE,
            rest: NONE,
            within: NONE,
            sequence: 0,
        });
        self.ended.push(super::Ended { at: self.now, id: task.id, task, state: State::Lost, lost: Span::ZERO });
        self.jobs[task.job].rows += 1;
        self.tasks[slot].causes = NONE;
    }

    /// The scheduler gives a task up while it runs on where nobody can reach it: what it does there is for nothing, and
    /// its next attempt is another one. A gang cannot do without its members and ends.
    pub(super) fn give_up(&mut self, slot: u32) {
        let task = self.tasks[slot];
        let part = self.jobs[task.job].parts.of(task.index);
        let (is_gang, members) = (part.kind == JobKind::Gang, part.members());
        let now = self.now;
        self.holder_given_up(slot);
        if let Some(trouble) = &mut self.trouble {
            trouble.toll.believed_lost += u64::from(members);
        }
        if is_gang {
            let saved = self.saved_by(slot);
            self.end_attempt(slot, State::Lost);
            if let Some(trouble) = &mut self.trouble {
                trouble.note_loss(task.id, saved, now);
            }
            self.settle(slot, State::Lost);
            return;
        }
        let generation = self.new_generation();
        let mut next = Task { running: None, causes: NONE, leaving: None, generation, ..task };
        next.speak();
        let fresh = self.tasks.insert(next);
        self.of_task.insert(task.id, fresh);
        self.tasks[slot].give_up();
        // Its row is still to come.
        self.jobs[task.job].rows += 1;
        if let Some(trouble) = &mut self.trouble {
            trouble.note_loss(task.id, Span::ZERO, now);
            trouble.zombies.insert((task.id, slot), None);
        }
        self.settle(fresh, State::Lost);
    }

    /// An attempt that was given up comes to its end.
    fn end_given_up(&mut self, slot: u32) {
        let task = self.tasks[slot];
        let node = task.running.map_or(NONE, |attempt| attempt.node);
        let is_surplus = self.is_surplus(slot);
        self.end_attempt(slot, if is_surplus { State::Killed } else { State::Lost });
        if is_surplus {
            self.surplus_over(slot, usize::from(self.jobs[task.job].workload), node);
        }
        self.jobs[task.job].rows -= 1;
        self.tasks.free(slot);
        if let Some(trouble) = &mut self.trouble
            && let Some(Some(since)) = trouble.zombies.remove(&(task.id, slot))
        {
            trouble.toll.double_us += self.now.since(since).0;
        }
    }

    /// An attempt that is not given up ends: it no longer runs beside another.
    pub(super) fn end_twins(&mut self, id: u64) {
        let now = self.now;
        let Some(trouble) = &mut self.trouble else { return };
        for (_, since) in trouble.zombies.range_mut((id, 0)..=(id, u32::MAX)) {
            if let Some(since) = since.take() {
                trouble.toll.double_us += now.since(since).0;
            }
        }
    }

    /// The run ends: what nobody heard of is true all the same.
    pub(super) fn hear_everything(&mut self) {
        self.hear_in_holders();
        let Some(trouble) = &mut self.trouble else { return };
        let zombies: Vec<u32> = trouble.zombies.keys().map(|&(_, slot)| slot).collect();
        let mut unheard: Vec<Unheard> = Vec::new();
        for health in &mut trouble.health {
            unheard.append(&mut health.unheard);
        }
        trouble.unheard = 0;
        unheard.sort_by_key(|one| self.tasks[one.slot].id);
        for one in unheard {
            self.hear(one.slot, one.state, one.in_vain);
        }
        let slots: Vec<u32> = self.of_task.iter().map(|(_, slot)| slot).collect();
        for slot in slots.into_iter().filter(|slot| slot & super::UNSTARTED == 0) {
            if let Some(state) = self.tasks[slot].unheard_state() {
                self.hear(slot, state, None);
            }
        }
        for slot in zombies {
            self.end_given_up(slot);
        }
    }
}
