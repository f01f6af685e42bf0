//! Frameworks come, go, and say when they want no offers.

use alloc::vec::Vec;

use super::filter::Filters;
use super::framework::{Framework, FrameworkSpec, Member};
use super::{TwoLevel, path_of};
use crate::Decision;
use crate::allocator::sorter::Client;
use crate::id::PartyId;

impl TwoLevel {
    /// A framework registers: a run over all agents follows (O3).
    pub fn add_framework(&mut self, spec: &FrameworkSpec) {
        let index = usize::from(spec.party.0);
        if index >= self.frameworks.len() {
            self.frameworks.resize_with(index + 1, || None);
        }
        let mut members: Vec<Member> = Vec::with_capacity(spec.roles.len());
        for wish in &spec.roles {
            let role = self.intern(&wish.role);
            if members.iter().any(|member| member.role == role) {
                continue;
            }
            let client = self.roles[role].frameworks.add(&path_of(spec.party));
            let role_entry = &mut self.roles[role];
            let place = client.0 as usize;
            if place >= role_entry.members.len() {
                role_entry.members.resize(place + 1, PartyId::default());
            }
            role_entry.members[place] = spec.party;
            role_entry.count += 1;
            self.join(role);
            members.push(Member {
                role,
                client,
                suppressed: wish.suppressed,
                revivals: 0,
                least: wish.least.clone(),
                constraints: wish.constraints.clone(),
            });
        }
        let filters = Filters::default();
        let framework =
            Framework { active: false, capabilities: spec.capabilities, members, filters, asked: Vec::new() };
        self.frameworks[index] = Some(framework);
        self.set_framework_active(spec.party, true, &mut Vec::new());
    }

    /// A role with frameworks is a client of the role sorter.
    fn join(&mut self, role: u32) {
        if self.roles[role].client.is_some() {
            return;
        }
        let client = self.role_sorter.add(&self.roles[role].path);
        self.roles[role].client = Some(client);
        let place = client.0 as usize;
        if place >= self.roles.of_client.len() {
            self.roles.of_client.resize(place + 1, 0);
        }
        self.roles.of_client[place] = role;
    }

    /// A framework is connected again, or cut off: then its offers are taken back and it gets none.
    pub fn set_framework_active(&mut self, party: PartyId, active: bool, out: &mut Vec<Decision>) {
        let Some(framework) = self.framework_mut(party) else { return };
        framework.active = active;
        let members: Vec<(u32, Client, bool)> =
            framework.members.iter().map(|member| (member.role, member.client, member.suppressed)).collect();
        for (role, client, suppressed) in members {
            self.seat(role, client, active && !suppressed);
        }
        if active {
            self.candidates.all = true;
        } else {
            self.rescind_of(party, out);
        }
    }

    /// A framework takes part in the order of its role or not; a role of which nobody does takes no part either.
    fn seat(&mut self, role: u32, client: Client, active: bool) {
        let entry = &mut self.roles[role];
        entry.frameworks.set_active(client, active);
        let any = entry.frameworks.tree().active() > 0;
        if let Some(client) = entry.client {
            self.role_sorter.set_active(client, any);
        }
    }

    /// A framework leaves for good: what it held is free again.
    pub fn remove_framework(&mut self, party: PartyId, out: &mut Vec<Decision>) {
        self.set_framework_active(party, false, out);
        let tasks: Vec<u64> =
            self.of_task.iter().filter(|&(_, slot)| self.holds[slot].party == party).map(|(task, _)| task).collect();
        for task in tasks {
            self.end_task(crate::id::TaskId(task));
        }
        self.forget_kept(party);
        let Some(framework) = self.frameworks.get_mut(usize::from(party.0)).and_then(Option::take) else { return };
        for member in framework.members {
            let entry = &mut self.roles[member.role];
            entry.frameworks.remove(member.client);
            entry.count -= 1;
            if entry.count == 0
                && let Some(client) = entry.client.take()
            {
                self.role_sorter.remove(client);
            }
        }
    }

    /// A framework wants no offers in some of its roles; in all if none is named (O6). Causes no run.
    pub fn suppress(&mut self, party: PartyId, role: Option<&str>) {
        self.set_suppressed(party, role, true);
    }

    /// It wants offers again: its filters in these roles are forgotten, and a run over all agents follows (O6).
    pub fn revive(&mut self, party: PartyId, role: Option<&str>) {
        self.set_suppressed(party, role, false);
        let only = role.map(|path| self.roles.find(path));
        let Some(framework) = self.framework_mut(party) else { return };
        for member in &mut framework.members {
            if only.is_none_or(|only| only == Some(member.role)) {
                member.revivals += 1;
            }
        }
        framework.asked.retain(|asked| !asked.is_answered());
        self.candidates.all = true;
    }

    fn set_suppressed(&mut self, party: PartyId, role: Option<&str>, suppressed: bool) {
        let only = role.map(|path| self.roles.find(path));
        let Some(framework) = self.framework_mut(party) else { return };
        let active = framework.active;
        let mut seats = Vec::new();
        for member in &mut framework.members {
            if only.is_none_or(|only| only == Some(member.role)) {
                member.suppressed = suppressed;
                seats.push((member.role, member.client));
            }
        }
        for (role, client) in seats {
            self.seat(role, client, active && !suppressed);
        }
    }
}
