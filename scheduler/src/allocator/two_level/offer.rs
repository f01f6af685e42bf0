//! The life of an offer: made, answered or taken back, and what tasks hold of it (O5, O7).

use alloc::vec::Vec;

use super::agent::{Grant, lanewise};
use super::filter::Refused;
use super::{TwoLevel, agent};
use crate::Decision;
use crate::event::{GpuSet, Launch, Offer, Room};
use crate::id::{NodeId, OfferId, PartyId, RoleId, TaskId};
use crate::resources::{GPU, Resources};
use crate::time::{Span, Time};

/// The end of a chain.
const NONE: u32 = u32::MAX;

/// An offer that is not answered.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its number.
    pub offer: OfferId,
    /// To whom.
    pub party: PartyId,
    /// In which role.
    pub role: u32,
    /// Of which agent.
    pub agent: u32,
    /// In which life of the agent.
    pub life: u32,
    /// What of it.
    pub grant: Grant,
    /// Since when.
    pub since: Time,
}

/// What a task holds of one agent.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Whose task.
    pub party: PartyId,
    /// In which role.
    pub role: u32,
    /// Of which agent.
    pub agent: u32,
    /// In which life of the agent.
    pub life: u32,
    /// What of it.
    pub grant: Grant,
    /// The next part of a gang that spreads.
    next: u32,
}

/// An answer to offers that are not there any more: nothing of it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an offer is not valid any more, or offers of different agents or roles were answered together")]
pub struct InvalidOffers;

impl TwoLevel {
    /// An offer goes out.
    pub(super) fn open(
        &mut self,
        now: Time,
        node: NodeId,
        role: u32,
        party: PartyId,
        grant: Grant,
        out: &mut Vec<Decision>,
    ) {
        let offer = OfferId(self.next_offer);
        self.next_offer += 1;
        let reserved = self.homes_in(node.0, &grant);
        let (resources, gpus) = (grant.sum(), grant.gpus);
        let message = Offer { offer, node, role: RoleId(role as u16), resources, gpus, reserved };
        let life = self.agents[node.index()].life;
        let slot = self.offers.insert(Held { offer, party, role, agent: node.0, life, grant, since: now });
        self.of_offer.insert(offer.0, slot);
        if self.options.offer_timeout.is_some() {
            self.aging.push_back((now, offer));
        }
        out.push(Decision::Offer { to: party, offer: message });
    }

    /// An offer is over: what is left of it.
    fn close(&mut self, offer: OfferId) -> Option<Held> {
        let slot = self.of_offer.remove(offer.0)?;
        self.offers.free(slot);
        let held = &mut self.offers[slot];
        let grant = core::mem::take(&mut held.grant);
        Some(Held { grant, ..held.clone() })
    }

    /// What an offer or a task held is free again; nobody is offered it before the next run.
    pub(super) fn recover(&mut self, at: u32, life: u32, role: u32, party: PartyId, grant: &Grant) {
        self.give_back(at, life, role, grant);
        if role == agent::NOBODY {
            return;
        }
        if self.agents[at as usize].life == life {
            self.balance_homes(at, party, role, grant);
        }
        let what = grant.sum();
        let Some(client) = self.framework(party).and_then(|framework| framework.member(role)).map(|own| own.client)
        else {
            return;
        };
        self.roles[role].frameworks.unallocated(client, &what);
        if let Some(client) = self.roles[role].client {
            self.role_sorter.unallocated(client, &what);
        }
    }

    /// A framework has no use for (what is left of) an offer: the same need not be offered it again for a while (O4).
    pub fn decline(&mut self, now: Time, from: PartyId, offer: OfferId, refuse: Span) {
        if self.of_offer.find(offer.0).is_none_or(|slot| self.offers[slot].party != from) {
            // It was taken back while the answer was under way.
            return;
        }
        let Some(held) = self.close(offer) else { return };
        self.refuse(now, &held, refuse);
        self.recover(held.agent, held.life, held.role, from, &held.grant);
    }

