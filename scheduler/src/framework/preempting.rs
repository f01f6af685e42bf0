//! Making room: victims are told to leave, what they give up is held for the task that it was for, and that starts when
//! the last of them is gone.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::asking::Asked;
use super::pass::{Pass, Wish};
use super::running::Running;
use crate::cause::Cause;
use crate::decision::Decision;
use crate::event::GpuSet;
use crate::id::{NodeId, TaskId};
use crate::ledger::{Ledger, Shape, Withheld};
use crate::preemption::choose::Harm;
use crate::preemption::{Blocks, Manner, Quest, Tenant};
use crate::time::{Span, Time};

/// Room on one node: where, for how many, which devices.
pub type Part = (NodeId, u32, GpuSet);

/// A task, or a gang as a whole, for which others make room.
#[derive(Clone)]
pub struct Nominee {
    /// What it is.
    pub wish: Wish,
    /// Its place in the order of the queue.
    pub key: u64,
    /// Where the wait went before it was nominated.
    pub(super) causes: [Span; Cause::COUNT],
    /// When it was nominated.
    pub at: Time,
    /// The room that it holds.
    pub parts: Vec<Part>,
    /// Those who have not left yet.
    victims: u32,
    /// Tells this nomination from others of the same task.
    serial: u64,
}

/// What a victim still holds, and for whom it makes room.
#[derive(Clone)]
struct Leaver {
    nominee: u64,
    serial: u64,
    /// All that it holds until it has left, where its room is the nominee's already.
    parts: Vec<Part>,
    /// What of that the nominee has no use for.
    withheld: Vec<Withheld>,
}

/// The state of preemption in one framework.
#[derive(Clone, Default)]
pub struct Preempting {
    /// None: nobody makes room any more.
    manner: Option<Manner>,
    nominees: BTreeMap<u64, Nominee>,
    leavers: BTreeMap<u64, Leaver>,
    /// Nominees whose last victim has left.
    ready: BTreeSet<u64>,
    /// Where the best victims may be.
    blocks: Blocks,
    /// Nominations so far.
    serial: u64,
    /// Under shared state: who settles claims is asked, and decides.
    asks: bool,
    /// Where room is only offered: how long a task waits for offers before others make room for it.
    pub(super) patience: Option<Span>,
    /// Such tasks are looked at now.
    pub(super) is_pressing: bool,
    /// Those whose victims have left, and since when they wait for the room to be offered.
    pub(super) awaiting: BTreeMap<u64, Time>,
    /// Tasks that wait for the answer.
    pub(super) asked: BTreeMap<u64, Asked>,
    /// Tasks that were granted room, and whose victims have not left yet.
    pub(super) held: BTreeSet<u64>,
    /// How often the answer was no, and at which instant.
    pub(super) denials: (Time, u32),
}

impl Preempting {
    /// Nobody is nominated yet.
    #[must_use]
    pub fn new(manner: Option<Manner>, asks: bool, patience: Option<Span>) -> Self {
        Self { manner, asks, patience, ..Self::default() }
    }

    /// Goes about it differently from now on.
    pub fn set_manner(&mut self, manner: Option<Manner>) {
        self.blocks = Blocks::default();
        self.manner = manner;
    }

