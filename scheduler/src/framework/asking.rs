//! Making room under shared state: whoever settles claims is asked, by claims that name their victims.
//!
//! Until the answer comes nobody here counts on the victims, and what is free of the room is withheld. If it is yes,
//! the task holds its room, though it is placed only when the victims have left; if it is no, it waits again, and the
//! victims are as good as any others. An answer that came too late is told from a new one by the instant of the claim.

use alloc::vec::Vec;

use super::batch::Batch;
use super::pass::Pass;
use super::preempting::{Nominee, Preempting};
use super::running::Running;
use crate::decision::Decision;
use crate::event::{Budget, Standing};
use crate::id::{NodeId, TaskId};
use crate::ledger::{Ledger, Withheld};
use crate::preemption::Manner;
use crate::time::{Span, Time};

/// So often the answer may be no at one instant; then nobody is asked before the next. Two who believe different
/// things would else go on for ever.
const DENIALS_MOST: u32 = 64;

/// A task for which room was asked.
#[derive(Clone)]
pub struct Asked {
    pub(super) nominee: Nominee,
    victims: Vec<TaskId>,
    /// What of its room is free already.
    pub(super) withheld: Vec<Withheld>,
}

impl Preempting {
    /// True if it is of no use to ask for room at this instant.
    pub(super) fn is_tired(&self, now: Time) -> bool {
        self.denials.0 == now && self.denials.1 >= DENIALS_MOST
    }
}

impl Pass<'_> {
    /// Asks for the room of a task that some have to leave for. They are off the books when it is called.
    pub(super) fn ask(&mut self, nominee: Nominee, victims: &[u32], manner: Manner) {
        if victims.is_empty() {
            // There is room as it is, in an order in which nobody had looked.
            self.start_nominee(&nominee);
            return;
        }
        let shape = *self.ledger.shapes().shape(nominee.wish.asked.shape);
        for &(node, count, gpus) in nominee.parts.iter().rev() {
            self.ledger.release(&shape, node, count, gpus);
        }
        for &slot in victims {
            let is_back = self.running.retake_room(self.ledger, slot);
            debug_assert!(is_back, "what was released a moment ago is still there");
        }
        let task = nominee.wish.asked.task;
        if nominee.causes.iter().any(|&cause| cause > Span::ZERO) {
            self.decisions.push(Decision::Waited { task, causes: nominee.causes });
        }
        let (grace, requeue) = (manner.grace, manner.requeue);
        let victims: Vec<TaskId> = victims.iter().map(|&slot| self.running.id_of(slot)).collect();
        self.decisions.extend(victims.iter().map(|&task| Decision::Evict { task, grace, requeue }));
        let (mut withheld, last) = (Vec::with_capacity(nominee.parts.len()), nominee.parts.len().saturating_sub(1));
        for (at, &(node, count, gpus)) in nominee.parts.iter().enumerate() {
            withheld.push(self.ledger.withhold(&shape, node, count, gpus));
            self.decisions.push(Decision::Place { task, node, count, gpus, more: at < last });
        }
        self.work.tasks += u64::from(nominee.wish.members.max(1));
        if let Some(preempting) = self.preempting.as_deref_mut() {
            preempting.asked.insert(task.0, Asked { nominee, victims, withheld });
        }
    }
}

impl Batch {
    fn asked(&self, task: TaskId) -> Option<&Asked> {
        self.preempting.as_ref()?.asked.get(&task.0)
    }

    /// When room was asked for a task, if there is no answer yet.
    #[must_use]
    pub fn asked_at(&self, task: TaskId) -> Option<Time> {
        Some(self.asked(task)?.nominee.at)
    }

    /// What others have to know of a task that is claimed for, or that runs.
    #[must_use]
    pub fn standing_of(&self, now: Time, task: TaskId) -> Standing {
        let running = self.running.find(task).map(|slot| self.running.task(slot).job);
        let Some(set) = running.or_else(|| Some(self.asked(task)?.nominee.wish.job)) else {
            return Standing::default();
        };
        let job = self.running.job(set);
        let budget = job.disruption.map(|most| Budget { set, keep: job.live.saturating_sub(most) });
        Standing { since: now, priority: job.waiter.priority, protected: job.protected, held: false, budget }
    }

    /// What was thought to come free does not, but for what has: victims may stay, and nothing is withheld.
    fn call_off(&mut self, ledger: &mut Ledger, victims: &[TaskId], withheld: &[Withheld]) {
        for withheld in withheld {
            ledger.give(withheld);
            self.grown.push(withheld.node());
        }
        for &task in victims {
            if let Some(slot) = self.running.find_any(task).filter(|&slot| self.running.is_to_leave(slot)) {
                self.running.mark_staying(ledger, slot);
                self.running.nodes_of(slot, &mut self.grown);
            }
        }
    }

