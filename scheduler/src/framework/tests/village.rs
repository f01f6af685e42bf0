//! A world around those who share a fleet: the messages between them, and the truth.

use alloc::collections::{BTreeMap, VecDeque};

use super::*;
use crate::allocator::two_level::{FrameworkSpec, Membership};
use crate::config::{Architecture, Setting};

/// What happens in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Placed(u64, u32, u32),
    Evicted(u64, u64, bool),
    Refused(u16, u64),
}

/// A running task: its owner, and what it holds of which node.
#[derive(Clone, Debug)]
pub(super) struct Tenant {
    pub(super) party: u16,
    pub(super) cpu: u32,
    pub(super) at: Vec<(u32, u32)>,
}

/// A settler and frameworks, the messages between them, and the truth.
pub(super) struct Village {
    pub(super) core: Core,
    pub(super) now: Time,
    /// Nobody pushes out tasks of others.
    own_only: bool,
    /// How long a message takes.
    pub(super) link: Span,
    inboxes: Vec<Vec<Event>>,
    pub(super) mail: VecDeque<(Time, usize, Event)>,
    capacity: Vec<u32>,
    pub(super) running: BTreeMap<u64, Tenant>,
    /// Owner, priority and millicores.
    known: BTreeMap<u64, (u16, i32, u32)>,
    pub(super) waiting: Vec<u64>,
    pub(super) leaving: Vec<u64>,
    deeds: Vec<Deed>,
    /// When each of them asked to be called again.
    wakes: Vec<Option<Time>>,
    pub(super) next: u64,
}

impl Village {
    pub(super) fn new(config: &Config, frameworks: u16, nodes: &[u32]) -> Self {
        let mut village = Self {
            core: Core::new(&Registries::default()),
            now: Time::ZERO,
            own_only: config.architecture == Architecture::TwoLevel,
            link: Span::ZERO,
            inboxes: vec![Vec::new(); usize::from(frameworks) + 1],
            mail: VecDeque::new(),
            capacity: nodes.to_vec(),
            running: BTreeMap::new(),
            known: BTreeMap::new(),
            waiting: vec![],
            leaving: vec![],
            deeds: vec![],
            wakes: vec![None; usize::from(frameworks) + 1],
            next: 0,
        };
        for party in 0..=frameworks {
            village.tell(usize::from(party), Event::Configured(Box::new(config.clone())));
            if party > 0 {
                let roles = vec![Membership::of(&format!("team-{party}"))];
                let spec = FrameworkSpec { party: PartyId(party), roles, ..FrameworkSpec::default() };
                village.tell(0, Event::FrameworkJoined(Box::new(spec)));
            }
        }
        for (id, &cpu) in (0..).zip(nodes) {
            village.tell_all(&Event::NodeAdded(Box::new(node(id, cpu, 0))));
        }
        village.settle();
        village
    }

    pub(super) fn tell(&mut self, party: usize, event: Event) {
        self.inboxes[party].push(event);
    }

    pub(super) fn tell_all(&mut self, event: &Event) {
        (0..self.inboxes.len()).for_each(|party| self.tell(party, event.clone()));
    }

    /// Everybody thinks until nobody has anything to think about; messages arrive that are due.
    pub(super) fn settle(&mut self) {
        let mut rounds = 0;
        loop {
            while let Some(&(at, party, _)) = self.mail.front()
                && at <= self.now
            {
                if let Some((.., event)) = self.mail.pop_front() {
                    self.tell(party, event);
                }
            }
            let Some(party) = (0..self.inboxes.len()).find(|&party| !self.inboxes[party].is_empty()) else { return };
            rounds += 1;
            assert!(rounds < 2_000, "they go on for ever");
            let events = core::mem::take(&mut self.inboxes[party]);
            let mut decisions = vec![];
            let id = PartyId(party as u16);
            let step = self.core.step(id, self.now, &events, &mut decisions).expect("our core is never gone");
            self.wakes[party] = step.wake.filter(|&at| at > self.now);
            decisions.into_iter().for_each(|decision| self.carry_out(id, decision));
        }
    }