    fn refuse(&mut self, now: Time, held: &Held, refuse: Span) {
        if refuse == Span::ZERO || held.grant.is_empty() {
            return;
        }
        // However short, it outlives the next periodic run.
        let until = now + refuse.max(self.options.interval);
        let and_then = self.last_batch == Some(now) || refuse <= self.options.interval;
        let Some(framework) = self.framework_mut(held.party) else { return };
        let Some(member) = framework.member(held.role) else { return };
        let refused = Refused {
            role: held.role,
            agent: held.agent,
            life: (held.life, member.revivals),
            plain: held.grant.plain,
            on_terms: held.grant.on_terms(),
        };
        framework.filters.add(now, &refused, until, and_then);
    }

    /// Several offers are answered at once: they must be of one agent and one role. The tasks are launched on all of
    /// them together, and what is left is refused for a while. One invalid offer undoes it all: the valid ones are
    /// free again, without a filter, and no task is launched (O5).
    ///
    /// # Errors
    /// [`InvalidOffers`]: every task is lost.
    pub fn accept(
        &mut self,
        now: Time,
        offers: &[OfferId],
        launches: &[Launch],
        refuse: Span,
        out: &mut Vec<Decision>,
    ) -> Result<(), InvalidOffers> {
        let valid: Vec<OfferId> =
            offers.iter().copied().filter(|offer| self.of_offer.find(offer.0).is_some()).collect();
        let place = |offer: &OfferId| {
            let held = self.of_offer.find(offer.0).map(|slot| &self.offers[slot])?;
            Some((held.party, held.agent, held.role))
        };
        let together = valid.windows(2).all(|pair| place(&pair[0]) == place(&pair[1]));
        if valid.len() < offers.len() || !together || valid.is_empty() {
            for offer in valid {
                if let Some(held) = self.close(offer) {
                    self.recover(held.agent, held.life, held.role, held.party, &held.grant);
                }
            }
            return Err(InvalidOffers);
        }
        let first = self.merge(&valid);
        for launch in launches {
            self.launch(&Launch { offer: first, ..*launch }, out);
        }
        if let Some(slot) = self.of_offer.find(first.0) {
            let party = self.offers[slot].party;
            self.decline(now, party, first, refuse);
        }
        Ok(())
    }

    /// Makes the first of these offers hold what all of them do.
    fn merge(&mut self, offers: &[OfferId]) -> OfferId {
        let first = offers[0];
        for &other in &offers[1..] {
            if other != first
                && let Some(held) = self.close(other)
                && let Some(slot) = self.of_offer.find(first.0)
            {
                self.offers[slot].grant.merge(held.grant);
            }
        }
        first
    }

    /// A framework launches a task, or a part of a gang, on an offer. A gang is carried out when its last part is
    /// there, as a whole or not at all.
    pub fn launch(&mut self, launch: &Launch, out: &mut Vec<Decision>) {
        if launch.more {
            self.gangs.push(*launch);
            return;
        }
        let mut gang: Vec<Launch> = Vec::new();
        self.gangs.retain(|part| {
            let of_it = part.from == launch.from && part.task == launch.task;
            if of_it {
                gang.push(*part);
            }
            !of_it
        });
        gang.push(*launch);
        let mut holds: Vec<(Hold, u32)> = Vec::with_capacity(gang.len());
        for part in &gang {
            match self.carve(part) {
                Some(hold) => holds.push((hold, part.count)),
                None => {
                    for (hold, _) in holds {
                        self.recover(hold.agent, hold.life, hold.role, hold.party, &hold.grant);
                    }
                    out.push(Decision::Refuse { to: launch.from, task: launch.task });
                    return;
                }
            }
        }
        for part in &gang {
            self.close_if_empty(part.offer);
        }
        if let [(hold, 1)] = &holds[..]
            && launch.resident
        {
            let hold = hold.clone();
            self.settles(launch.task, &hold);
        }
        self.start(launch.task, holds, out);
    }

