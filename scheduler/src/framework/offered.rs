//! A framework under two-level allocation: a queue over a ledger of what it is offered.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Batch;
use crate::Step;
use crate::config::Habits;
use crate::decision::Decision;
use crate::event::{Event, GpuSet, JobSpec, Launch, Offer};
use crate::id::{NodeId, OfferId, PartyId, TaskId};
use crate::ledger::Ledger;
use crate::paged::PagedMap;
use crate::resources::{GPU, Resources};
use crate::slab::Slab;
use crate::time::Time;

/// The end of a chain.
const NONE: u32 = u32::MAX;

/// An offer in hand.
#[derive(Clone, Copy)]
struct Open {
    offer: OfferId,
    node: NodeId,
    /// What is not used yet.
    left: Resources,
    gpus: GpuSet,
    since: Time,
    /// As much is launched on it as may be: the rest is no room of ours any more.
    capped: bool,
    /// Nothing of it is reserved for somebody who does not come.
    whole: bool,
    /// The next offer of the same node.
    next: u32,
}

/// One framework that is offered resources now and then.
#[derive(Clone)]
pub struct Offered {
    me: PartyId,
    ledger: Ledger,
    batch: Batch,
    habits: Habits,
    offers: Slab<Open>,
    of_offer: PagedMap,
    /// The first offer in hand of each node.
    of_node: Vec<u32>,
    /// Offers in hand, oldest first; those that are over are dropped when they come up.
    in_hand: Vec<u32>,
    suppressed: bool,
    /// Something was refused that a revival would bring back.
    refused: bool,
    /// Work came that the refusals were made without.
    news: bool,
    revived: Option<Time>,
    /// Launches since the span began in which they are counted.
    launched: (Time, u32),
    /// The next look for tasks of our own that make room.
    next_press: Time,
    /// The last such look that may find what the one before did not.
    last_press: Time,
    /// Work came or went since the last such look.
    changed: bool,
}

impl Offered {
    /// A framework that has been offered nothing.
    #[must_use]
    pub fn new(me: PartyId, batch: Batch, habits: Habits) -> Self {
        Self {
            me,
            ledger: Ledger::of_lent_room(),
            batch,
            habits,
            offers: Slab::default(),
            of_offer: PagedMap::new(),
            of_node: Vec::new(),
            in_hand: Vec::new(),
            suppressed: false,
            refused: false,
            news: false,
            revived: None,
            launched: (Time::ZERO, 0),
            next_press: Time::ZERO,
            last_press: Time::ZERO,
            changed: false,
        }
    }

    /// Its queue, and its ledger of what it is offered.
    pub fn parts(&mut self) -> (&mut Batch, &mut Ledger) {
        (&mut self.batch, &mut self.ledger)
    }

    /// Deals with its allocator differently from now on.
    pub fn set_habits(&mut self, habits: Habits) {
        self.habits = habits;
    }

