//! Making room under shared state: one framework decides as a monolithic scheduler does (but for victims of whom some
//! are needless, as Slurm's may be: whoever settles claims spares them), and several of them, whose news
//! take their time, never push out an equal, never do so in vain, and never hand out room twice.

use alloc::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::allocator::two_level::FrameworkSpec;
use crate::config::{Architecture, Commit, Conflicts, Habits, Setting};
use crate::draw::mix;

/// What happens in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Placed(u64, u32, u32),
    Evicted(u64, u64, bool),
    Refused(u16, u64),
}

/// A running task: its owner, and what it holds of which node.
#[derive(Clone, Debug)]
struct Tenant {
    party: u16,
    cpu: u32,
    at: Vec<(u32, u32)>,
}

/// A settler and frameworks, the messages between them, and the truth.
struct Village {
    core: Core,
    now: Time,
    /// How long a message takes.
    link: Span,
    inboxes: Vec<Vec<Event>>,
    mail: VecDeque<(Time, usize, Event)>,
    capacity: Vec<u32>,
    running: BTreeMap<u64, Tenant>,
    /// Owner, priority and millicores.
    known: BTreeMap<u64, (u16, i32, u32)>,
    waiting: Vec<u64>,
    leaving: Vec<u64>,
    deeds: Vec<Deed>,
    next: u64,
}

impl Village {
    fn new(config: &Config, frameworks: u16, nodes: &[u32]) -> Self {
        let mut village = Self {
            core: Core::new(&Registries::default()),
            now: Time::ZERO,
            link: Span::ZERO,
            inboxes: vec![Vec::new(); usize::from(frameworks) + 1],
            mail: VecDeque::new(),
            capacity: nodes.to_vec(),
            running: BTreeMap::new(),
            known: BTreeMap::new(),
            waiting: vec![],
            leaving: vec![],
            deeds: vec![],
            next: 0,
        };
        let config = Config { architecture: Architecture::SharedState, ..config.clone() };
        for party in 0..=frameworks {
            village.tell(usize::from(party), Event::Configured(Box::new(config.clone())));
            if party > 0 {
                let spec = FrameworkSpec { party: PartyId(party), ..FrameworkSpec::default() };
                village.tell(0, Event::FrameworkJoined(Box::new(spec)));
            }
        }
        for (id, &cpu) in (0..).zip(nodes) {
            village.tell_all(&Event::NodeAdded(Box::new(node(id, cpu, 0))));
        }
        village.settle();
        village
    }

    fn tell(&mut self, party: usize, event: Event) {
        self.inboxes[party].push(event);
    }

    fn tell_all(&mut self, event: &Event) {
        (0..self.inboxes.len()).for_each(|party| self.tell(party, event.clone()));
    }

    /// Everybody thinks until nobody has anything to think about; messages arrive that are due.
    fn settle(&mut self) {
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
            self.core.step(id, self.now, &events, &mut decisions).expect("our core is never gone");
            decisions.into_iter().for_each(|decision| self.carry_out(id, decision));
        }
    }

    /// Goes on to the next instant at which a message arrives; false if none is under way.
    fn go_on(&mut self) -> bool {
        let Some(&(at, ..)) = self.mail.front() else { return false };
        self.now = at;
        self.settle();
        true
    }

    fn send(&mut self, to: PartyId, event: Event) {
        self.mail.push_back((self.now + self.link, usize::from(to.0), event));
    }

    fn carry_out(&mut self, from: PartyId, decision: Decision) {
        match decision {
            Decision::Claim(claim) => self.send(PartyId::FIRST, Event::ClaimRequested(claim)),
            Decision::Displace(asked) => self.send(PartyId::FIRST, Event::DisplacementRequested(asked)),
            Decision::Tell { to, room, freed: true } => self.send(to, Event::RoomFreed(room)),
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
            let above = self.waiting.iter().any(|other| self.known[other].1 > self.known[&task].1);
            assert!(above, "{task} makes room for nobody above it");
            self.leaving.push(task);
        }
        self.deeds.push(Deed::Evicted(task, grace.0 / 1_000_000, requeue));
    }

    fn end(&mut self, task: u64, ending: Ending) {
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

    fn submit(&mut self, party: u16, spec: JobSpec) {
        let units = if spec.kind == JobKind::Gang { 1 } else { u64::from(spec.count) };
        for task in spec.first_task.0..spec.first_task.0 + units {
            self.known.insert(task, (party, spec.priority, spec.request[0]));
            self.waiting.push(task);
        }
        self.tell(usize::from(party), Event::JobSubmitted(spec));
        self.settle();
    }

    /// A job of one task with this priority.
    fn task(&mut self, party: u16, priority: i32, cpu: u32) -> u64 {
        let spec = job_of(self.next, 1, priority, cpu);
        self.next += 1;
        let task = spec.first_task.0;
        self.submit(party, spec);
        task
    }

    fn done(&mut self) -> Vec<Deed> {
        core::mem::take(&mut self.deeds)
    }
}

