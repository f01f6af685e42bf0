//! Random fleets, policies and faults from a printed seed; then everything heals, and everything finishable must
//! finish.
//!
//! `WINDTUNNEL_LONG=1` goes on for twenty times as many events, `WINDTUNNEL_SEED=7` plays one seed alone, and
//! `WINDTUNNEL_ABOUT="TaskId(845)"` then prints what is said of one task.

mod combinations;

use std::ops::ControlFlow;

use windtunnel_outcome::recorder::{Discard, Outcome, RecordError, Recorder};
use windtunnel_outcome::rows::TaskRow;
use windtunnel_scheduler::allocator::two_level::{Capabilities, FrameworkSpec, Membership};
use windtunnel_scheduler::config::{
    Architecture, Choice, Commit, Config, Conflicts, Framework, Habits, HeadOfLine, Setting,
};
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::draw::below;
use windtunnel_scheduler::event::{Event, Loss, Retry};
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::partition::Partition;
use windtunnel_scheduler::placement::PLACEMENTS;
use windtunnel_scheduler::queue::QUEUES;
use windtunnel_scheduler::resources::{GPU, Resources};
use windtunnel_scheduler::rules::Resident;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_scheduler::{Gone, Scheduler, Step};
use windtunnel_sim::SimError;
use windtunnel_sim::experiment::{Experiment, Measure, Sampling, ServiceRules, Start, Stop, Upgrades, Workload};
use windtunnel_sim::fault::{Effect, FaultSource, Faults, Listed, Upkeep, When};
use windtunnel_sim::launch::Launch;
use windtunnel_sim::model::{Checkpoint, DecisionTime, Detection, Link, Model};
use windtunnel_traces::model::{Fleet, Name, Node};
use windtunnel_traces::synthetic::{Exponential, Poisson, Shape, Sizes, Synthetic, SyntheticSpec};

use windtunnel_scheduler::event::JobKind;

/// Facts and decisions of all runs together.
const EVENTS: f64 = 10_000_000.0;
const SECOND: u64 = 1_000_000;
/// Faults are over by then.
const HEALED: Time = Time(4_000 * SECOND);

