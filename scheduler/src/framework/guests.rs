//! Tasks of other frameworks that hold room, as far as is heard of them (shared state): who of them may be made to
//! leave.
//!
//! They stand in the index of tenants beside one's own tasks; their slots are marked with a bit.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::running::Running;
use crate::event::{Budget, GpuSet, Room};
use crate::id::{NodeId, PartyId, TaskId};
use crate::ledger::{Ledger, Shape};
use crate::preemption::Tenant;
use crate::slab::Slab;

/// Marks the slot of a task of another framework.
const FOREIGN: u32 = 1 << 31;

/// A task of another framework.
#[derive(Clone)]
struct Guest {
    task: TaskId,
    rooms: Vec<Room>,
    /// A claim that is not answered names it: nobody else is to count on it.
    leaving: bool,
    /// The set in which it counts as up.
    counted: Option<(PartyId, u32)>,
}

/// How many tasks of a set are up, and how many have to stay so.
#[derive(Clone, Copy, Default)]
struct Quorum {
    up: u32,
    keep: u32,
}

/// All of them, where anybody may be made to leave.
#[derive(Clone, Default)]
pub(super) struct Guests {
    slots: Slab<Guest>,
    of_task: BTreeMap<TaskId, u32>,
    quorums: BTreeMap<(PartyId, u32), Quorum>,
}

impl Guests {
    fn find(&self, task: TaskId) -> Option<u32> {
        self.of_task.get(&task).copied()
    }

    /// Notes in which set the guest counts as up.
    fn count(&mut self, slot: u32) {
        let guest = &mut self.slots[slot];
        let lead = guest.rooms.first().filter(|_| !guest.leaving);
        let set = lead.and_then(|room| Some((room.party, room.standing.budget?.set)));
        let before = core::mem::replace(&mut guest.counted, set);
        if set == before {
            return;
        }
        if let Some(key) = set {
            self.quorums.entry(key).or_default().up += 1;
        }
        if let Some(key) = before
            && let Some(quorum) = self.quorums.get_mut(&key)
        {
            quorum.up -= 1;
        }
    }
}

impl Running {
    /// Whether the slot is that of a task of another framework.
    #[must_use]
    pub fn is_guest(slot: u32) -> bool {
        slot & FOREIGN != 0
    }

    /// A task of another framework holds room, or holds it on other terms than before.
    pub fn guest_came(&mut self, ledger: &Ledger, room: &Room) {
        if self.tenants.is_none() {
            return;
        }
        let slot = match self.guests.find(room.task) {
            Some(slot) => slot,
            None => {
                let guest = Guest { task: room.task, rooms: Vec::new(), leaving: false, counted: None };
                let slot = self.guests.slots.insert(guest);
                self.guests.of_task.insert(room.task, slot);
                slot
            }
        };
        self.unlist_guest(slot);
        let rooms = &mut self.guests.slots[slot].rooms;
        match rooms.iter_mut().find(|known| is_promoted(known, room)) {
            Some(known) => *known = *room,
            None => rooms.push(*room),
        }
        if let Some(Budget { set, keep }) = room.standing.budget {
            self.guests.quorums.entry((room.party, set)).or_insert(Quorum { up: 0, keep });
        }
        self.guests.count(slot);
        self.spares |= room.standing.budget.is_some();
        self.list_guest(ledger, slot);
    }

    /// What is said of a task's set holds for all of it, whether or not the room is believed to be there.
    pub fn note_budget(&mut self, room: &Room) {
        if let Some(Budget { set, keep }) = room.standing.budget
            && self.tenants.is_some()
        {
            self.guests.quorums.entry((room.party, set)).or_default().keep = keep;
            self.spares = true;
        }
    }

    /// It holds this room no longer.
    pub fn guest_left(&mut self, ledger: &Ledger, room: &Room) {
        let Some(slot) = self.guests.find(room.task) else { return };
        self.unlist_guest(slot);
        let rooms = &mut self.guests.slots[slot].rooms;
        let same = |own: &Room| own.node == room.node && own.gpus == room.gpus && own.request == room.request;
        if let Some(at) = rooms.iter().position(same) {
            rooms.remove(at);
        }
        if !rooms.is_empty() {
            self.guests.count(slot);
            self.list_guest(ledger, slot);
            return;
        }
        self.guests.count(slot);
        self.guests.of_task.remove(&room.task);
        self.guests.slots.free(slot);
    }

    /// A node is gone, or comes back empty: nobody holds anything there.
    pub fn guests_gone(&mut self, ledger: &Ledger, node: NodeId) {
        let here = |slot: &u32| self.guests.slots[*slot].rooms.iter().any(|room| room.node == node);
        let slots: Vec<u32> = self.guests.of_task.values().copied().filter(here).collect();
        for slot in slots {
            let rooms: Vec<Room> =
                self.guests.slots[slot].rooms.iter().filter(|room| room.node == node).copied().collect();
            rooms.iter().for_each(|room| self.guest_left(ledger, room));
        }
    }

    /// Nothing is known of others any more.
    pub fn forget_guests(&mut self) {
        self.guests = Guests::default();
    }

    fn unlist_guest(&mut self, slot: u32) {
        let Some(tenants) = &mut self.tenants else { return };
        for room in &self.guests.slots[slot].rooms {
            tenants.remove(room.node, slot | FOREIGN);
        }
    }