    /// True if somebody else decides who leaves.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.asks
    }

    /// How it goes about it.
    #[must_use]
    pub fn manner(&self) -> Option<Manner> {
        self.manner
    }

    /// Those for whom others make room.
    pub fn nominees(&self) -> impl Iterator<Item = &Nominee> {
        self.nominees.values().chain(self.asked.values().map(|asked| &asked.nominee))
    }

    /// True if somebody may be made to leave.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.manner.is_some()
    }

    /// How many tasks wait for others to leave; a gang counts as one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nominees.len() + self.asked.len() + self.held.len()
    }

    /// True if no task does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A task has ended. If it was made to leave, its last room is free, and its nodes are noted in `grown`.
    pub fn left(&mut self, ledger: &mut Ledger, now: Time, task: TaskId, grown: &mut Vec<NodeId>) {
        self.held.remove(&task.0);
        let Some(leaver) = self.leavers.remove(&task.0) else { return };
        for withheld in &leaver.withheld {
            ledger.give(withheld);
            grown.push(withheld.node());
        }
        if let Some(nominee) = self.nominees.get_mut(&leaver.nominee).filter(|one| one.serial == leaver.serial) {
            nominee.victims -= 1;
            if nominee.victims == 0 && self.patience.is_some() {
                self.awaiting.insert(leaver.nominee, now);
            } else if nominee.victims == 0 {
                self.ready.insert(leaver.nominee);
            }
        }
    }

    /// Somebody leaves for a nominee.
    pub(super) fn leaves_for(&mut self, victim: TaskId, nominee: &Nominee) {
        let (serial, nominee) = (nominee.serial, nominee.wish.asked.task.0);
        self.leavers.insert(victim.0, Leaver { nominee, serial, parts: Vec::new(), withheld: Vec::new() });
    }

    /// Room is made for a task.
    pub(super) fn enter(&mut self, nominee: Nominee) {
        self.nominees.insert(nominee.wish.asked.task.0, nominee);
    }

    /// For whom somebody leaves.
    pub(super) fn beneficiary(&self, victim: TaskId) -> Option<TaskId> {
        self.leavers.get(&victim.0).map(|leaver| TaskId(leaver.nominee))
    }

    /// Takes the room of a task whose victims have left, if it is there: then it is ready.
    pub(super) fn take_room(&mut self, ledger: &mut Ledger, running: &Running, task: u64) -> bool {
        let Some(nominee) = self.nominees.get(&task) else { return true };
        let shape = *ledger.shapes().shape(running.job(nominee.wish.job).shape);
        for (at, &(node, count, gpus)) in nominee.parts.iter().enumerate() {
            if !ledger.take(&shape, node, count, gpus) {
                for &(node, count, gpus) in &nominee.parts[..at] {
                    ledger.put_back(&shape, node, count, gpus);
                }
                return false;
            }
        }
        self.ready.insert(task);
        true
    }

    /// Nobody makes room for a task any more: the nominee, and who was to leave for it.
    pub(super) fn give_up(&mut self, task: TaskId) -> Option<(Nominee, Vec<TaskId>)> {
        let nominee = self.nominees.remove(&task.0)?;
        self.awaiting.remove(&task.0);
        self.ready.remove(&task.0);
        let is_for = |leaver: &Leaver| leaver.nominee == task.0 && leaver.serial == nominee.serial;
        let victims =
            self.leavers.iter().filter(|(_, leaver)| is_for(leaver)).map(|(&victim, _)| TaskId(victim)).collect();
        self.leavers.retain(|_, leaver| !is_for(leaver));
        Some((nominee, victims))
    }

    /// The next task whose victims have all left; it holds its room already.
    pub fn next_ready(&mut self) -> Option<Nominee> {
        let task = self.ready.pop_first()?;
        self.nominees.remove(&task)
    }

    /// True if some task's victims have all left.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Tasks that counted on a node which is gone: their room is given back, and they wait again.
    pub fn void(
        &mut self,
        ledger: &mut Ledger,
        running: &Running,
        node: NodeId,
        grown: &mut Vec<NodeId>,
    ) -> Vec<Nominee> {
        let hit = |nominee: &Nominee| nominee.parts.iter().any(|&(at, ..)| at == node);
        let tasks: Vec<u64> = self.nominees.iter().filter(|(_, nominee)| hit(nominee)).map(|(&task, _)| task).collect();
        let mut voided = Vec::new();
        for task in tasks {
            let is_seated = self.ready.remove(&task) || self.patience.is_none();
            self.awaiting.remove(&task);
            let Some(nominee) = self.nominees.remove(&task) else { continue };
            let shape = *ledger.shapes().shape(running.job(nominee.wish.job).shape);
            for &(node, count, gpus) in nominee.parts.iter().filter(|_| is_seated) {
                ledger.release(&shape, node, count, gpus);
                grown.push(node);
            }
            self.hold_for_leavers(ledger, running, &nominee);
            voided.push(nominee);
        }
        voided
    }

    /// Who was to leave for a nominee does so still: until then its room is nobody's.
    fn hold_for_leavers(&mut self, ledger: &mut Ledger, running: &Running, nominee: &Nominee) {
        let task = nominee.wish.asked.task.0;
        let theirs = |leaver: &Leaver| (leaver.nominee, leaver.serial) == (task, nominee.serial);
        for (&victim, leaver) in self.leavers.iter_mut().filter(|(_, leaver)| theirs(leaver)) {
            let Some(slot) = running.find(TaskId(victim)) else { continue };
            let shape = *ledger.shapes().shape(running.job(running.task(slot).job).shape);
            leaver.withheld.iter().for_each(|withheld| ledger.give(withheld));
            leaver.withheld = ledger.withhold_all(&shape, leaver.parts.iter().copied());
        }
    }

    /// A node comes back empty: nothing of it is withheld.
    pub fn drop_withheld(&mut self, node: NodeId) {
        for leaver in self.leavers.values_mut() {
            leaver.parts.retain(|&(at, ..)| at != node);
            leaver.withheld.retain(|withheld| withheld.node() != node);
        }
        for asked in self.asked.values_mut() {
            asked.withheld.retain(|withheld| withheld.node() != node);
        }
    }
}

