//! Dynamic reservations and persistent volumes (V1).

use super::TwoLevel;
use super::agent::{Part, Slice, Terms, lanewise};
use crate::id::{NodeId, OfferId};
use crate::resources::{DISK, Resources};

/// A reservation that cannot be made or undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    /// The offer is over, or the agent is not there.
    #[error("the offer or the agent is not there any more")]
    Gone,
    /// It does not hold that much on these terms.
    #[error("there is not that much to reserve or to free")]
    TooMuch,
    /// It was reserved by the flags of the agent: only these undo it.
    #[error("a reservation by the flags of an agent is not undone by an operation")]
    Static,
    /// A task uses it, or a volume stands on it.
    #[error("it is in use, or holds a volume; end the task or destroy the volume first")]
    InUse,
    /// What may be taken back is not reserved (U1).
    #[error("revocable resources cannot be reserved")]
    Revocable,
}

impl TwoLevel {
    /// A framework reserves for a role, or for one below it, what an offer of its holds. It stays offered to it.
    ///
    /// # Errors
    /// See [`ReservationError`].
    pub fn reserve(&mut self, offer: OfferId, path: &str, label: u32, what: Resources) -> Result<(), ReservationError> {
        let role = self.intern(path);
        let held = self.offer(offer).ok_or(ReservationError::Gone)?;
        if !what.fits_in(&held.grant.plain) {
            let parts = &self.agents[held.agent as usize].parts;
            let revocable =
                held.grant.parts.iter().filter(|slice| parts[slice.part as usize].terms == Terms::Revocable);
            let with = revocable.fold(held.grant.plain, |sum, slice| lanewise(&sum, &slice.what, u32::saturating_add));
            return Err(if what.fits_in(&with) { ReservationError::Revocable } else { ReservationError::TooMuch });
        }
        let held = self.offer_mut(offer).ok_or(ReservationError::Gone)?;
        held.grant.plain = lanewise(&held.grant.plain, &what, u32::saturating_sub);
        let (agent, owner) = (held.agent, held.role);
        let index = self.part_for(agent, Terms::Reserved { role, dynamic: true, label });
        let entry = &mut self.agents[agent as usize];
        entry.total = lanewise(&entry.total, &what, u32::saturating_sub);
        let part = &mut entry.parts[index as usize];
        part.total = lanewise(&part.total, &what, u32::saturating_add);
        part.held = lanewise(&part.held, &what, u32::saturating_add);
        if let Some(held) = self.offer_mut(offer) {
            let slice = Slice { part: index, mount: false, what };
            held.grant.merge(super::Grant { parts: alloc::vec![slice], ..Default::default() });
        }
        self.roles.consume(owner, &what, true);
        self.roles.consume(role, &what, false);
        Ok(())
    }

    /// An operator reserves what nobody was offered.
    ///
    /// # Errors
    /// See [`ReservationError`].
    pub fn reserve_free(&mut self, node: NodeId, path: &str, what: Resources) -> Result<(), ReservationError> {
        let role = self.intern(path);
        let agent = self.agents.get(node.index()).filter(|agent| agent.known).ok_or(ReservationError::Gone)?;
        if !what.fits_in(&agent.free) {
            return Err(ReservationError::TooMuch);
        }
        let index = self.part_for(node.0, Terms::Reserved { role, dynamic: true, label: 0 });
        let agent = &mut self.agents[node.index()];
        agent.total = lanewise(&agent.total, &what, u32::saturating_sub);
        agent.free = lanewise(&agent.free, &what, u32::saturating_sub);
        let part = &mut agent.parts[index as usize];
        part.total = lanewise(&part.total, &what, u32::saturating_add);
        self.idle.sub(&what, 1);
        self.roles.consume(role, &what, false);
        Ok(())
    }

    /// The part of an agent on these terms, made if there is none.
    pub(super) fn part_for(&mut self, agent: u32, terms: Terms) -> u32 {
        let parts = &mut self.agents[agent as usize].parts;
        if let Some(known) = parts.iter().position(|part| part.terms == terms) {
            return known as u32;
        }
        parts.push(Part { terms, total: Resources::ZERO, held: Resources::ZERO, volume: 0 });
        (parts.len() - 1) as u32
    }