    /// Takes what a launch needs out of its offer, and of others of the same agent and role if it alone is too small.
    fn carve(&mut self, launch: &Launch) -> Option<Hold> {
        let slot = self.of_offer.find(launch.offer.0)?;
        let need = launch.request.checked_mul(launch.count)?;
        let (party, agent, role, life) = {
            let held = &self.offers[slot];
            (held.party, held.agent, held.role, held.life)
        };
        if party != launch.from {
            return None;
        }
        let mut charged = need;
        charged[GPU] = launch.gpus.len() * 1000;
        if !charged.fits_in(&self.offers[slot].grant.sum()) || launch.gpus.0 & !self.offers[slot].grant.gpus.0 != 0 {
            let is_sibling = |held: &Held| held.party == party && held.agent == agent && held.role == role;
            let mut all: Vec<OfferId> = alloc::vec![launch.offer];
            let open = self.of_offer.iter().map(|(_, slot)| &self.offers[slot]);
            all.extend(open.filter(|held| is_sibling(held) && held.offer != launch.offer).map(|held| held.offer));
            self.merge(&all);
        }
        let grant = self.offers[slot].grant.carve(&need, launch.gpus)?;
        Some(Hold { party, role, agent, life, grant, next: NONE })
    }

    fn close_if_empty(&mut self, offer: OfferId) {
        if self.of_offer.find(offer.0).is_some_and(|slot| self.offers[slot].grant.is_empty()) {
            let _ = self.close(offer);
        }
    }

    fn start(&mut self, task: TaskId, holds: Vec<(Hold, u32)>, out: &mut Vec<Decision>) {
        let mut next = NONE;
        let last = holds.len() - 1;
        let from = out.len();
        for (at, (hold, count)) in holds.into_iter().enumerate().rev() {
            let (node, gpus) = (NodeId(hold.agent), hold.grant.gpus);
            out.push(Decision::Place { task, node, count, gpus, more: at < last });
            next = self.holds.insert(Hold { next, ..hold });
        }
        out[from..].reverse();
        self.of_task.insert(task.0, next);
    }

    /// A task holds room that nobody was offered: a snapshot, or what an agent reports. It goes to the first role that
    /// its framework asked in; to nobody if the framework is not here (yet). Offers of the agent are taken back if what
    /// is left is too little.
    pub fn adopt(&mut self, room: &Room, out: &mut Vec<Decision>) {
        let Room { party, task, node, request: what, gpus, .. } = *room;
        let Some(agent) = self.agent(node) else { return };
        if !what.fits_in(&agent.free) || gpus.0 & !agent.devices.0 != 0 {
            self.rescind_on(node.0, out);
        }
        let role = self.framework(party).and_then(|own| own.members.first()).map_or(agent::NOBODY, |own| own.role);
        let agent = &self.agents[node.index()];
        let gpus = GpuSet(gpus.0 & agent.devices.0);
        let mut plain = lanewise(&what, &agent.free, u32::min);
        plain[GPU] = gpus.len() * 1000;
        let grant = Grant { plain, parts: Vec::new(), gpus };
        let life = agent.life;
        self.take(node.0, role, &grant);
        if role != agent::NOBODY {
            self.count(role, party, &grant.sum());
        }
        let next = self.of_task.find(task.0).unwrap_or(NONE);
        let slot = self.holds.insert(Hold { party, role, agent: node.0, life, grant, next });
        self.of_task.insert(task.0, slot);
    }

    fn count(&mut self, role: u32, party: PartyId, what: &Resources) {
        let client = self.framework(party).and_then(|own| own.member(role)).map(|member| member.client);
        if let (Some(client), Some(role_client)) = (client, self.roles[role].client) {
            self.roles[role].frameworks.allocated(client, what);
            self.role_sorter.allocated(role_client, what);
        }
    }

    /// A task is over: what it held is free again. Causes no run (O3).
    pub fn end_task(&mut self, task: TaskId) {
        let Some(mut slot) = self.of_task.remove(task.0) else { return };
        while slot != NONE {
            let Hold { party, role, agent, life, next, .. } = self.holds[slot];
            let grant = core::mem::take(&mut self.holds[slot].grant);
            self.recover(agent, life, role, party, &grant);
            self.holds.free(slot);
            slot = next;
        }
    }

    fn rescind(&mut self, offer: OfferId, out: &mut Vec<Decision>) {
        if let Some(held) = self.close(offer) {
            // Taken back without a filter: it may be offered to the same again.
            self.recover(held.agent, held.life, held.role, held.party, &held.grant);
            out.push(Decision::Rescind { to: held.party, offer });
        }
    }

