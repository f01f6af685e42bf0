//! Who runs where: the index that victims are looked for in.

use alloc::vec::Vec;

use crate::event::GpuSet;
use crate::id::{NodeId, TaskId};
use crate::ledger::ChangeLog;
use crate::resources::{LANES, Resources};
use crate::time::Time;

/// What a task that may be made to leave holds of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The task; for a gang its first.
    pub task: TaskId,
    /// Where the owner of the index keeps it.
    pub slot: u32,
    /// Larger is more important.
    pub priority: i32,
    /// What it holds of this node, all of its members there together.
    pub room: Resources,
    /// Its devices on this node.
    pub gpus: GpuSet,
    /// Thousandths of each.
    pub milli: u16,
    /// When it started.
    pub started: Time,
    /// What it holds of all nodes, as a share of the largest: for what is lost with it.
    pub share: u64,
    /// Whether only so many of its job may be missing at once.
    pub budgeted: bool,
}

#[derive(Clone, Default)]
struct House {
    tenants: Vec<Tenant>,
    /// What all of them hold.
    room: Resources,
}

/// The tasks that may be made to leave, by node.
#[derive(Clone, Default)]
pub struct Tenants {
    houses: Vec<House>,
    /// The lowest priority on each node, `i32::MAX` where nobody may leave.
    least: Vec<i32>,
    /// The nodes that somebody came to.
    changes: ChangeLog,
}

impl Tenants {
    /// A task holds room of a node; a gang may hold several parts of it.
    pub fn add(&mut self, node: NodeId, tenant: Tenant) {
        if node.index() >= self.houses.len() {
            self.houses.resize(node.index() + 1, House::default());
            self.least.resize(node.index() + 1, i32::MAX);
        }
        let house = &mut self.houses[node.index()];
        let least = &mut self.least[node.index()];
        *least = tenant.priority.min(*least);
        self.changes.push(node);
        change(&mut house.room, &tenant.room, u32::saturating_add);
        match house.tenants.iter_mut().find(|known| known.slot == tenant.slot) {
            Some(known) => {
                change(&mut known.room, &tenant.room, u32::saturating_add);
                known.gpus.0 |= tenant.gpus.0;
            }
            None => house.tenants.push(tenant),
        }
    }

    /// A task holds no room of a node any more.
    pub fn remove(&mut self, node: NodeId, slot: u32) {
        let Some(house) = self.houses.get_mut(node.index()) else { return };
        let Some(at) = house.tenants.iter().position(|tenant| tenant.slot == slot) else { return };
        let gone = house.tenants.swap_remove(at);
        change(&mut house.room, &gone.room, u32::saturating_sub);
        let least = &mut self.least[node.index()];
        if gone.priority == *least {
            *least = house.tenants.iter().map(|tenant| tenant.priority).min().unwrap_or(i32::MAX);
        }
    }

    /// Who may be made to leave a node, in no particular order.
    #[must_use]
    pub fn of(&self, node: NodeId) -> &[Tenant] {
        self.houses.get(node.index()).map_or(&[], |house| &house.tenants)
    }

    /// The log of nodes that somebody came to. Who leaves only makes it harder to find victims there.
    #[must_use]
    pub fn changes(&self) -> &ChangeLog {
        &self.changes
    }

    /// What all those of a node hold together: an upper bound of what may come free.
    #[must_use]
    pub fn room(&self, node: NodeId) -> Resources {
        self.houses.get(node.index()).map_or(Resources::ZERO, |house| house.room)
    }

    /// The lowest priority on each node, in order of id; of nodes beyond the last nobody may leave.
    #[must_use]
    pub fn lowest(&self) -> &[i32] {
        &self.least
    }

    /// The lowest priority on a node, `i32::MAX` where nobody may leave.
    #[must_use]
    #[inline]
    pub fn least(&self, node: NodeId) -> i32 {
        self.least.get(node.index()).copied().unwrap_or(i32::MAX)
    }

    /// True if somebody of the node has a lower priority.
    #[must_use]
    pub fn has_below(&self, node: NodeId, priority: i32) -> bool {
        self.least(node) < priority
    }
}

fn change(row: &mut Resources, by: &Resources, how: fn(u32, u32) -> u32) {
    for lane in 0..LANES {
        row[lane] = how(row[lane], by[lane]);
    }
}