    /// The claim of a task, made at `since`, is honoured: it holds its room. It is in place unless that is `held`,
    /// until its victims have left. False if the room is not there by what is believed: [`Batch::own_again`] is to be
    /// called.
    pub fn granted(&mut self, ledger: &mut Ledger, now: Time, task: TaskId, since: Time, held: bool) -> bool {
        let Some(asked) = self.preempting.as_mut().and_then(|preempting| preempting.asked.remove(&task.0)) else {
            return true;
        };
        self.call_off(ledger, &asked.victims, &asked.withheld);
        let nominee = asked.nominee;
        let (job, mut slot) = (nominee.wish.job, None);
        for &(node, count, gpus) in &nominee.parts {
            match slot {
                None => slot = Some(self.running.start(task, job, node, count, gpus)),
                Some(slot) => self.running.spread(slot, node, count, gpus),
            }
        }
        let Some(slot) = slot else { return true };
        if self.upgrades.was_early(task) {
            self.running.set_reported(slot);
        }
        let is_there = self.running.retake_room(ledger, slot);
        if !is_there {
            self.running.disown(slot);
        }
        self.believe(now, slot);
        self.running.set_started(slot, since);
        if held && let Some(preempting) = &mut self.preempting {
            self.running.set_leaving(slot, true);
            preempting.held.insert(task.0);
        } else {
            self.running.settle_again(ledger, slot);
        }
        if let Some(reserving) = &mut self.reserving {
            reserving.began_late(ledger, &self.running, &nominee, now);
        }
        self.note_use(now, job, 1);
        is_there
    }

    /// A task is believed to run from now on.
    fn believe(&mut self, now: Time, slot: u32) {
        let beliefs = self.beliefs();
        let (task, job) = (self.running.task(slot).id, self.running.task(slot).job);
        let end = now + Span(self.running.job(job).estimate_us);
        beliefs.keep(&mut self.running, task, now, end);
    }

    /// The victims of a task have left: it is in place, and may be made to leave itself.
    pub fn promoted(&mut self, ledger: &Ledger, now: Time, task: TaskId, since: Time) {
        let Some(slot) = self.running.find(task).filter(|&slot| self.running.task(slot).leaving) else { return };
        if self.preempting.as_mut().is_none_or(|preempting| !preempting.held.remove(&task.0)) {
            return;
        }
        if let Some(reserving) = &mut self.reserving {
            reserving.begins_later(ledger, &self.running, slot, now);
        }
        self.believe(now, slot);
        self.running.set_started(slot, since);
        self.running.set_leaving(slot, false);
        self.running.settle_again(ledger, slot);
        // Somebody more important may have waited for this.
        self.running.nodes_of(slot, &mut self.grown);
    }

    /// The claim of a task is refused: it waits again. False if there was none.
    pub fn denied(&mut self, ledger: &mut Ledger, now: Time, task: TaskId) -> bool {
        let Some(preempting) = &mut self.preempting else { return false };
        let Some(asked) = preempting.asked.remove(&task.0) else { return false };
        preempting.denials = (now, if preempting.denials.0 == now { preempting.denials.1 + 1 } else { 1 });
        self.call_off(ledger, &asked.victims, &asked.withheld);
        self.wait_again(ledger, now, &asked.nominee);
        true
    }

    /// A task of ours, which began at `since`, has been told to leave: its room is another's already.
    pub fn told_to_leave(&mut self, ledger: &mut Ledger, task: TaskId, since: Time) {
        let found = self.running.find(task).filter(|&slot| self.running.task(slot).started == since);
        let Some(slot) = found else { return };
        if !self.running.task(slot).is_released() {
            self.running.give_room(ledger, slot);
        }
        self.running.mark_leaving(slot);
        self.running.cede(slot);
    }

    /// Somebody has left whom a claim names that is not answered: what came free is withheld for it too.
    pub fn withhold_again(&mut self, ledger: &mut Ledger, victim: TaskId) {
        let Some(preempting) = &mut self.preempting else { return };
        for asked in preempting.asked.values_mut().filter(|asked| asked.victims.contains(&victim)) {
            asked.withheld.iter().for_each(|withheld| ledger.give(withheld));
            let shape = *ledger.shapes().shape(asked.nominee.wish.asked.shape);
            asked.withheld = ledger.withhold_all(&shape, asked.nominee.parts.iter().copied());
        }
    }

    /// A node is gone, or comes back empty: nothing of it is withheld.
    pub fn drop_withheld(&mut self, ledger: &Ledger, node: NodeId) {
        self.running.guests_gone(ledger, node);
        if let Some(preempting) = &mut self.preempting {
            preempting.drop_withheld(node);
        }
    }

    /// Takes the room of a task that holds it by right but not by our books; false if it is still not there.
    pub fn own_again(&mut self, ledger: &mut Ledger, task: TaskId) -> bool {
        let Some(slot) = self.running.find(task).filter(|&slot| self.running.task(slot).is_released()) else {
            return true;
        };
        let is_there = self.running.retake_room(ledger, slot);
        if is_there {
            self.running.own(ledger, slot);
        }
        is_there
    }

    /// Takes what there is of the room of such a task.
    #[must_use]
    pub fn withhold_for(&self, ledger: &mut Ledger, task: TaskId) -> Vec<Withheld> {
        let Some(slot) = self.running.find(task) else { return Vec::new() };
        let shape = *ledger.shapes().shape(self.running.job(self.running.task(slot).job).shape);
        ledger.withhold_all(&shape, self.running.parts(slot))
    }

    /// True if others make room for tasks here.
    #[must_use]
    pub fn makes_room(&self) -> bool {
        self.preempting.as_ref().is_some_and(Preempting::is_on)
    }

    /// The tasks that hold room.
    pub fn running(&mut self) -> &mut Running {
        &mut self.running
    }
}
