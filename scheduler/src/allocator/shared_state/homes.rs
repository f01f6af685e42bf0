//! Room that belongs to tasks: what a resident task held stays taken for its framework until the task runs there again,
//! runs elsewhere or is given up. Everybody else hears that it is held, and whoever claims it all the same conflicts.
//!
//! A framework may use what is kept for tasks of its own: it knows best what it needs. What is kept outlives the node's
//! absence, if nobody was quicker when it comes back. The same rules as where room is offered, see
//! [`crate::allocator::two_level`]; here devices are kept too.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{NONE, SharedState};
use crate::Decision;
use crate::allocator::comes_back;
use crate::event::{Claim, Ending, Room, Standing};
use crate::id::{NodeId, TaskId};
use crate::ledger::Shape;
use crate::time::Time;

/// Where a task belongs that does not run.
#[derive(Clone, Copy)]
struct Home {
    room: Room,
    /// The room is taken for it; else it was not there.
    is_kept: bool,
}

/// The homes of resident tasks.
#[derive(Clone, Default)]
pub(super) struct Homes {
    /// Resident tasks that run.
    running: BTreeSet<TaskId>,
    away: BTreeMap<TaskId, Home>,
}

impl SharedState {
    /// A task has ended, and what it held is free: it is kept if the task is to come back.
    pub(super) fn end_resident(&mut self, now: Time, task: TaskId, ending: Ending, out: &mut Vec<Decision>) {
        let is_resident = self.homes.running.remove(&task) && comes_back(ending);
        let held = self.of_task.find(task.0).map(|slot| self.holds[slot]);
        self.end_hold(now, task, out);
        let Some(hold) = held.filter(|hold| is_resident && hold.next == NONE) else { return };
        if hold.room.request.is_zero() {
            // The node came back without it: it belongs nowhere.
            return;
        }
        let priority = hold.room.standing.priority;
        let standing = Standing { since: now, priority, protected: true, held: true, budget: None };
        self.homes.away.insert(task, Home { room: Room { standing, ..hold.room }, is_kept: false });
        self.keep(now, task, out);
    }

    /// Takes the room of a task that is away, if it is there.
    fn keep(&mut self, now: Time, task: TaskId, out: &mut Vec<Decision>) {
        let Some(home) = self.homes.away.get_mut(&task).filter(|home| !home.is_kept) else { return };
        let room = home.room;
        home.is_kept =
            self.ledger.is_open(room.node) && self.ledger.take(&Shape::of_room(&room), room.node, 1, room.gpus);
        if home.is_kept {
            self.tell(now, room, false, out);
        }
    }

    /// A node takes work again, after it came back empty or was only closed.
    pub(super) fn keep_homes(&mut self, now: Time, node: NodeId, is_empty: bool, out: &mut Vec<Decision>) {
        let here = |(&task, home): (&TaskId, &Home)| (home.room.node == node).then_some(task);
        let tasks: Vec<TaskId> = self.homes.away.iter().filter_map(here).collect();
        for task in tasks {
            if let Some(home) = self.homes.away.get_mut(&task).filter(|_| is_empty) {
                home.is_kept = false;
            }
            self.keep(now, task, out);
        }
    }

    /// A task is not waited for any more where it belonged.
    pub(super) fn forget_home(&mut self, now: Time, task: TaskId, out: &mut Vec<Decision>) {
        let Some(Home { room, is_kept }) = self.homes.away.remove(&task) else { return };
        if is_kept {
            self.ledger.release(&Shape::of_room(&room), room.node, 1, room.gpus);
            self.tell(now, room, true, out);
        }
    }

    /// Takes room for a task. What is kept for tasks of the same framework is given up for that as far as it has to be,
    /// the task's own first: those tasks are added to `given`, for [`SharedState::take_homes_back`].
    pub(super) fn take_room(&mut self, room: &Room, given: &mut Vec<TaskId>) -> bool {
        while !self.ledger.take(&Shape::of_room(room), room.node, 1, room.gpus) {
            let is_own = |home: &Home| home.is_kept && home.room.party == room.party && home.room.node == room.node;
            let away = &self.homes.away;
            let own = away.get(&room.task).filter(|home| is_own(home)).map(|_| room.task);
            let next = own.or_else(|| away.iter().find(|(_, home)| is_own(home)).map(|(&task, _)| task));
            let Some((task, home)) = next.and_then(|task| Some((task, self.homes.away.get_mut(&task)?))) else {
                return false;
            };
            home.is_kept = false;
            self.ledger.release(&Shape::of_room(&home.room), home.room.node, 1, home.room.gpus);
            given.push(task);
        }
        true
    }

    /// Nothing comes of what homes were given up for.
    pub(super) fn take_homes_back(&mut self, given: &[TaskId]) {
        for task in given {
            if let Some(home) = self.homes.away.get_mut(task) {
                let room = home.room;
                home.is_kept = self.ledger.take(&Shape::of_room(&room), room.node, 1, room.gpus);
            }
        }
    }

    /// Claims are honoured: what was given up for them is free, and whoever was away is so no longer.
    pub(super) fn settle_homes(&mut self, now: Time, claims: &[Claim], given: &[TaskId], out: &mut Vec<Decision>) {
        for task in given {
            if let Some(room) = self.homes.away.get(task).map(|home| home.room) {
                self.tell(now, room, true, out);
            }
        }
        for claim in claims {
            self.forget_home(now, claim.task, out);
            if claim.resident {
                self.homes.running.insert(claim.task);
            }
        }
    }

    /// Claims that name victims conflict: what is kept of their nodes for the same framework does not stand in its way
    /// again.
    pub(super) fn open_homes(&mut self, now: Time, claims: &[Claim], out: &mut Vec<Decision>) {
        for claim in claims {
            let is_it = |home: &Home| (home.room.party, home.room.node) == (claim.from, claim.node) && home.is_kept;
            while let Some(home) = self.homes.away.values_mut().find(|home| is_it(home)) {
                home.is_kept = false;
                let room = home.room;
                self.ledger.release(&Shape::of_room(&room), room.node, 1, room.gpus);
                self.tell(now, room, true, out);
            }
        }
    }

    /// What is kept on a node, for the audit.
    #[cfg(test)]
    pub(super) fn kept_on(&self, node: NodeId) -> u64 {
        let kept = self.homes.away.values().filter(|home| home.is_kept && home.room.node == node);
        kept.map(|home| u64::from(home.room.request[crate::resources::CPU])).sum()
    }
}