    fn list_guest(&mut self, ledger: &Ledger, slot: u32) {
        let guest = &self.guests.slots[slot];
        let Some(tenants) = &mut self.tenants else { return };
        if guest.leaving || guest.rooms.iter().any(|room| room.standing.held || room.standing.protected) {
            return;
        }
        let shares = guest.rooms.iter().map(|room| ledger.scale().share(&room.request));
        let share = shares.fold(0_u64, u64::saturating_add);
        for room in &guest.rooms {
            let tenant = Tenant {
                task: guest.task,
                slot: slot | FOREIGN,
                priority: room.standing.priority,
                room: room.request,
                gpus: room.gpus,
                milli: room.milli,
                started: room.standing.since,
                share,
                budgeted: room.standing.budget.is_some(),
            };
            tenants.add(room.node, tenant);
        }
    }

    /// How many more tasks of the guest's set may be missing, and which set that is; None without a limit.
    pub(super) fn spare_of_guest(&self, slot: u32) -> Option<((PartyId, u32), u32)> {
        let room = self.guests.slots[slot & !FOREIGN].rooms.first()?;
        let key = (room.party, room.standing.budget?.set);
        let quorum = self.guests.quorums.get(&key).copied().unwrap_or_default();
        Some((key, quorum.up.saturating_sub(quorum.keep)))
    }

    /// The slot of a task that holds room, of one's own or of others.
    #[must_use]
    pub fn find_any(&self, task: TaskId) -> Option<u32> {
        self.find(task).or_else(|| self.guests.find(task).map(|slot| slot | FOREIGN))
    }

    /// The task in a slot of either kind.
    #[must_use]
    pub fn id_of(&self, slot: u32) -> TaskId {
        if Self::is_guest(slot) { self.guests.slots[slot & !FOREIGN].task } else { self.task(slot).id }
    }

    /// Its priority.
    #[must_use]
    pub fn priority_of(&self, slot: u32) -> i32 {
        if Self::is_guest(slot) {
            return self.guests.slots[slot & !FOREIGN].rooms.first().map_or(i32::MAX, |room| room.standing.priority);
        }
        self.job(self.task(slot).job).waiter.priority
    }

    /// Nobody counts on the task's room any more: it is told to leave.
    pub fn mark_leaving(&mut self, slot: u32) {
        if Self::is_guest(slot) {
            self.unlist_guest(slot & !FOREIGN);
            self.guests.slots[slot & !FOREIGN].leaving = true;
            self.guests.count(slot & !FOREIGN);
            return;
        }
        self.move_out(slot);
        self.set_leaving(slot, true);
    }

    /// A task that was to leave may stay.
    pub fn mark_staying(&mut self, ledger: &Ledger, slot: u32) {
        if Self::is_guest(slot) {
            let slot = slot & !FOREIGN;
            self.guests.slots[slot].leaving = false;
            self.guests.count(slot);
            self.spares |= self.guests.slots[slot].counted.is_some();
            self.list_guest(ledger, slot);
            return;
        }
        self.set_leaving(slot, false);
        self.settle_again(ledger, slot);
    }

    /// True if the task is to leave and has not given its room up yet.
    #[must_use]
    pub fn is_to_leave(&self, slot: u32) -> bool {
        if Self::is_guest(slot) {
            return self.guests.slots[slot & !FOREIGN].leaving;
        }
        let task = self.task(slot);
        task.leaving && !task.is_released()
    }

    /// What the task holds: what one part is, where, how many of them, and which devices.
    fn holdings(&self, ledger: &Ledger, slot: u32) -> Vec<(Shape, NodeId, u32, GpuSet)> {
        if Self::is_guest(slot) {
            let rooms = self.guests.slots[slot & !FOREIGN].rooms.iter();
            return rooms.map(|room| (Shape::of_room(room), room.node, 1, room.gpus)).collect();
        }
        let shape = *ledger.shapes().shape(self.job(self.task(slot).job).shape);
        self.parts(slot).map(|(node, count, gpus)| (shape, node, count, gpus)).collect()
    }

    /// Takes what the task holds off the books.
    pub fn give_room(&self, ledger: &mut Ledger, slot: u32) {
        for (shape, node, count, gpus) in self.holdings(ledger, slot) {
            ledger.put_back(&shape, node, count, gpus);
        }
    }

    /// Puts it back; false, and nothing changed, if all of it is not there any more.
    pub fn retake_room(&self, ledger: &mut Ledger, slot: u32) -> bool {
        self.retake(ledger, slot, Ledger::take_back)
    }

    /// The same where nobody took anything since.
    pub fn reinstate_room(&self, ledger: &mut Ledger, slot: u32) -> bool {
        self.retake(ledger, slot, Ledger::reinstate)
    }

    fn retake(
        &self,
        ledger: &mut Ledger,
        slot: u32,
        take: impl Fn(&mut Ledger, &Shape, NodeId, u32, GpuSet) -> bool,
    ) -> bool {
        let parts = self.holdings(ledger, slot);
        for (at, (shape, node, count, gpus)) in parts.iter().enumerate() {
            if !take(ledger, shape, *node, *count, *gpus) {
                for (shape, node, count, gpus) in &parts[..at] {
                    ledger.put_back(shape, *node, *count, *gpus);
                }
                return false;
            }
        }
        true
    }

    /// The nodes that it holds room of.
    pub fn nodes_of(&self, slot: u32, nodes: &mut Vec<NodeId>) {
        if Self::is_guest(slot) {
            nodes.extend(self.guests.slots[slot & !FOREIGN].rooms.iter().map(|room| room.node));
        } else {
            nodes.extend(self.parts(slot).map(|(node, ..)| node));
        }
    }
}

/// True if `room` is one that is known, whose task is in place now.
pub(super) fn is_promoted(known: &Room, room: &Room) -> bool {
    known.standing.held
        && !room.standing.held
        && (known.party, known.node, known.gpus) == (room.party, room.node, room.gpus)
        && known.request == room.request
}