fn job_of(first: u64, count: u32, priority: i32, cpu: u32) -> JobSpec {
    JobSpec {
        job: JobId(first),
        first_task: TaskId(first),
        count,
        request: Resources::new(cpu, 0),
        priority,
        ..JobSpec::default()
    }
}

fn forceful(policy: &str, grace: &str) -> Config {
    let mut preemption = Choice::named(policy);
    if policy != "none" {
        preemption.options.insert("grace".to_string(), Setting::Text(grace.to_string()));
    }
    Config { queue: Choice::named("priority"), preemption, ..placed_by("first-fit") }
}

use Deed::{Evicted, Placed, Refused};

#[test]
fn victims_of_another_framework_leave_and_the_room_is_for_whom_they_left() {
    let mut village = Village::new(&forceful("priority", "30s"), 2, &[2_000, 2_000]);
    for priority in [1, 0, 2, 0] {
        village.task(1, priority, 1_000);
    }
    assert_eq!(village.done(), [Placed(0, 0, 1), Placed(1, 0, 1), Placed(2, 1, 1), Placed(3, 1, 1)]);
    village.now = Time(5_000_000);
    let urgent = village.task(2, 5, 1_000);
    assert_eq!(village.done(), [Evicted(1, 30, true)], "the lowest, and of two of them the lowest id");
    // The room is held: neither the framework of the victim nor anybody of higher priority has it.
    let later = village.task(1, 9, 2_000);
    assert_eq!(village.done(), [Evicted(2, 30, true), Evicted(3, 30, true)], "on the other node");
    village.end(1, Ending::Evicted);
    assert_eq!(village.done(), [Placed(urgent, 0, 1)]);
    village.end(3, Ending::Finished);
    assert_eq!(village.done(), []);
    village.end(2, Ending::Evicted);
    // Who left makes room for itself in its turn.
    assert_eq!(village.done(), [Placed(later, 1, 1), Evicted(0, 30, true)]);
    village.end(0, Ending::Evicted);
    assert_eq!((village.done(), village.core.waiting()), (vec![Placed(2, 0, 1)], 2));
    // In place, it may be pushed out in its turn: by an equal never, by a higher one it is.
    village.task(1, 5, 2_000);
    assert_eq!(village.done(), []);
    village.task(1, 6, 2_000);
    assert_eq!(village.done(), [Evicted(2, 30, true), Evicted(urgent, 30, true)]);
}

#[test]
fn never_an_equal_never_in_vain_never_the_protected_and_never_beyond_a_budget() {
    let mut village = Village::new(&forceful("priority", "0s"), 2, &[4_000]);
    village.task(1, 3, 1_000);
    let mut spec = JobSpec { protected: true, ..job_of(1, 1, 0, 1_000) };
    village.submit(1, spec);
    spec = JobSpec { kind: JobKind::Service, disruption: Some(1), ..job_of(2, 2, 1, 1_000) };
    village.submit(1, spec);
    village.next = 4;
    village.done();
    for (priority, cpu) in [(3, 1_000), (9, 4_000)] {
        village.task(2, priority, cpu);
        let deeds = village.done();
        let expected = if cpu == 1_000 { vec![Evicted(2, 0, true)] } else { vec![] };
        assert_eq!(deeds, expected, "priority {priority}, {cpu} millicores");
    }
    village.task(2, 3, 1_000);
    assert_eq!(village.done(), [], "one of the service is missing already, and the other is an equal");
    village.task(2, 4, 1_000);
    assert_eq!(village.done(), [Evicted(0, 0, true)]);
}