/// What was done in vain so far, to be undone.
#[derive(Default)]
struct Attempt {
    parts: Vec<Part>,
    victims: Vec<u32>,
}

impl Pass<'_> {
    /// Makes room for a task that fits nowhere: others are told to leave, and it is nominated for their room. False,
    /// and nothing changed, if even that would not be enough. `waited` is where its wait went so far.
    pub fn preempt(&mut self, wish: Wish, key: u64, waited: Option<[Span; Cause::COUNT]>) -> bool {
        self.preempt_if(wish, key, waited, |_, _, _, _| true)
    }

    /// The same if whoever keeps further books permits it, who is shown the room and the slots of those who leave.
    pub fn preempt_if(
        &mut self,
        wish: Wish,
        key: u64,
        waited: Option<[Span; Cause::COUNT]>,
        permits: impl FnOnce(&Ledger, &Running, &[Part], &[u32]) -> bool,
    ) -> bool {
        let Some(preempting) = self.preempting.as_deref().filter(|one| !one.is_tired(self.now)) else { return false };
        let Some(manner) = preempting.manner.filter(|_| preempting.may_press(waited)) else { return false };
        let shape = *self.ledger.shapes().shape(wish.asked.shape);
        if wish.members > 1 && shape.layout.is_some_and(|layout| !self.ledger.layouts().within(layout).0.is_empty()) {
            // Room in one domain is not looked for among those who could leave.
            return false;
        }
        // Whoever is thought to leave and stays after all was there before.
        let spares = self.running.spares;
        let mut attempt = Attempt::default();
        let is_enough =
            (0..wish.members.max(1)).all(|member| self.find_room(&shape, wish, member, manner, &mut attempt));
        if is_enough {
            self.spare_needless(wish, &mut attempt.victims);
        }
        let does_it = is_enough && permits(self.ledger, self.running, &attempt.parts, &attempt.victims);
        if !does_it {
            self.undo(&shape, &attempt);
        }
        self.running.spares = spares;
        if !does_it {
            return false;
        }
        self.nominate(&attempt, wish, key, waited.unwrap_or([Span::ZERO; Cause::COUNT]), manner);
        true
    }

    /// Takes room for one member of a gang, or a task on its own: free room, or that of victims.
    fn find_room(&mut self, shape: &Shape, wish: Wish, member: u32, manner: Manner, attempt: &mut Attempt) -> bool {
        // Alone it was looked for a moment ago.
        let found = if member == 0 && wish.members < 2 { None } else { self.search(shape, wish.asked) };
        let node = match found {
            Some(node) => Some(node),
            None => self.clear(wish, manner, attempt),
        };
        let gpus = node.map_or(GpuSet::NONE, |node| self.devices(shape, wish.asked, node));
        let Some(node) = node.filter(|&node| self.ledger.take(shape, node, 1, gpus)) else { return false };
        match attempt.parts.last_mut() {
            Some((last, count, GpuSet::NONE)) if *last == node && gpus == GpuSet::NONE => *count += 1,
            _ => attempt.parts.push((node, 1, gpus)),
        }
        true
    }

    /// Of a gang's victims, a later one may have made an earlier one needless. The rest is sorted by id.
    fn spare_needless(&mut self, wish: Wish, victims: &mut Vec<u32>) {
        victims.sort_by_key(|&slot| Reverse(self.running.priority_of(slot)));
        if wish.members > 1 {
            victims.retain(|&slot| !self.take_back(slot));
        }
        victims.sort_unstable_by_key(|&slot| self.running.id_of(slot));
    }

    /// The lowest priority of those who may be made to leave anywhere; None where nobody may.
    #[must_use]
    pub fn least_priority(&self) -> Option<i32> {
        self.preempting.as_deref().filter(|preempting| preempting.is_on())?;
        self.running.tenants()?.lowest().iter().copied().min()
    }

    /// Finds the best victims for one more task and takes them off the books; says where there is room then.
    fn clear(&mut self, wish: Wish, manner: Manner, attempt: &mut Attempt) -> Option<NodeId> {
        let harm = self.least_harm(wish, manner)?;
        for &slot in &harm.slots {
            self.running.mark_leaving(slot);
            self.running.give_room(self.ledger, slot);
            attempt.victims.push(slot);
        }
        Some(harm.node)
    }

    /// The best victims on any node that could take the task then.
    pub(crate) fn least_harm(&mut self, wish: Wish, manner: Manner) -> Option<Harm> {
        let (running, ledger) = (&*self.running, &*self.ledger);
        let (shape, priority) = (wish.asked.shape, running.job(wish.job).waiter.priority);
        let budgets = |eligible: &mut Vec<Tenant>| within_budgets(running, eligible);
        let (tenants, rule, now) = (running.tenants()?, manner.rule, self.now);
        let quest = Quest { rule, ledger, tenants, shape, priority, now, budgets: &budgets };
        if manner.candidates < ledger.node_count() as u64 {
            return first_come(&quest, manner.candidates, &mut self.work.nodes);
        }
        let best = self.preempting.as_mut()?.blocks.best(&quest, &mut self.work.nodes);
        #[cfg(test)]
        assert_eq!(best, first_come(&quest, u64::MAX, &mut 0), "as a visit to every node finds");
        best
    }

    /// Puts everything back as it was.
    fn undo(&mut self, shape: &Shape, attempt: &Attempt) {
        for &(node, count, gpus) in attempt.parts.iter().rev() {
            self.ledger.put_back(shape, node, count, gpus);
        }
        for &slot in attempt.victims.iter().rev() {
            let is_back = self.running.reinstate_room(self.ledger, slot);
            debug_assert!(is_back, "what was released a moment ago is still there");
            self.running.mark_staying(self.ledger, slot);
        }
    }

    /// A victim may stay after all, if all of its room is still there.
    fn take_back(&mut self, slot: u32) -> bool {
        let is_back = self.running.retake_room(self.ledger, slot);
        if is_back {
            self.running.mark_staying(self.ledger, slot);
        }
        is_back
    }

    fn nominate(&mut self, attempt: &Attempt, wish: Wish, key: u64, causes: [Span; Cause::COUNT], manner: Manner) {
        let victims = &attempt.victims;
        let task = wish.asked.task;
        let Some(preempting) = self.preempting.as_deref_mut() else { return };
        preempting.serial += 1;
        let (at, parts, serial) = (self.now, attempt.parts.clone(), preempting.serial);
        let nominee = Nominee { wish, key, causes, at, parts, victims: victims.len() as u32, serial };
        if preempting.asks {
            self.ask(nominee, victims, manner);
            return;
        }
        if preempting.patience.is_some() {
            self.nominate_for_offers(nominee, victims, manner);
            return;
        }
        let mut leavers = Vec::with_capacity(victims.len());
        for &slot in victims {
            let id = self.running.task(slot).id;
            let shape = *self.ledger.shapes().shape(self.running.job(self.running.task(slot).job).shape);
            let parts: Vec<Part> = self.running.parts(slot).collect();
            let withheld = self.ledger.withhold_all(&shape, parts.iter().copied());
            self.running.cede(slot);
            leavers.push((id.0, Leaver { nominee: task.0, serial, parts, withheld }));
            let (grace, requeue) = (manner.grace, manner.requeue);
            self.decisions.push(Decision::Evict { task: id, grace, requeue });
        }
        let Some(preempting) = self.preempting.as_deref_mut() else { return };
        preempting.leavers.extend(leavers);
        if nominee.victims == 0 {
            preempting.ready.insert(task.0);
        }
        preempting.nominees.insert(task.0, nominee);
    }

    /// Starts a task whose victims have all left, on the room that it holds.
    pub fn start_nominee(&mut self, nominee: &Nominee) {
        let task = nominee.wish.asked.task;
        let mut causes = nominee.causes;
        causes[Cause::Preemption as usize] += self.now.since(nominee.at);
        if causes.iter().any(|&cause| cause > Span::ZERO) {
            self.decisions.push(Decision::Waited { task, causes });
        }
        let mut slot = None;
        let last = nominee.parts.len().saturating_sub(1);
        for (at, &(node, count, gpus)) in nominee.parts.iter().enumerate() {
            match slot {
                None => slot = Some(self.running.start(task, nominee.wish.job, node, count, gpus)),
                Some(slot) => self.running.spread(slot, node, count, gpus),
            }
            self.decisions.push(Decision::Place { task, node, count, gpus, more: at < last });
        }
        if let Some(slot) = slot {
            self.running.begin(self.ledger, slot, self.now);
        }
        self.work.tasks += u64::from(nominee.wish.members.max(1));
        let end = self.now + Span(self.running.job(nominee.wish.job).estimate_us);
        self.beliefs.keep(self.running, task, self.now, end);
    }
}

