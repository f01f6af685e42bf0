//! Roles: a tree of teams, whose top carries the quotas.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::quota::Quota;
use crate::allocator::sorter::{Client, Sorter};
use crate::id::PartyId;
use crate::resources::{LANES, Resources, Totals};

/// A role.
pub struct Role {
    /// Its path: `eng/backend`.
    pub path: String,
    /// The role at the top of its branch; itself for a top-level role.
    pub top: u32,
    /// Itself and everything above it: whose reservations it may use.
    pub lineage: Vec<u32>,
    /// As a client of the role sorter, while frameworks are in it.
    pub client: Option<Client>,
    /// Sorts its frameworks.
    pub frameworks: Box<dyn Sorter>,
    /// The framework behind each client of its sorter.
    pub members: Vec<PartyId>,
    /// How many frameworks are in it.
    pub count: u32,
    /// Only of a top-level role.
    pub quota: Quota,
    /// Of a top-level role: what it and those below it consume of the quota.
    pub consumed: Totals,
}

impl Clone for Role {
    fn clone(&self) -> Self {
        Self {
            path: self.path.clone(),
            top: self.top,
            lineage: self.lineage.clone(),
            client: self.client,
            frameworks: self.frameworks.copy(),
            members: self.members.clone(),
            count: self.count,
            quota: self.quota,
            consumed: self.consumed,
        }
    }
}

/// All roles that were ever named.
#[derive(Clone, Default)]
pub struct Roles {
    list: Vec<Role>,
    by_path: BTreeMap<String, u32>,
    /// The role of each client of the role sorter.
    pub(super) of_client: Vec<u32>,
    /// Roles with a guarantee.
    pub(super) guaranteed: u32,
    /// Roles with a limit.
    pub(super) limited: u32,
    /// What must be held back for guarantees that are not met: their sum.
    pub(super) required: Totals,
}

impl Roles {
    /// The role of a path, made if it is new together with those above it.
    pub fn intern(&mut self, path: &str, sorter: &dyn Fn() -> Box<dyn Sorter>) -> u32 {
        if let Some(&known) = self.by_path.get(path) {
            return known;
        }
        let above = path.rfind('/').map(|end| self.intern(&path[..end], sorter));
        let index = self.list.len() as u32;
        let (top, mut lineage) = match above {
            Some(above) => (self[above].top, self[above].lineage.clone()),
            None => (index, Vec::new()),
        };
        lineage.push(index);
        self.list.push(Role {
            path: path.to_string(),
            top,
            lineage,
            client: None,
            frameworks: sorter(),
            members: Vec::new(),
            count: 0,
            quota: Quota::default(),
            consumed: Totals::default(),
        });
        self.by_path.insert(path.to_string(), index);
        index
    }

    /// The role of a path, if it was ever named.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<u32> {
        self.by_path.get(path).copied()
    }

    /// All roles, in the order in which they were named.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.list.iter()
    }

    /// All roles, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Role> {
        self.list.iter_mut()
    }

    /// Counts `what` as consumed by the branch of a role (or no longer), and keeps the sum of unmet guarantees.
    pub fn consume(&mut self, role: u32, what: &Resources, back: bool) {
        let top = self.list[role as usize].top as usize;
        let top = &mut self.list[top];
        if top.quota.guarantee == Totals::default() {
            if back {
                top.consumed.sub(what, 1)
            } else {
                top.consumed.add(what, 1)
            }
            return;
        }
        for lane in 0..LANES {
            if what[lane] == 0 {
                continue;
            }
            let (consumed, amount) = (&mut top.consumed.0[lane], u64::from(what[lane]));
            let unmet = |consumed: u64| top.quota.guarantee.0[lane].saturating_sub(consumed);
            let before = unmet(*consumed);
            *consumed = if back { *consumed - amount } else { *consumed + amount };
            self.required.0[lane] = self.required.0[lane] + unmet(*consumed) - before;
        }
    }
}

impl core::ops::Index<u32> for Roles {
    type Output = Role;
    fn index(&self, role: u32) -> &Role {
        &self.list[role as usize]
    }
}

impl core::ops::IndexMut<u32> for Roles {
    fn index_mut(&mut self, role: u32) -> &mut Role {
        &mut self.list[role as usize]
    }
}