    /// A framework undoes a reservation of which an offer holds so much.
    ///
    /// # Errors
    /// See [`ReservationError`].
    pub fn unreserve(&mut self, offer: OfferId, path: &str, what: Resources) -> Result<(), ReservationError> {
        let role = self.roles.find(path).ok_or(ReservationError::TooMuch)?;
        let held = self.offer(offer).ok_or(ReservationError::Gone)?;
        let (agent, owner) = (held.agent, held.role);
        let (index, volume) = self.reserved_part(agent, role)?;
        let held = self.offer_mut(offer).ok_or(ReservationError::Gone)?;
        let slice = held.grant.parts.iter_mut().find(|slice| slice.part == index);
        let slice = slice.ok_or(ReservationError::InUse)?;
        if !what.fits_in(&slice.what) {
            return Err(ReservationError::InUse);
        }
        if slice.what[DISK] - what[DISK] < volume {
            return Err(ReservationError::InUse);
        }
        slice.what = lanewise(&slice.what, &what, u32::saturating_sub);
        held.grant.plain = lanewise(&held.grant.plain, &what, u32::saturating_add);
        let entry = &mut self.agents[agent as usize];
        entry.total = lanewise(&entry.total, &what, u32::saturating_add);
        let part = &mut entry.parts[index as usize];
        part.total = lanewise(&part.total, &what, u32::saturating_sub);
        part.held = lanewise(&part.held, &what, u32::saturating_sub);
        self.roles.consume(role, &what, true);
        self.roles.consume(owner, &what, false);
        Ok(())
    }

    /// The dynamic reservation of a role on an agent, and how much of its disk holds a volume.
    fn reserved_part(&self, agent: u32, owner: u32) -> Result<(u32, u32), ReservationError> {
        let parts = &self.agents[agent as usize].parts;
        let mut is_static = false;
        for (index, part) in (0_u32..).zip(parts) {
            match part.terms {
                Terms::Reserved { role, dynamic: true, .. } if role == owner => return Ok((index, part.volume)),
                Terms::Reserved { role, .. } if role == owner => is_static = true,
                _ => {}
            }
        }
        Err(if is_static { ReservationError::Static } else { ReservationError::TooMuch })
    }

    /// A framework creates a persistent volume on reserved disk that an offer holds.
    ///
    /// # Errors
    /// See [`ReservationError`].
    pub fn create_volume(&mut self, offer: OfferId, path: &str, mib: u32) -> Result<(), ReservationError> {
        let (agent, index) = self.volume_place(offer, path)?;
        let part = &mut self.agents[agent as usize].parts[index as usize];
        if part.volume + mib > part.total[DISK] {
            return Err(ReservationError::TooMuch);
        }
        part.volume += mib;
        Ok(())
    }

    /// A framework destroys a volume: what was on it is lost.
    ///
    /// # Errors
    /// See [`ReservationError`].
    pub fn destroy_volume(&mut self, offer: OfferId, path: &str, mib: u32) -> Result<(), ReservationError> {
        let (agent, index) = self.volume_place(offer, path)?;
        let part = &mut self.agents[agent as usize].parts[index as usize];
        part.volume = part.volume.checked_sub(mib).ok_or(ReservationError::TooMuch)?;
        Ok(())
    }

    fn volume_place(&self, offer: OfferId, path: &str) -> Result<(u32, u32), ReservationError> {
        let role = self.roles.find(path).ok_or(ReservationError::TooMuch)?;
        let agent = self.offer(offer).ok_or(ReservationError::Gone)?.agent;
        let parts = &self.agents[agent as usize].parts;
        let is_it = |part: &Part| matches!(part.terms, Terms::Reserved { role: owner, .. } if owner == role);
        let index = parts.iter().position(is_it).ok_or(ReservationError::TooMuch)?;
        Ok((agent, index as u32))
    }
}