/// Leaves of each job's tasks no more than may be missing: the lowest ids.
fn within_budgets(running: &Running, eligible: &mut Vec<Tenant>) {
    if !eligible.iter().any(|tenant| tenant.budgeted) {
        return;
    }
    eligible.sort_unstable_by_key(|tenant| tenant.task);
    // Sets of tasks by the number of the framework, 0 for one's own.
    let mut spent: BTreeMap<(u16, u32), u32> = BTreeMap::new();
    eligible.retain(|tenant| match budget_of(running, tenant) {
        None => true,
        Some((set, most)) => {
            let spent = spent.entry(set).or_default();
            *spent += 1;
            *spent <= most
        }
    });
}

/// The set of tasks that a task belongs to, and how many more of them may be missing; None without a limit.
fn budget_of(running: &Running, tenant: &Tenant) -> Option<((u16, u32), u32)> {
    if Running::is_guest(tenant.slot) {
        return running.spare_of_guest(tenant.slot).map(|((party, set), most)| ((party.0, set), most));
    }
    let slot = running.task(tenant.slot).job;
    let job = running.job(slot);
    job.disruption.map(|most| ((0, slot), most.saturating_sub(job.live - job.up.min(job.live))))
}

/// The best victims on the first `left` nodes where there are any; those that cannot be better are passed over.
fn first_come(quest: &Quest<'_>, mut left: u64, nodes: &mut u64) -> Option<Harm> {
    let mut best: Option<Harm> = None;
    let mut eligible: Vec<Tenant> = Vec::new();
    for (at, &least) in quest.tenants.lowest().iter().enumerate() {
        if least >= quest.priority || best.as_ref().is_some_and(|best| best.beats(least)) {
            continue;
        }
        let id = NodeId(at as u32);
        let Some(harm) = quest.on(id, None, &mut eligible, nodes) else { continue };
        best = best.into_iter().chain([harm]).min();
        left -= 1;
        if left == 0 {
            break;
        }
    }
    best
}