    /// How many tasks wait; a gang counts as one.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.batch.waiting()
    }

    /// Takes the facts of an instant in, launches what fits on what is offered, and answers the offers.
    pub fn step(&mut self, now: Time, events: &[Event], out: &mut Vec<Decision>) -> Step {
        for event in events {
            self.hear(now, event);
        }
        let mut on_node = BTreeMap::new();
        let mut step = Step::default();
        loop {
            // Whoever thinks every so often takes its room when it thinks.
            if !self.batch.is_between_passes(now) {
                self.batch.seat(&mut self.ledger, now);
            }
            let from = out.len();
            let Step { wake, work } = self.batch.pass(&mut self.ledger, now, out);
            step.wake = wake;
            step.work.add(work);
            let held_back = self.hold_back(now, out, from, &mut on_node);
            self.launch(out, from);
            let is_capped = held_back && self.cap(&on_node);
            if !is_capped && !self.batch.awaits_seat(&mut self.ledger, now) {
                break;
            }
        }
        self.batch.unreserve_homes(out);
        let idle = self.batch.waiting() == 0;
        self.answer(now, out);
        if idle && self.habits.suppresses && !self.suppressed {
            self.suppressed = true;
            out.push(Decision::Suppress);
        }
        if !idle {
            self.ask_again(now, out);
            self.press(now, &mut step, out);
        }
        step.wake = step.wake.into_iter().chain(self.wake(now)).min();
        step
    }

    /// Looks for tasks of our own that make room for others, every so often and while no offer is in hand.
    fn press(&mut self, now: Time, step: &mut Step, out: &mut Vec<Decision>) {
        let Some(patience) = self.batch.patience() else { return };
        if core::mem::take(&mut self.changed) {
            // By then, whoever waits now has waited long enough.
            self.last_press = now + patience + patience;
        }
        let may_press = self.in_hand.is_empty() && !self.batch.is_between_passes(now);
        if may_press && now >= self.next_press && now <= self.last_press {
            self.next_press = now + patience;
            let from = out.len();
            step.work.add(self.batch.press(&mut self.ledger, now, out).work);
            self.batch.name(self.me, &mut out[from..]);
        }
        let later = Some(self.next_press).filter(|&at| at > now && at <= self.last_press);
        step.wake = step.wake.into_iter().chain(later).min();
    }

    fn hear(&mut self, now: Time, event: &Event) {
        match event {
            Event::NodeAdded(spec) => {
                self.batch.rejoins(&mut self.ledger, spec.node);
                self.ledger.add_node(spec);
            }
            Event::NodeLost { node } => {
                self.drop_offers_of(*node);
                self.ledger.lose_node(*node);
                self.batch.shrank(&mut self.ledger, now, *node);
            }
            Event::Offered(offer) => self.take_in(now, offer),
            Event::OfferRescinded { offer } => self.give_up(*offer),
            Event::LaunchRefused { task } => {
                (self.news, self.changed) = (true, true);
                self.batch.refused(&mut self.ledger, now, *task);
            }
            Event::RoomFreed(room) if room.party == self.me => {
                (self.news, self.changed) = (true, true);
                self.batch.unseat(&mut self.ledger, now, room.task);
            }
            Event::JobSubmitted(spec) => {
                (self.news, self.changed) = (true, true);
                let whole = with_whole_devices(spec).map(Event::JobSubmitted);
                self.batch.hear(&mut self.ledger, now, whole.as_ref().unwrap_or(event));
            }
            Event::TaskAdopted { spec, node, gpus } => {
                let whole = with_whole_devices(spec).map(|spec| Event::TaskAdopted { spec, node: *node, gpus: *gpus });
                self.batch.hear(&mut self.ledger, now, whole.as_ref().unwrap_or(event));
            }
            Event::TaskEnded { .. } => {
                (self.news, self.changed) = (true, true);
                self.batch.hear(&mut self.ledger, now, event);
            }
            event => self.batch.hear(&mut self.ledger, now, event),
        }
    }

    fn take_in(&mut self, now: Time, offer: &Offer) {
        let Offer { offer, node, resources, gpus, reserved, .. } = *offer;
        // What is reserved is for those who wait for it alone; who is still to be heard of is offered it again.
        let is_for_homes = !reserved.is_zero() && self.batch.home_due(node).is_some();
        let unwanted = if is_for_homes { Resources::ZERO } else { reserved };
        let left = resources.checked_sub(&unwanted).unwrap_or(resources);
        if node.index() >= self.of_node.len() {
            self.of_node.resize(node.index() + 1, NONE);
        }
        let next = self.of_node[node.index()];
        let whole = left == resources;
        let slot = self.offers.insert(Open { offer, node, left, gpus, since: now, capped: false, whole, next });
        self.of_node[node.index()] = slot;
        self.of_offer.insert(offer.0, slot);
        self.in_hand.push(slot);
        self.ledger.grant(node, &left, gpus);
        if is_for_homes {
            self.batch.keep_homes(&mut self.ledger, node);
        }
        self.batch.noticed(node);
    }

    /// An offer is over: what is left of it is not ours.
    fn close(&mut self, slot: u32) -> Open {
        let open = self.offers[slot];
        self.of_offer.remove(open.offer.0);
        self.offers.free(slot);
        let mut at = self.of_node[open.node.index()];
        if at == slot {
            self.of_node[open.node.index()] = open.next;
        } else {
            while at != NONE && self.offers[at].next != slot {
                at = self.offers[at].next;
            }
            if at != NONE {
                self.offers[at].next = open.next;
            }
        }
        if !open.capped {
            self.withdraw(open);
        }
        open
    }

    /// What is left of an offer is no room of ours any more; nor is what was kept of it.
    fn withdraw(&mut self, open: Open) {
        self.batch.let_homes_go(&mut self.ledger, open.node);
        self.ledger.withdraw(open.node, &open.left, open.gpus);
    }

    /// Nodes on which as much is launched as may be are no room of ours any more. True if there is a new one, so that
    /// what was held back may go elsewhere.
    fn cap(&mut self, on_node: &BTreeMap<NodeId, u32>) -> bool {
        let Some(per_offer) = self.habits.per_offer else { return false };
        let mut any = false;
        for (node, _) in on_node.iter().filter(|(_, launched)| **launched >= per_offer) {
            let mut at = self.of_node[node.index()];
            while at != NONE {
                let open = self.offers[at];
                if !open.capped {
                    (self.offers[at].capped, any) = (true, true);
                    self.withdraw(open);
                }
                at = open.next;
            }
        }
        any
    }

    fn give_up(&mut self, offer: OfferId) {
        if let Some(slot) = self.of_offer.find(offer.0) {
            self.close(slot);
            self.in_hand.retain(|&one| one != slot);
        }
    }

    fn drop_offers_of(&mut self, node: NodeId) {
        while let Some(&slot) = self.of_node.get(node.index()).filter(|&&slot| slot != NONE) {
            self.close(slot);
            self.in_hand.retain(|&one| one != slot);
        }
    }

    /// Takes back what is beyond the most that may be launched on one offer, or within a span. A gang counts as one and
    /// is launched as a whole. `on_node` counts launches by node; true if anything was taken back.
    fn hold_back(
        &mut self,
        now: Time,
        out: &mut Vec<Decision>,
        from: usize,
        on_node: &mut BTreeMap<NodeId, u32>,
    ) -> bool {
        if self.habits.per_offer.is_none() && self.habits.launches.is_none() {
            return false;
        }
        let (per_offer, launches) = (self.habits.per_offer.unwrap_or(u32::MAX), self.habits.launches);
        if let Some((_, every)) = launches
            && self.launched.0 + every <= now
        {
            self.launched = (now, 0);
        }
        let most = launches.map_or(u32::MAX, |(most, _)| most);
        let mut held_back: Vec<TaskId> = Vec::new();
        for decision in &out[from..] {
            let Decision::Place { task, node, more: false, .. } = *decision else { continue };
            let here = on_node.entry(node).or_default();
            if *here >= per_offer || self.launched.1 >= most {
                held_back.push(task);
            } else {
                *here += 1;
                self.launched.1 += 1;
            }
        }
        if held_back.is_empty() {
            return false;
        }
        held_back.sort_unstable();
        for decision in &out[from..] {
            if let Decision::Place { task, node, count, gpus, .. } = *decision
                && held_back.binary_search(&task).is_ok()
                && let Some((_, shape)) = self.batch.need_of(&self.ledger, task)
            {
                let need = shape.request.checked_mul(count).unwrap_or(shape.request);
                self.ledger.grant(node, &need, gpus);
            }
        }
        for &task in &held_back {
            self.batch.refused(&mut self.ledger, now, task);
        }
        let mut at = 0;
        out.retain(|decision| {
            at += 1;
            let task = match decision {
                Decision::Place { task, .. } | Decision::Waited { task, .. } => task,
                _ => return true,
            };
            at <= from || held_back.binary_search(task).is_err()
        });
        self.news = true;
        true
    }

    /// What was placed in the ledger becomes launches on the offers that it is made of.
    fn launch(&mut self, out: &mut [Decision], from: usize) {
        for decision in &mut out[from..] {
            let Decision::Place { task, node, count, gpus, more } = *decision else { continue };
            self.changed = true;
            let Some((_, shape)) = self.batch.need_of(&self.ledger, task) else { continue };
            let first = self.of_node[node.index()];
            let mut need = shape.request.checked_mul(count).unwrap_or(shape.request);
            let fits = |slot: &u32| need.fits_in(&self.offers[*slot].left) && gpus.0 & !self.offers[*slot].gpus.0 == 0;
            let is_slot = |slot: u32| (slot != NONE).then_some(slot);
            let mut chain = core::iter::successors(is_slot(first), |&slot| is_slot(self.offers[slot].next));
            // The allocator takes from all offers of the node together if one alone is too small.
            let chosen = chain.find(fits).unwrap_or(first);
            let (me, offer) = (self.me, self.offers[chosen].offer);
            let resident = self.batch.is_resident(task);
            let request = shape.request;
            *decision = Decision::Launch(Launch { from: me, offer, task, request, gpus, count, more, resident });
            let mut at = chosen;
            let mut looked = first;
            while need != Resources::ZERO && at != NONE {
                let open = &mut self.offers[at];
                for lane in 0..crate::resources::LANES {
                    let taken = need[lane].min(open.left[lane]);
                    need[lane] -= taken;
                    open.left[lane] -= taken;
                }
                open.gpus.0 &= !gpus.0;
                at = looked;
                looked = if looked == NONE { NONE } else { self.offers[looked].next };
            }
        }
    }

    /// Answers every offer that is used up or was kept long enough.
    fn answer(&mut self, now: Time, out: &mut Vec<Decision>) {
        let mut in_hand = core::mem::take(&mut self.in_hand);
        let idle = self.batch.waiting() == 0;
        // Whoever thinks every so often answers when it has thought.
        let thinks_later = !idle && self.batch.is_between_passes(now);
        in_hand.retain(|&slot| {
            let open = self.offers[slot];
            let used_up = open.left == Resources::ZERO && open.whole;
            if !used_up && (thinks_later || now < open.since + self.habits.hold) {
                return true;
            }
            self.close(slot);
            if !used_up {
                self.refused |= !idle || !self.habits.suppresses;
                // Who waits for its node is to have it as soon as it may start.
                let until_due = self.batch.home_due(open.node).filter(|&due| due > now).map(|due| due.since(now));
                let refuse = until_due.map_or(self.habits.refuse, |due| self.habits.refuse.min(due));
                out.push(Decision::Decline { offer: open.offer, refuse });
            }
            false
        });
        self.in_hand = in_hand;
    }

    /// With work at hand offers are wanted; those that were refused before the work came are wanted again.
    fn ask_again(&mut self, now: Time, out: &mut Vec<Decision>) {
        if self.next_revival(now).is_some_and(|at| at <= now) {
            (self.suppressed, self.refused, self.news) = (false, false, false);
            self.revived = Some(now);
            out.push(Decision::Revive);
        }
    }

    /// When it asks for offers again; None if it has no reason to. Marathon waits for a while after each time that it
    /// asked (`min_revive_offers_interval`), whatever the reason is.
    fn next_revival(&self, now: Time) -> Option<Time> {
        let again = || self.habits.revives.filter(|_| self.refused && self.has_news());
        let pause = if self.suppressed { Some(self.habits.resumes) } else { again() };
        pause.map(|pause| self.revived.map_or(now, |last| last + pause))
    }

    /// True if what was refused may be of use by now. A gang needs several offers at once: refused one by one, their
    /// filters would end one by one for ever.
    fn has_news(&self) -> bool {
        self.news || self.batch.waits_for_many()
    }

    fn wake(&self, now: Time) -> Option<Time> {
        // Whoever thinks every so often answers, and gives up waiting, when it has thought.
        let thought = self.batch.next_pass(now).unwrap_or(now);
        let held = self.in_hand.first().map(|&slot| thought.max(self.offers[slot].since + self.habits.hold));
        let late = self.batch.next_late().map(|at| thought.max(at));
        let revival = self.next_revival(now).filter(|_| self.batch.waiting() > 0);
        let allowed = self
            .habits
            .launches
            .filter(|(most, _)| self.launched.1 >= *most && self.batch.waiting() > 0)
            .map(|(_, every)| self.launched.0 + every);
        [held, late, revival, allowed].into_iter().flatten().filter(|&at| at > now).min()
    }
}

/// Devices are offered as a whole, and one goes to one task, however little of it the task asks for: a task that asks
/// for a part of one needs all of it. None if the job asks for no parts.
fn with_whole_devices(spec: &JobSpec) -> Option<JobSpec> {
    if spec.gpu.count == 0 || spec.gpu.milli >= 1000 {
        return None;
    }
    let mut whole = spec.clone();
    whole.gpu.milli = 1000;
    whole.request[GPU] = u32::from(spec.gpu.count) * 1000;
    Some(whole)
}
