//! Who runs where: the index that victims are looked for in.

use alloc::vec::Vec;

use crate::event::GpuSet;
use crate::id::{NodeId, TaskId};
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
}

#[derive(Clone, Default)]
struct House {
    tenants: Vec<Tenant>,
    /// What all of them hold.
    room: Resources,
    /// The lowest priority among them.
    least: i32,
}

/// The tasks that may be made to leave, by node.
#[derive(Clone, Default)]
pub struct Tenants {
    houses: Vec<House>,
}

impl Tenants {
    /// A task holds room of a node; a gang may hold several parts of it.
    pub fn add(&mut self, node: NodeId, tenant: Tenant) {
        if node.index() >= self.houses.len() {
            self.houses.resize(node.index() + 1, House::default());
        }
        let house = &mut self.houses[node.index()];
        house.least = if house.tenants.is_empty() { tenant.priority } else { house.least.min(tenant.priority) };
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
        if gone.priority == house.least {
            house.least = house.tenants.iter().map(|tenant| tenant.priority).min().unwrap_or(0);
        }
    }

    /// Who may be made to leave a node, in no particular order.
    #[must_use]
    pub fn of(&self, node: NodeId) -> &[Tenant] {
        self.houses.get(node.index()).map_or(&[], |house| &house.tenants)
    }

    /// What those of a node hold together, at most, whose priority is below `priority`: an upper bound that costs
    /// nothing. None if there is nobody.
    #[must_use]
    #[inline]
    pub fn bound(&self, node: NodeId, priority: i32) -> Option<(&Resources, i32)> {
        let house = self.houses.get(node.index())?;
        (!house.tenants.is_empty() && house.least < priority).then_some((&house.room, house.least))
    }
}

fn change(row: &mut Resources, by: &Resources, how: fn(u32, u32) -> u32) {
    for lane in 0..LANES {
        row[lane] = how(row[lane], by[lane]);
    }
}