#[test]
fn a_claim_whose_victim_is_gone_conflicts_and_is_tried_again() {
    let mut village = Village::new(&forceful("priority", "0s"), 2, &[1_000, 1_000]);
    village.task(1, 0, 1_000);
    village.task(1, 1, 1_000);
    village.link = Span(1_000);
    while village.go_on() {}
    village.done();
    let urgent = village.task(2, 5, 1_000);
    // While the claim is under way its victim ends, and another takes its place.
    village.end(0, Ending::Finished);
    let taken = village.task(1, 1, 1_000);
    while village.go_on() {}
    let deeds = village.done();
    assert!(deeds.contains(&Refused(2, urgent)), "{deeds:?}");
    assert!(deeds.contains(&Placed(taken, 0, 1)) || deeds.contains(&Placed(urgent, 0, 1)), "{deeds:?}");
    if let Some(&victim) = village.leaving.first() {
        village.end(victim, Ending::Evicted);
        while village.go_on() {}
    }
    assert!(village.running.contains_key(&urgent));
}

#[test]
fn who_counted_on_a_node_that_closes_is_refused_and_finds_another() {
    let mut village = Village::new(&forceful("priority", "30s"), 2, &[1_000, 1_000]);
    village.task(1, 0, 1_000);
    village.task(1, 1, 1_000);
    village.done();
    let urgent = village.task(2, 5, 1_000);
    assert_eq!(village.done(), [Evicted(0, 30, true)]);
    village.tell_all(&Event::NodeClosed { node: NodeId(0) });
    village.settle();
    assert_eq!(village.done(), [Refused(2, urgent), Evicted(1, 30, true)]);
    // The first victim leaves in vain: nobody starts before the second has left.
    village.end(0, Ending::Evicted);
    assert_eq!(village.done(), []);
    village.end(1, Ending::Evicted);
    assert_eq!(village.done(), [Placed(urgent, 1, 1)]);
}

#[test]
fn a_gang_of_others_leaves_as_a_whole_and_for_a_gang_several_do() {
    let mut village = Village::new(&forceful("priority", "1s"), 2, &[2_000, 2_000, 2_000]);
    village.submit(1, JobSpec { kind: JobKind::Gang, ..job_of(0, 4, 0, 1_000) });
    village.submit(1, job_of(4, 1, 0, 2_000));
    village.done();
    let gang = |first, count| JobSpec { kind: JobKind::Gang, ..job_of(first, count, 1, 2_000) };
    village.submit(2, gang(10, 4));
    assert_eq!(village.done(), [], "three nodes are not four");
    village.submit(2, gang(20, 3));
    assert_eq!(village.done(), [Evicted(0, 1, true), Evicted(4, 1, true)]);
    village.end(4, Ending::Evicted);
    assert_eq!(village.done(), []);
    village.end(0, Ending::Evicted);
    assert_eq!(village.done(), [Placed(20, 0, 1), Placed(20, 1, 1), Placed(20, 2, 1)]);
}