    /// Goes on to the next instant at which a message arrives; false if none is under way.
    pub(super) fn go_on(&mut self) -> bool {
        let Some(&(at, ..)) = self.mail.front() else { return false };
        self.now = at;
        self.settle();
        true
    }

    /// One of the victims leaves, a task ends, or one of three frameworks has a job, as chance will have it.
    pub(super) fn chance(&mut self, draw: impl Fn(u64, u64) -> u64) {
        let running: Vec<u64> = self.running.keys().copied().collect();
        let any = running.get(draw(2, running.len().max(1) as u64) as usize).copied();
        match (draw(1, 4), self.leaving.first().copied(), any) {
            (0, Some(task), _) => self.end(task, Ending::Evicted),
            (1, _, Some(task)) => self.end(task, Ending::Finished),
            _ => {
                let budget = (draw(8, 4) == 0).then_some(1);
                let party = 1 + draw(9, 3) as u16;
                let spec = JobSpec { disruption: budget, ..random_job(self.next, draw) };
                self.next += u64::from(spec.count);
                self.submit(party, spec);
            }
        }
    }

    /// True if a launch is under way.
    pub(super) fn is_launching(&self) -> bool {
        self.mail.iter().any(|(.., event)| matches!(event, Event::LaunchRequested(_)))
    }

    /// Goes on until an instant, calling whoever wanted to be called.
    pub(super) fn until(&mut self, seconds: u64) {
        let until = Time::ZERO + Span::from_seconds(seconds);
        loop {
            let mail = self.mail.front().map(|&(at, ..)| at);
            let next = self.wakes.iter().copied().chain([mail]).flatten().min().filter(|&at| at <= until);
            self.now = next.unwrap_or(until).max(self.now);
            for party in 0..self.wakes.len() {
                if self.wakes[party].take_if(|at| *at <= self.now).is_some() {
                    self.tell(party, Event::Woken);
                }
            }
            self.settle();
            if next.is_none() {
                return;
            }
        }
    }

    fn send(&mut self, to: PartyId, event: Event) {
        self.mail.push_back((self.now + self.link, usize::from(to.0), event));
    }

    fn carry_out(&mut self, from: PartyId, decision: Decision) {
        match decision {
            Decision::Claim(claim) => self.send(PartyId::FIRST, Event::ClaimRequested(claim)),
            Decision::Offer { to, offer } => self.send(to, Event::Offered(offer)),
            Decision::Rescind { to, offer } => self.send(to, Event::OfferRescinded { offer }),
            Decision::Launch(launch) => self.send(PartyId::FIRST, Event::LaunchRequested(launch)),
            Decision::Decline { offer, refuse } => {
                self.send(PartyId::FIRST, Event::OfferDeclined { offer, from, refuse });
            }
            Decision::Suppress => self.send(PartyId::FIRST, Event::OffersSuppressed { from }),
            Decision::Unreserve { task } => self.send(PartyId::FIRST, Event::HomeUnreserved { task }),
            Decision::Revive => self.send(PartyId::FIRST, Event::OffersRevived { from }),
            Decision::Displace(asked) => self.send(PartyId::FIRST, Event::DisplacementRequested(asked)),
            Decision::Tell { to, room, freed: true } => {
                if self.own_only {
                    self.deeds.push(Deed::Refused(to.0, room.task.0));
                }
                self.send(to, Event::RoomFreed(room));
            }
            Decision::Tell { to, room, freed: false } => self.send(to, Event::RoomTaken(room)),
            Decision::Refuse { to, task } => {
                self.deeds.push(Deed::Refused(to.0, task.0));
                self.send(to, Event::LaunchRefused { task });
            }
            Decision::Place { task, node, count, more, .. } => {
                assert_eq!(from, PartyId::FIRST);
                self.place(task.0, node.0, count, more);
            }
            Decision::Evict { task, grace, requeue } => {
                assert_eq!(from, PartyId::FIRST);
                self.evict(task.0, grace, requeue);
            }
            _ => {}
        }
    }

