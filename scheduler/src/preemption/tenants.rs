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
}

/// What is known of a node without a visit: enough to pass over nearly all of them.
#[derive(Clone, Copy, Debug)]
pub struct Brief {
    /// The lowest priority on the node.
    pub least: i32,
    /// Of those of that priority, the last start.
    pub latest: Time,
    /// Of those of that priority, the smallest share.
    pub share: u64,
}

impl Default for Brief {
    fn default() -> Self {
        Self { least: i32::MAX, latest: Time::ZERO, share: u64::MAX }
    }
}

impl Brief {
    fn note(&mut self, tenant: &Tenant) {
        if tenant.priority < self.least {
            *self = Self { least: tenant.priority, latest: tenant.started, share: tenant.share };
        } else if tenant.priority == self.least {
            self.latest = self.latest.max(tenant.started);
            self.share = self.share.min(tenant.share);
        }
    }

    /// No victim of the lowest priority costs less: see [`super::choose::lost`].
    #[must_use]
    pub fn lost_at_least(&self, now: Time) -> u128 {
        u128::from(self.share) * u128::from(now.since(self.latest).0)
    }
}

/// The tasks that may be made to leave, by node.
#[derive(Clone, Default)]
pub struct Tenants {
    houses: Vec<House>,
    briefs: Vec<Brief>,
}

impl Tenants {
    /// A task holds room of a node; a gang may hold several parts of it.
    pub fn add(&mut self, node: NodeId, tenant: Tenant) {
        if node.index() >= self.houses.len() {
            self.houses.resize(node.index() + 1, House::default());
            self.briefs.resize(node.index() + 1, Brief::default());
        }
        let house = &mut self.houses[node.index()];
        self.briefs[node.index()].note(&tenant);
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
        let brief = &mut self.briefs[node.index()];
        if gone.priority == brief.least {
            *brief = Brief::default();
            house.tenants.iter().for_each(|tenant| brief.note(tenant));
        }
    }

    /// Who may be made to leave a node, in no particular order.
    #[must_use]
    pub fn of(&self, node: NodeId) -> &[Tenant] {
        self.houses.get(node.index()).map_or(&[], |house| &house.tenants)
    }

    /// What is known of each node, in order of id; of nodes beyond the last nobody may leave.
    #[must_use]
    pub fn briefs(&self) -> &[Brief] {
        &self.briefs
    }

    /// What all those of a node hold together: an upper bound of what may come free.
    #[must_use]
    pub fn room(&self, node: NodeId) -> Resources {
        self.houses.get(node.index()).map_or(Resources::ZERO, |house| house.room)
    }

    /// True if somebody of the node has a lower priority.
    #[must_use]
    pub fn has_below(&self, node: NodeId, priority: i32) -> bool {
        self.briefs.get(node.index()).is_some_and(|brief| brief.least < priority)
    }
}

fn change(row: &mut Resources, by: &Resources, how: fn(u32, u32) -> u32) {
    for lane in 0..LANES {
        row[lane] = how(row[lane], by[lane]);
    }
}