/// What the random cases are made of.
fn random_job(first: u64, draw: impl Fn(u64, u64) -> u64) -> JobSpec {
    let gang = draw(2, 4) == 0;
    JobSpec {
        kind: if gang { JobKind::Gang } else { JobKind::Batch },
        protected: draw(7, 8) == 0,
        estimate: Some(Span(50)),
        ..job_of(first, 1 + draw(3, 3) as u32, draw(5, 4) as i32, 500 * (1 + draw(4, 6) as u32))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn one_framework_decides_as_a_monolithic_scheduler_does(
        policy in 0_usize..3,
        backfill in 0_usize..2,
        words in prop::collection::vec(any::<u64>(), 1..90),
    ) {
        let mut config = forceful(["none", "kubernetes", "priority"][policy], "1s");
        config.backfill = Choice::named(["none", "easy"][backfill]);
        config.placement = Choice::named("best-fit");
        let nodes = [4_000, 3_000, 2_000];
        let mut stage = Stage::with(config.clone(), &nodes.map(|cpu| (cpu, 0)));
        let mut village = Village::new(&config, 1, &nodes);
        for word in words {
            let draw = |index: u64, bound: u64| mix(word ^ mix(index)) % bound;
            (village.now, stage.now) = (village.now + Span(1 + word % 3), stage.now + Span(1 + word % 3));
            let running: Vec<u64> = village.running.keys().copied().collect();
            let any = running.get(draw(0, running.len().max(1) as u64) as usize).copied();
            match (draw(1, 4), village.leaving.first().copied(), any) {
                (0, Some(task), _) => {
                    village.end(task, Ending::Evicted);
                    stage.end(task, Ending::Evicted);
                }
                (1, _, Some(task)) => {
                    village.end(task, Ending::Finished);
                    stage.end(task, Ending::Finished);
                }
                _ => {
                    let budget = (draw(8, 4) == 0).then_some(1);
                    let spec = JobSpec { disruption: budget, ..random_job(village.next, draw) };
                    village.next += u64::from(spec.count);
                    village.submit(1, spec.clone());
                    stage.submit(spec);
                }
            }
            let mut expected: Vec<Deed> = stage.places().into_iter().map(|(task, node, count)| Placed(task, node, count)).collect();
            expected.extend(stage.evicted().into_iter().map(|(task, grace, requeue)| Evicted(task, grace, requeue)));
            let mut deeds = village.done();
            expected.sort_unstable();
            deeds.sort_unstable();
            prop_assert_eq!(deeds, expected);
            prop_assert_eq!(village.core.waiting(), stage.core.waiting());
        }
    }

    #[test]
    fn several_frameworks_whose_news_take_their_time_never_hand_out_room_twice(
        policy in 0_usize..3,
        coarse in any::<bool>(),
        together in any::<bool>(),
        link in 0_u64..4,
        words in prop::collection::vec(any::<u64>(), 1..120),
    ) {
        let habits = Habits { commit: if together { Commit::Gang } else { Commit::Incremental }, ..Habits::default() };
        let conflicts = if coarse { Conflicts::Coarse } else { Conflicts::Fine };
        let config = Config { habits, conflicts, ..forceful(["kubernetes", "priority", "slurm"][policy], "1s") };
        let nodes = [4_000, 3_000, 2_000];
        let mut village = Village::new(&config, 3, &nodes);
        village.link = Span(link);
        for word in words {
            let draw = |index: u64, bound: u64| mix(word ^ mix(index)) % bound;
            let until = village.now + Span(word % 3);
            while village.mail.front().is_some_and(|&(at, ..)| at <= until) {
                village.go_on();
            }
            village.now = until;
            let running: Vec<u64> = village.running.keys().copied().collect();
            let any = running.get(draw(0, running.len().max(1) as u64) as usize).copied();
            match (draw(1, 4), village.leaving.first().copied(), any) {
                (0, Some(task), _) => village.end(task, Ending::Evicted),
                (1, _, Some(task)) => village.end(task, Ending::Finished),
                _ => {
                    let budget = (draw(8, 4) == 0).then_some(1);
                    let spec = JobSpec { disruption: budget, ..random_job(village.next, draw) };
                    village.next += u64::from(spec.count);
                    village.submit(1 + draw(9, 3) as u16, spec);
                }
            }
        }
        let mut turns = 0;
        loop {
            turns += 1;
            prop_assert!(turns < 20_000, "they go on for ever");
            if village.go_on() {
                continue;
            }
            let leaving = village.leaving.first().copied();
            match (leaving, village.running.keys().next().copied()) {
                (Some(task), _) => village.end(task, Ending::Evicted),
                (None, Some(task)) => village.end(task, Ending::Finished),
                (None, None) => break,
            }
        }
        // What still waits is too large for the fleet; and everybody can have all of it.
        prop_assert_eq!(village.core.waiting(), village.waiting.len() as u64);
        let ledger = village.core.ledger().expect("configured");
        prop_assert_eq!(ledger.free_total().0[0], 9_000);
        village.done();
        for party in 1..=3 {
            for cpu in nodes {
                village.task(party, 0, cpu);
            }
            while village.go_on() {}
            let deeds = village.done();
            prop_assert!(deeds.iter().all(|deed| matches!(deed, Placed(..))) && deeds.len() == 3, "{:?}", deeds);
            while let Some(task) = village.running.keys().next().copied() {
                village.end(task, Ending::Finished);
                while village.go_on() {}
            }
        }
    }
}