    fn place(&mut self, task: u64, node: u32, count: u32, more: bool) {
        let (party, _, cpu) = self.known[&task];
        assert!(self.waiting.contains(&task), "{task} does not wait");
        self.running.entry(task).or_insert(Tenant { party, cpu, at: vec![] }).at.push((node, count));
        if !more {
            self.waiting.retain(|&other| other != task);
        }
        let held = self.running.values().flat_map(|one| one.at.iter().map(|&(at, count)| (at, count * one.cpu)));
        let held: u32 = held.filter(|&(at, _)| at == node).map(|(_, cpu)| cpu).sum();
        assert!(held <= self.capacity[node as usize], "node {node} is given out twice: {held}");
        self.deeds.push(Deed::Placed(task, node, count));
    }

    fn evict(&mut self, task: u64, grace: Span, requeue: bool) {
        assert!(!self.leaving.contains(&task), "{task} is told twice");
        if self.running.contains_key(&task) {
            let (party, priority, _) = self.known[&task];
            let is_mine = |other: u16| !self.own_only || other == party;
            let above =
                self.waiting.iter().map(|other| self.known[other]).any(|(of, one, _)| one > priority && is_mine(of));
            assert!(above, "{task} makes room for nobody above it");
            self.leaving.push(task);
        }
        self.deeds.push(Deed::Evicted(task, grace.0 / 1_000_000, requeue));
    }

    pub(super) fn end(&mut self, task: u64, ending: Ending) {
        let gone = self.running.remove(&task).expect("it runs");
        self.leaving.retain(|&other| other != task);
        if ending == Ending::Evicted {
            self.waiting.push(task);
        }
        let event = Event::TaskEnded { task: TaskId(task), ending };
        self.tell(usize::from(gone.party), event.clone());
        self.tell(0, event);
        self.settle();
    }

    pub(super) fn submit(&mut self, party: u16, spec: JobSpec) {
        let units = if spec.kind == JobKind::Gang { 1 } else { u64::from(spec.count) };
        for task in spec.first_task.0..spec.first_task.0 + units {
            self.known.insert(task, (party, spec.priority, spec.request[0]));
            self.waiting.push(task);
        }
        self.tell(usize::from(party), Event::JobSubmitted(spec));
        self.settle();
    }

    /// A job of one task with this priority.
    pub(super) fn task(&mut self, party: u16, priority: i32, cpu: u32) -> u64 {
        let spec = job_of(self.next, 1, priority, cpu);
        self.next += 1;
        let task = spec.first_task.0;
        self.submit(party, spec);
        task
    }

    pub(super) fn done(&mut self) -> Vec<Deed> {
        core::mem::take(&mut self.deeds)
    }
}

pub(super) fn job_of(first: u64, count: u32, priority: i32, cpu: u32) -> JobSpec {
    JobSpec {
        job: JobId(first),
        first_task: TaskId(first),
        count,
        request: Resources::new(cpu, 0),
        priority,
        ..JobSpec::default()
    }
}

pub(super) fn forceful(architecture: Architecture, policy: &str, grace: &str) -> Config {
    let mut preemption = Choice::named(policy);
    if policy != "none" {
        preemption.options.insert("grace".to_string(), Setting::Text(grace.to_string()));
    }
    Config { architecture, queue: Choice::named("priority"), preemption, ..placed_by("first-fit") }
}

/// What the random cases are made of.
pub(super) fn random_job(first: u64, draw: impl Fn(u64, u64) -> u64) -> JobSpec {
    let gang = draw(2, 4) == 0;
    JobSpec {
        kind: if gang { JobKind::Gang } else { JobKind::Batch },
        protected: draw(7, 8) == 0,
        estimate: Some(Span(50)),
        ..job_of(first, 1 + draw(3, 3) as u32, draw(5, 4) as i32, 500 * (1 + draw(4, 6) as u32))
    }
}
