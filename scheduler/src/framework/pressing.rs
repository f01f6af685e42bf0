//! Making room where room is only offered: a framework pushes out tasks of its own, and waits for their room.
//!
//! A task has to wait as long as refusals last (`decline`) before others make room for it: by then everything that was
//! refused has been offered again, and no offer was of use. It looks for victims when it has no offer in hand, so that
//! their room alone is enough: an offer may be taken back. The allocator keeps what they give up for this framework and
//! offers it when the last of them has left; then the task is the first to be placed. If that room does not come, the
//! task waits again like any other.

use alloc::vec::Vec;

use super::batch::Batch;
use super::pass::Pass;
use super::preempting::{Nominee, Preempting};
use crate::Step;
use crate::cause::Cause;
use crate::decision::Decision;
use crate::event::Displacement;
use crate::id::{PartyId, TaskId};
use crate::ledger::Ledger;
use crate::preemption::Manner;
use crate::time::{Span, Time};

/// The least time that a task waits for offers, even if nothing is refused for long.
const PATIENCE_LEAST: Span = Span::from_seconds(1);
/// The longest time that it waits for room that was made for it: an offer may have been taken back on its way.
const ROOM_LATE: Span = Span::from_seconds(60);

impl Preempting {
    /// True if others may be looked for who make room for a task that has waited like this.
    pub(super) fn may_press(&self, waited: Option<[Span; Cause::COUNT]>) -> bool {
        let Some(patience) = self.patience else { return true };
        let waited = waited.unwrap_or_default().iter().fold(0_u64, |sum, cause| sum.saturating_add(cause.0));
        self.is_pressing && waited >= patience.0
    }
}

impl Pass<'_> {
    /// The room of a task, and of its victims, is offered room: it will be offered anew. They are off the books when it
    /// is called.
    pub(super) fn nominate_for_offers(&mut self, nominee: Nominee, victims: &[u32], manner: Manner) {
        let shape = *self.ledger.shapes().shape(nominee.wish.asked.shape);
        for &(node, count, gpus) in nominee.parts.iter().rev() {
            self.ledger.put_back(&shape, node, count, gpus);
        }
        let Some(preempting) = self.preempting.as_deref_mut() else { return };
        for &slot in victims {
            let is_back = self.running.reinstate_room(self.ledger, slot);
            debug_assert!(is_back, "what was released a moment ago is still there");
            let (task, grace, requeue) = (self.running.id_of(slot), manner.grace, manner.requeue);
            preempting.leaves_for(task, &nominee);
            self.decisions.push(Decision::Evict { task, grace, requeue });
        }
        preempting.enter(nominee);
    }
}

impl Batch {
    /// How long a task waits before others make room for it; None if nobody does.
    #[must_use]
    pub fn patience(&self) -> Option<Span> {
        self.preempting.as_ref().filter(|preempting| preempting.is_on())?.patience
    }

    /// How long that is with these habits.
    pub(super) fn patience_of(refuse: Span) -> Span {
        refuse.max(PATIENCE_LEAST)
    }

    /// Looks for those who make room for tasks that have waited long enough, while no room is offered.
    pub fn press(&mut self, ledger: &mut Ledger, now: Time, decisions: &mut Vec<Decision>) -> Step {
        let Some(preempting) = &mut self.preempting else { return Step::default() };
        preempting.is_pressing = true;
        self.wake_all();
        let step = self.pass(ledger, now, decisions);
        if let Some(preempting) = &mut self.preempting {
            preempting.is_pressing = false;
        }
        step
    }

    /// Tasks whose victims have left take the room that is offered in their place; who has waited too long for it waits
    /// like any other.
    pub fn seat(&mut self, ledger: &mut Ledger, now: Time) {
        let Some(preempting) = &mut self.preempting else { return };
        let running = &self.running;
        let mut late: Vec<TaskId> = Vec::new();
        let mut awaiting = core::mem::take(&mut preempting.awaiting);
        awaiting.retain(|&task, since| {
            let is_seated = preempting.take_room(ledger, running, task);
            if is_seated {
                self.stirred = true;
            } else if *since + ROOM_LATE <= now {
                late.push(TaskId(task));
            }
            !is_seated
        });
        preempting.awaiting = awaiting;
        for task in late {
            self.unseat(ledger, now, task);
        }
    }

    /// True if a victim was found to have left only in the last pass, and the room for whom it left is there.
    #[must_use]
    pub fn awaits_seat(&mut self, ledger: &mut Ledger, now: Time) -> bool {
        let awaits = self.preempting.as_ref().is_some_and(|preempting| !preempting.awaiting.is_empty());
        if awaits && !self.is_between_passes(now) {
            self.seat(ledger, now);
        }
        self.preempting.as_ref().is_some_and(Preempting::has_ready)
    }

    /// When somebody has waited too long for room that was made for it.
    #[must_use]
    pub fn next_late(&self) -> Option<Time> {
        self.preempting.as_ref()?.awaiting.values().map(|&since| since + ROOM_LATE).min()
    }

    /// Room will not be made for a task: it waits again. False if none was to be made.
    pub fn unseat(&mut self, ledger: &mut Ledger, now: Time, task: TaskId) -> bool {
        let Some((nominee, victims)) = self.preempting.as_mut().and_then(|preempting| preempting.give_up(task)) else {
            return false;
        };
        for victim in victims {
            if let Some(slot) = self.running.find(victim).filter(|&slot| self.running.is_to_leave(slot)) {
                self.running.mark_staying(ledger, slot);
            }
        }
        self.wait_again(ledger, now, &nominee);
        true
    }

    /// Whoever was told to leave is named for the task that it leaves for.
    pub fn name(&self, me: PartyId, decisions: &mut [Decision]) {
        let mut last = None;
        for decision in decisions.iter_mut().rev() {
            let Decision::Evict { task: victim, grace, requeue } = *decision else { continue };
            let Some(task) = self.preempting.as_ref().and_then(|preempting| preempting.beneficiary(victim)) else {
                continue;
            };
            let more = last == Some(task);
            last = Some(task);
            *decision = Decision::Displace(Displacement { from: me, task, victim, grace, requeue, more });
        }
    }
}