/// One draw after the other, for building a case only.
struct Dice(u64, u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.1 += 1;
        below(bound, self.0, u64::from_be_bytes(*b"swarming"), 0, self.1)
    }

    fn span(&mut self, most_s: u64) -> Span {
        Span(self.below(most_s * SECOND) + 1)
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

fn fleet(dice: &mut Dice) -> Fleet {
    let racks = 1 + dice.below(6);
    let node = |at: u64, dice: &mut Dice| {
        // The widest gang needs six devices.
        let gpus = if at < 4 { 4 } else { dice.below(3) as u8 * 2 };
        let mut capacity = Resources::new(8_000 + 4_000 * dice.below(8) as u32, 65_536);
        capacity[GPU] = u32::from(gpus) * 1_000;
        Node {
            name: Name::Text(format!("n{at}").into()),
            capacity,
            gpus,
            attributes: vec![],
            domains: vec![("rack".into(), format!("r{}", at % racks))],
        }
    };
    let count = 4 + dice.below(60);
    Fleet { nodes: (0..count).map(|at| node(at, dice)).collect(), lanes: 0b1011, ..Fleet::default() }
}

/// Strikes of every kind on random nodes; all are over when the world heals.
fn faults(dice: &mut Dice, nodes: u64) -> Faults {
    let effects = [
        Effect::Outage,
        Effect::Partition,
        Effect::Slow { permille: 1 + dice.below(999) as u32 },
        Effect::Soft,
        Effect::Gpu { count: 1 },
    ];
    let mut sources = Vec::new();
    for (at, effect) in effects.into_iter().enumerate() {
        let listed = (0..dice.below(4 * nodes))
            .map(|_| {
                let mut struck: Vec<u32> =
                    (0..1 + dice.below(1 + nodes / 8)).map(|_| dice.below(nodes) as u32).collect();
                struck.sort_unstable();
                struck.dedup();
                let begin = Time(dice.below(HEALED.0 - 600 * SECOND));
                Listed { nodes: struck.into(), begin, end: begin + dice.span(600) }
            })
            .collect();
        sources.push(FaultSource { name: format!("source-{at}"), effect, when: When::Listed(listed) });
    }
    let upkeep = Upkeep {
        kind: "node".into(),
        begin: Time(dice.below(2_000 * SECOND)),
        every: None,
        at_once: 1 + dice.below(3) as u32,
        per: dice.one_in(2).then(|| "rack".into()),
        takes: dice.span(100),
        grace: dice.span(60),
        deadline: dice.span(200),
    };
    Faults { sources, upkeep: if dice.one_in(2) { vec![upkeep] } else { vec![] } }
}

fn model(dice: &mut Dice, nodes: u64) -> Model {
    let detection = dice.one_in(2).then(|| Detection {
        ping: dice.span(20),
        misses: 1 + dice.below(6) as u32,
        removal_gap: Span(dice.below(2) * 100_000),
        register: Span(dice.below(2) * SECOND),
        register_gap: Span(dice.below(2) * 10_000),
        ..Detection::default()
    });
    let link = match dice.below(3) {
        0 => Link::default(),
        1 => Link { delay: dice.span(2), ..Link::default() },
        _ => {
            let confirm = nodes.is_multiple_of(2).then_some(Span(30 * SECOND));
            Link { delay: dice.span(1), loss: 0.01, confirm, ..Link::default() }
        }
    };
    let launch = dice.one_in(2).then(|| Launch {
        start: Exponential::new(dice.span(5), None).ok().map(Into::into),
        slots: dice.below(3) as u32,
        registry: 1_000_000 * dice.below(2),
        unpack: 5_000_000,
        cache: 3_000_000,
        fails: 0.01,
        layers: vec![1_000_000, 200_000, 2_000_000],
        images: vec![vec![0, 1], vec![0, 2]],
        of_workload: vec![Some(0), Some(1)],
        ..Launch::default()
    });
    let decision_time = match dice.below(3) {
        0 => {
            let (run, task) = (Span(dice.below(20_000)), Span(dice.below(1_000)));
            DecisionTime::Modelled { run, job: task, task, node: Span(1) }
        }
        _ => DecisionTime::None,
    };
    Model { faults: faults(dice, nodes), detection, link, launch, decision_time, ..Model::default() }
}

fn workload(dice: &mut Dice, seed: u64, position: u32, tasks: u64) -> Workload {
    let arrivals = Poisson::new(tasks as f64 / 3_000.0).expect("a rate").into();
    let duration = Exponential::new(Span(20 * SECOND), Some(Span(400 * SECOND))).expect("a law").into();
    let mut device = Shape::new(Resources::new(1_000, 1_024));
    device.gpu = windtunnel_scheduler::event::GpuRequest { count: 1, milli: 500 };
    let shapes = vec![Shape::new(Resources::new(500, 512)), Shape::new(Resources::new(2_000, 4_096)), device];
    let mut spec = SyntheticSpec::new(arrivals, duration, shapes);
    spec.tasks = Some(tasks);
    spec.sizes = Sizes::Geometric { mean: 1.0 + dice.below(8) as f64, max: 12 };
    spec.kinds = vec![(JobKind::Batch, 0.9), (JobKind::Gang, 0.1)];
    spec.priorities = vec![(0, 1.0), (5, 1.0)];
    let retry = Retry { most: None, pause: Span(dice.below(3) * SECOND), pause_most: Span(10 * SECOND) };
    let checkpoint = Checkpoint { interval: dice.span(30), cost: Span(dice.below(SECOND)), restart: Span(SECOND) };
    Workload {
        source: Box::new(Synthetic::new(&spec, seed, position).expect("it makes sense")),
        party: PartyId::FIRST,
        start: Start::Submit,
        loss: Loss::Rerun,
        retry,
        max_unavailable: None,
        terms: Default::default(),
        checkpoint: dice.one_in(2).then_some(checkpoint),
        warm: None,
        rules: Default::default(),
    }
}

/// `share`: by how much fewer the tasks are, so that as many of them make more cases.
fn case(seed: u64, share: u64) -> (Experiment, u64) {
    let mut dice = Dice(seed, 0);
    let fleet = fleet(&mut dice);
    let nodes = fleet.nodes.len() as u64;
    let policy = |dice: &mut Dice, names: &[&str]| Choice::named(names[dice.below(names.len() as u64) as usize]);
    let placements: Vec<&str> = PLACEMENTS.iter().map(|entry| entry.name).collect();
    let queues: Vec<&str> = QUEUES.iter().map(|entry| entry.name).collect();
    let config = Config {
        placement: policy(&mut dice, &placements),
        queue: policy(&mut dice, &queues),
        head_of_line: if dice.one_in(4) { HeadOfLine::Block } else { HeadOfLine::Skip },
        interval: Span(dice.below(2) * dice.below(5) * SECOND),
        seed,
        ..Config::default()
    };
    // An order that changes while jobs wait looks at all of them in each pass.
    let most = if ["fifo", "priority", "sjf"].contains(&config.queue.name.as_str()) { nodes * 1_200 } else { 1_000 };
    let tasks = 500 + dice.below(most) / share;
    let model = model(&mut dice, nodes);
    let workloads = (0..2).map(|position| workload(&mut dice, seed, position, tasks)).collect();
    let experiment = Experiment {
        seed,
        fleet,
        workloads,
        scheduler: config,
        parties: 1,
        link: Span::ZERO,
        measure: Measure::default(),
        stop: Stop::Drained,
        series: Sampling::Every(Span::FOREVER),
        routing: Default::default(),
        model,
    };
    (experiment, 2 * tasks)
}

/// The same case with a framework for each workload, by resource offers or by claims on shared state.
fn divide(mut experiment: Experiment, architecture: Architecture, seed: u64) -> Experiment {
    let mut dice = Dice(seed, 1 << 32);
    let commit = if dice.one_in(2) { Commit::Gang } else { Commit::Incremental };
    let habits = Habits { commit, ..Habits::default() };
    let config = Config {
        architecture,
        habits,
        conflicts: if dice.one_in(2) { Conflicts::Coarse } else { Conflicts::Fine },
        ..experiment.scheduler
    };
    experiment.parties = 3;
    experiment.link = Span(dice.below(2) * dice.below(500_000));
    for (workload, party) in experiment.workloads.iter_mut().zip(1..) {
        workload.party = PartyId(party);
    }
    let framework = |(party, name): (u16, &str)| {
        let roles = vec![Membership::of(name)];
        let spec = FrameworkSpec { party: PartyId(party), roles, capabilities: Capabilities::GPU_RESOURCES };
        Framework { name: name.to_owned(), spec, config: config.clone() }
    };
    let frameworks = [(1, "left"), (2, "right")].map(framework).into();
    experiment.scheduler = Config { frameworks, ..config };
    experiment
}

/// The same case in which the important push out others.
fn force(experiment: &mut Experiment, tasks: u64, architecture: Architecture, seed: u64) {
    let mut dice = Dice(seed, 1 << 33);
    let policy = ["priority", "kubernetes", "slurm"][dice.below(3) as usize];
    let mut preemption = Choice::named(policy);
    let grace = format!("{}s", dice.below(3) * dice.below(20));
    preemption.options.insert("grace".to_owned(), Setting::Text(grace));
    let config = &mut experiment.scheduler;
    config.preemption = preemption;
    if architecture == Architecture::Monolithic {
        // Where everybody holds a reservation, each who presses looks at all of them in each pass.
        let ways = if tasks > 2_000 { 2 } else { 3 };
        config.backfill = Choice::named(["none", "easy", "conservative"][dice.below(ways) as usize]);
        if dice.one_in(2) {
            config.partitions = vec![Partition::default()];
        }
    }
}

fn play(
    seed: u64,
    (architecture, by_force): (Architecture, bool),
    scheduler: &mut dyn Scheduler,
) -> Result<(Outcome, u64), SimError> {
    let (mut experiment, tasks) = case(seed, if by_force { 10 } else { 1 });
    if by_force {
        force(&mut experiment, tasks, architecture, seed);
    }
    let experiment = match architecture {
        Architecture::Monolithic => experiment,
        divided => divide(experiment, divided, seed),
    };
    Ok((watch(experiment, scheduler)?, tasks))
}

/// Runs it, and prints what is asked for.
fn watch(experiment: Experiment, scheduler: &mut dyn Scheduler) -> Result<Outcome, SimError> {
    let on_progress: &mut dyn FnMut(_) -> _ = &mut |_| ControlFlow::Continue(());
    match std::env::var("WINDTUNNEL_ABOUT") {
        Ok(about) => windtunnel_sim::run(experiment, scheduler, &mut Witness(about), on_progress),
        Err(_) => windtunnel_sim::run(experiment, scheduler, &mut Discard, on_progress),
    }
}

/// The one seed that is to be played, if only one is.
fn alone() -> Option<u64> {
    std::env::var("WINDTUNNEL_SEED").ok()?.parse().ok()
}

/// Prints everything in which a word occurs.
struct Witness(String);

impl Recorder for Witness {
    fn wants_events(&self) -> bool {
        true
    }

    fn wants_decisions(&self) -> bool {
        true
    }

    fn heard(&mut self, now: Time, party: PartyId, events: &[Event]) {
        for event in events.iter().map(|event| format!("{event:?}")).filter(|event| event.contains(&self.0)) {
            println!("{now} {party:?} heard {event}");
        }
    }

    fn note(&mut self, now: Time, party: PartyId, decision: &Decision) {
        let decision = format!("{decision:?}");
        if decision.contains(&self.0) {
            println!("{now} {party:?} decided {decision}");
        }
    }

    fn task(&mut self, _row: &TaskRow<'_>) {}

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Goes through seeds until so many facts and decisions have passed; everything must have finished each time.
fn swarm(architecture: Architecture, by_force: bool, wanted: f64) {
    let alone = alone();
    let wanted = if std::env::var_os("WINDTUNNEL_LONG").is_some() { wanted * 20.0 } else { wanted };
    let (mut events, mut seed) = (0.0, alone.unwrap_or(0));
    let (mut lost, mut evicted) = (0.0, 0.0);
    while events < wanted {
        let what = format!("seed {seed}, {architecture:?}{}", if by_force { " by force" } else { "" });
        let mut core = Core::new(&Registries::default());
        let (outcome, tasks) =
            play(seed, (architecture, by_force), &mut core).unwrap_or_else(|error| panic!("{what}: {error}"));
        let number = |name: &str| outcome.summary.number(name).unwrap_or(0.0);
        let states = ["pending_at_end", "running_at_end", "lost", "rejected", "killed"]
            .map(|state| format!("{state} {}", number(&format!("tasks.{state}"))));
        assert_eq!(number("tasks.finished"), tasks as f64, "{what}: {states:?}, {:?}", outcome.warnings);
        assert_eq!(number("tasks.submitted"), tasks as f64, "{what}");
        for (_, lane) in &outcome.lanes {
            assert_eq!(number(&format!("conservation.{lane}.residual")), 0.0, "{what}, {lane}");
        }
        events += number("scheduler.events") + number("scheduler.decisions");
        lost += number("loss.tasks");
        evicted += number("attempts.evicted");
        if alone.is_some() {
            return;
        }
        seed += 1;
    }
    println!("{seed} seeds, {events} events, {lost} losses, {evicted} pushed out");
    assert!(lost > if by_force { 100.0 } else { 1_000.0 }, "faults must strike: {lost} losses");
    assert!(!by_force || evicted > 100.0, "some must be pushed out: {evicted}");
}

#[test]
fn everything_finishable_finishes_once_the_world_has_healed() {
    swarm(Architecture::Monolithic, false, EVENTS);
}

#[test]
fn everything_finishable_finishes_by_claims_on_shared_state() {
    swarm(Architecture::SharedState, false, EVENTS / 5.0);
}

#[test]
fn everything_finishable_finishes_by_resource_offers() {
    swarm(Architecture::TwoLevel, false, EVENTS / 5.0);
}

#[test]
fn everything_finishable_finishes_though_the_important_push_out_others() {
    for architecture in [Architecture::Monolithic, Architecture::SharedState, Architecture::TwoLevel] {
        swarm(architecture, true, EVENTS / 20.0);
    }
}

/// Services that never end beside the work of a case, and upgrades of them while faults strike.
fn with_services(experiment: &mut Experiment, seed: u64) {
    let mut dice = Dice(seed, 1 << 34);
    let rate = Poisson::new(1.0).expect("a rate").into();
    let life = Exponential::new(Span(SECOND), None).expect("a law").into();
    let mut spec = SyntheticSpec::new(rate, life, vec![Shape::new(Resources::new(100, 64))]);
    spec.tasks = Some(12);
    spec.sizes = Sizes::Geometric { mean: 4.0, max: 6 };
    spec.kinds = vec![(JobKind::Service, 1.0)];
    let at = (0..1 + dice.below(4)).map(|_| Time(dice.below(HEALED.0))).collect();
    let shares = [0, 250, 500, 1_000];
    let mut share = || shares[dice.below(4) as usize];
    let (health_milli, over_milli) = (share(), share());
    let upgrades =
        Upgrades { at, health_milli, over_milli, ready_after: Span(dice.below(2) * dice.below(60 * SECOND)) };
    let resident = dice.one_in(4).then(Resident::default);
    let service = ServiceRules { upgrades: Some(upgrades), resident, ..ServiceRules::default() };
    let mut services = workload(&mut dice, seed, 2, 12);
    services.source = Box::new(Synthetic::new(&spec, seed, 2).expect("it makes sense"));
    services.party = experiment.workloads[0].party;
    services.rules.service = Some(service);
    experiment.workloads.push(services);
    if let Some(launch) = &mut experiment.model.launch {
        launch.of_workload.push(None);
    }
}

#[test]
fn upgrades_come_to_their_end_whatever_breaks_meanwhile() {
    for architecture in [Architecture::Monolithic, Architecture::SharedState, Architecture::TwoLevel] {
        for seed in alone().map_or(0..15, |seed| seed..seed + 1) {
            let what = format!("seed {seed}, {architecture:?}");
            let (experiment, tasks) = case(seed, 200);
            let mut experiment = match architecture {
                Architecture::Monolithic => experiment,
                divided => divide(experiment, divided, seed),
            };
            with_services(&mut experiment, seed);
            let mut core = Core::new(&Registries::default());
            let outcome = watch(experiment, &mut core).unwrap_or_else(|error| panic!("{what}: {error}"));
            let number = |name: &str| outcome.summary.number(name).unwrap_or(0.0);
            assert_eq!(number("tasks.finished"), tasks as f64, "{what}");
            assert_eq!((number("tasks.running_at_end"), number("tasks.pending_at_end")), (12.0, 0.0), "{what}");
            let (begun, finished) = (number("services.upgrades.begun"), number("services.upgrades.finished"));
            assert!(finished > 0.0 && finished <= begun, "{what}: {finished} of {begun}");
            for (_, lane) in &outcome.lanes {
                assert_eq!(number(&format!("conservation.{lane}.residual")), 0.0, "{what}, {lane}");
            }
        }
    }
}

/// Our core behind a wall: what it is not told, it does not know.
struct Deaf(Core);

impl Scheduler for Deaf {
    fn step(
        &mut self,
        party: PartyId,
        now: Time,
        events: &[Event],
        decisions: &mut Vec<Decision>,
    ) -> Result<Step, Gone> {
        let heard: Vec<Event> =
            events.iter().filter(|event| !matches!(event, Event::NodeLost { .. })).cloned().collect();
        self.0.step(party, now, &heard, decisions)
    }

    fn fork(&self) -> Option<Box<dyn Scheduler>> {
        None
    }
}

#[test]
fn a_scheduler_that_does_not_hear_of_lost_nodes_is_caught() {
    let caught = (0..20).any(|seed| {
        let mut deaf = Deaf(Core::new(&Registries::default()));
        let played = play(seed, (Architecture::Monolithic, false), &mut deaf);
        matches!(played, Err(SimError::Invalid { reason, .. }) if reason.contains("which is lost"))
    });
    assert!(caught, "nobody noticed that lost nodes were used");
}