    fn rescind_all(&mut self, which: impl Fn(&Held) -> bool, out: &mut Vec<Decision>) {
        let open = self.of_offer.iter().map(|(_, slot)| &self.offers[slot]);
        let these: Vec<OfferId> = open.filter(|held| which(held)).map(|held| held.offer).collect();
        for offer in these {
            self.rescind(offer, out);
        }
    }

    /// Takes back the offers of an agent.
    pub(super) fn rescind_on(&mut self, agent: u32, out: &mut Vec<Decision>) {
        self.rescind_all(|held| held.agent == agent, out);
    }

    /// Takes back the offers of a framework.
    pub(super) fn rescind_of(&mut self, party: PartyId, out: &mut Vec<Decision>) {
        self.rescind_all(|held| held.party == party, out);
    }

    /// Takes back offers to roles outside a branch until a new guarantee could be met: best effort (O7).
    pub fn rescind_for_quota(&mut self, path: &str, out: &mut Vec<Decision>) {
        let Some(role) = self.roles.find(path) else { return };
        let open: Vec<(OfferId, u32)> =
            self.of_offer.iter().map(|(id, slot)| (OfferId(id), self.offers[slot].role)).collect();
        for (offer, owner) in open {
            let unmet = self.unmet(role);
            let enough = unmet.0.iter().zip(&self.idle.0).all(|(needed, idle)| needed <= idle);
            if enough {
                return;
            }
            if self.roles[owner].top != role {
                self.rescind(offer, out);
            }
        }
    }

    /// Takes back what was not answered in time (O7).
    pub(super) fn expire(&mut self, now: Time, out: &mut Vec<Decision>) {
        let Some(timeout) = self.options.offer_timeout else { return };
        while let Some(&(since, offer)) = self.aging.front() {
            if since + timeout > now {
                return;
            }
            self.aging.pop_front();
            self.rescind(offer, out);
        }
    }

    /// When the oldest open offer is taken back.
    pub(super) fn next_expiry(&mut self) -> Option<Time> {
        let timeout = self.options.offer_timeout?;
        while let Some(&(since, offer)) = self.aging.front() {
            if self.of_offer.find(offer.0).is_some() {
                return Some(since + timeout);
            }
            self.aging.pop_front();
        }
        None
    }

    /// An open offer.
    #[must_use]
    pub fn offer(&self, offer: OfferId) -> Option<&Held> {
        self.of_offer.find(offer.0).map(|slot| &self.offers[slot])
    }

    pub(super) fn offer_mut(&mut self, offer: OfferId) -> Option<&mut Held> {
        self.of_offer.find(offer.0).map(|slot| &mut self.offers[slot])
    }

    /// What tasks hold, by task and then by part of a gang; then what is kept of those that have left.
    pub(super) fn holds_in_order(&self) -> impl Iterator<Item = &Hold> {
        let held = self.of_task.iter().flat_map(move |(_, first)| self.holds_from(first));
        held.chain(self.kept.values().flat_map(|kept| &kept.holds))
    }

    /// What one task holds.
    pub(super) fn holds_of(&self, task: TaskId) -> impl Iterator<Item = &Hold> {
        self.holds_from(self.of_task.find(task.0).unwrap_or(NONE))
    }

    fn holds_from(&self, first: u32) -> impl Iterator<Item = &Hold> {
        let mut slot = first;
        core::iter::from_fn(move || {
            let hold = (slot != NONE).then(|| &self.holds[slot])?;
            slot = hold.next;
            Some(hold)
        })
    }

    /// A task is over, and what it held is not given back yet.
    pub(super) fn take_holds(&mut self, task: TaskId) -> Vec<Hold> {
        let mut holds = Vec::new();
        let mut slot = self.of_task.remove(task.0).unwrap_or(NONE);
        while slot != NONE {
            let grant = core::mem::take(&mut self.holds[slot].grant);
            let hold = Hold { grant, ..self.holds[slot].clone() };
            self.holds.free(slot);
            slot = hold.next;
            holds.push(hold);
        }
        holds
    }
}
