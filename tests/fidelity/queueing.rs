//! Queues and machines with a known answer: inside three standard errors of twenty replications.
//!
//! The closed forms are those of the textbooks (Erlang; Pollaczek and Khinchine; Cobham; Palm's machine repair), with
//! values computed to forty digits elsewhere. `WINDTUNNEL_LONG=1` makes every replication a hundred times as long.

use std::ops::ControlFlow;

use windtunnel_outcome::recorder::{Discard, Outcome};
use windtunnel_scheduler::Time;
use windtunnel_scheduler::config::{Choice, Config, HeadOfLine, Unplaceable};
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::event::{Loss, Retry};
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::Span;
use windtunnel_sim::experiment::{Experiment, Measure, Sampling, Start, Stop, Workload};
use windtunnel_sim::fault::{Chance, Effect, FaultSource, Faults, When};
use windtunnel_sim::model::{Checkpoint, Model};
use windtunnel_traces::model::{Fleet, Name, Node};
use windtunnel_traces::synthetic::{
    Constant, Exponential, Gamma, Hyperexponential, Law, Lognormal, Poisson, Shape, Synthetic, SyntheticSpec, Uniform,
};
use windtunnel_traces::transform::Estimate;

/// One unit of time: the mean service.
const UNIT: Span = Span(1_000_000);
const REPLICATIONS: u64 = 20;

fn is_long() -> bool {
    std::env::var_os("WINDTUNNEL_LONG").is_some()
}

/// A queue: servers, load, service, and how it is measured.
struct Queue {
    servers: u32,
    rate: f64,
    service: Law,
    config: Config,
    /// Customers of one replication of the short form.
    customers: u64,
    /// What is asked of the truth about service times.
    estimate: Estimate,
    /// Priorities with their shares; none: all are equal.
    priorities: Vec<(i32, f64)>,
}

impl Queue {
    fn new(servers: u32, rate: f64, service: impl Into<Law>) -> Self {
        let config =
            Config { head_of_line: HeadOfLine::Block, placement: Choice::named("first-fit"), ..Config::default() };
        let (service, estimate) = (service.into(), Estimate::AsGiven);
        Self { servers, rate, service, config, customers: 6_000, estimate, priorities: Vec::new() }
    }

    fn run(&self, seed: u64, customers: u64) -> Outcome {
        let parts = if self.priorities.is_empty() { vec![(0, 1.0)] } else { self.priorities.clone() };
        let workloads = parts.into_iter().enumerate().map(|(position, (priority, share))| {
            let arrivals = Poisson::new(self.rate * share).expect("a rate").into();
            let shapes = vec![Shape::new(Resources::new(1_000, 0))];
            let mut spec = SyntheticSpec::new(arrivals, self.service.clone(), shapes);
            spec.tasks = Some((customers as f64 * share) as u64);
            spec.estimate = self.estimate.clone();
            spec.priorities = vec![(priority, 1.0)];
            spec.classes = vec![(format!("p{priority}"), 1.0)];
            workload(Box::new(Synthetic::new(&spec, seed, position as u32).expect("the workload makes sense")))
        });
        // The first sixth passes before anybody counts.
        let warm = customers as f64 / 6.0 / self.rate;
        let mut one = experiment(machines(1, self.servers * 1_000), Model::default(), seed);
        one.scheduler = self.config.clone();
        one.workloads = workloads.collect();
        one.measure = Measure { from: Time((warm * 1e6) as u64), ..Measure::default() };
        simulate(one)
    }

    /// The mean over replications of what `value` finds, with its standard error.
    fn mean_of(&self, value: impl Fn(&Outcome) -> f64) -> (f64, f64) {
        let customers = if is_long() { self.customers * 100 } else { self.customers };
        mean_and_error((0..REPLICATIONS).map(|seed| value(&self.run(seed, customers))))
    }

    /// Holds the mean wait, in units of the mean service, against `expected`.
    #[track_caller]
    fn waits(&self, expected: f64) {
        holds("mean wait", self.mean_of(|outcome| number(outcome, "wait_s.mean")), expected);
    }
}

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("the run has `{name}`"))
}

fn mean_and_error(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}

#[track_caller]
fn holds(what: &str, (mean, error): (f64, f64), expected: f64) {
    let off = (mean - expected) / error;
    println!("{what}: {mean:.6} (standard error {error:.6}), expected {expected:.6}: {off:+.2} standard errors");
    assert!(off.abs() <= 3.0, "{what}: {mean} is {off:.2} standard errors of {error} from {expected}");
}

fn machines(count: u32, cpu: u32) -> Fleet {
    let node = |at: u32| Node {
        name: Name::Number(u64::from(at)),
        capacity: Resources::new(cpu, 0),
        gpus: 0,
        attributes: vec![],
        domains: vec![],
    };
    Fleet { nodes: (0..count).map(node).collect(), lanes: 1, ..Fleet::default() }
}

fn workload(source: Box<Synthetic>) -> Workload {
    Workload {
        source,
        party: PartyId::FIRST,
        start: Start::Submit,
        loss: Loss::Rerun,
        retry: Retry::default(),
        max_unavailable: None,
        terms: Default::default(),
        checkpoint: None,
        warm: None,
    }
}

fn experiment(fleet: Fleet, model: Model, seed: u64) -> Experiment {
    Experiment {
        seed,
        fleet,
        workloads: vec![],
        scheduler: Config { placement: Choice::named("first-fit"), ..Config::default() },
        parties: 1,
        link: Span::ZERO,
        measure: Measure::default(),
        stop: Stop::Drained,
        series: Sampling::Every(Span::FOREVER),
        routing: Default::default(),
        model,
    }
}

fn simulate(experiment: Experiment) -> Outcome {
    let mut core = Core::new(&Registries::default());
    windtunnel_sim::run(experiment, &mut core, &mut Discard, &mut |_| ControlFlow::Continue(())).expect("it is sound")
}

fn exponential() -> Exponential {
    Exponential::new(UNIT, None).expect("a mean")
}

#[test]
fn mmc_mean_waits() {
    for (servers, rate, expected) in
        [(1, 0.5, 1.0), (2, 1.6, 1.777_777_778), (4, 3.6, 1.969_383_161), (10, 8.0, 0.204_590_075_4)]
    {
        Queue::new(servers, rate, exponential()).waits(expected);
    }
}

#[test]
fn mmc_of_a_hundred_servers() {
    let queue = Queue { customers: 20_000, ..Queue::new(100, 95.0, exponential()) };
    queue.waits(0.101_291_370_8);
}

#[test]
fn mm1_at_nine_tenths() {
    Queue { customers: 20_000, ..Queue::new(1, 0.9, exponential()) }.waits(9.0);
}

#[test]
fn mg1_by_pollaczek_and_khinchine() {
    Queue::new(1, 0.5, Constant::new(UNIT).expect("a time")).waits(0.5);
    Queue::new(1, 0.8, Constant::new(UNIT).expect("a time")).waits(2.0);
    Queue::new(1, 0.8, Uniform::new(Span(0), Span(2_000_000)).expect("bounds")).waits(2.666_666_666_7);
    Queue::new(1, 0.8, Gamma::new(4.0, UNIT).expect("Erlang")).waits(2.5);
    Queue::new(1, 0.5, Lognormal::with_mean(UNIT, 1.0, None).expect("a law")).waits(1.359_140_914);
    Queue::new(1, 0.5, Hyperexponential::new(UNIT, 4.0).expect("a law")).waits(2.5);
}

#[test]
fn mdc_by_the_embedded_chain() {
    let fixed = || Constant::new(UNIT).expect("a time");
    Queue::new(2, 1.6, fixed()).waits(0.903_283_88);
    Queue::new(10, 8.0, fixed()).waits(0.109_827_79);
    Queue::new(20, 18.0, fixed()).waits(0.144_286_08);
}

#[test]
fn erlang_b_losses() {
    for (servers, load, expected) in [(1, 1.0, 0.5), (10, 5.0, 0.018_384_570_34), (10, 10.0, 0.214_582_343_1)] {
        let mut queue = Queue::new(servers, load, exponential());
        queue.config.unplaceable = Unplaceable::Reject;
        queue.config.head_of_line = HeadOfLine::Skip;
        let blocked = queue.mean_of(|outcome| number(outcome, "tasks.rejected") / number(outcome, "tasks.submitted"));
        holds("blocking", blocked, expected);
    }
}

#[test]
fn shortest_job_first() {
    let mut queue = Queue::new(1, 0.5, exponential());
    queue.config.queue = Choice::named("sjf");
    queue.estimate = Estimate::Actual;
    queue.waits(0.712_686_331_9);
}

#[test]
fn two_priorities_by_cobham() {
    let mut queue = Queue::new(1, 0.8, exponential());
    queue.config.queue = Choice::named("priority");
    queue.priorities = vec![(9, 0.375), (1, 0.625)];
    // The mean of a short run is skewed: few of them meet the long queues that most of it is made of, and twenty of
    // those that do not say little of how far they are off.
    queue.customers = 60_000;
    let waits =
        |class: &'static str| move |outcome: &Outcome| number(outcome, &format!("by_class.{class}.wait_s.mean"));
    holds("the important", queue.mean_of(waits("p9")), 1.142_857_143);
    holds("the others", queue.mean_of(waits("p1")), 5.714_285_714);
}

/// Machines that fail and crews that repair them: the share of time that they are up.
fn machine_repair(machines_count: u32, crews: u32, mtbf_h: u64, repair_h: u64, lives: u64, expected: f64) {
    const HOUR: u64 = 3_600_000_000;
    let law = |hours: u64| Exponential::new(Span(hours * HOUR), None).expect("a mean");
    let chance = Chance {
        kind: "node".into(),
        between: law(mtbf_h).into(),
        repair: law(repair_h).into(),
        crews,
        repeat: None,
        burst: None,
        fresh: false,
    };
    let source = FaultSource { name: "node".into(), effect: Effect::Outage, when: When::Chance(chance) };
    let lives = if is_long() { lives * 20 } else { lives };
    let up = (0..REPLICATIONS).map(|seed| {
        let faults = Faults { sources: vec![source.clone()], upkeep: vec![] };
        let mut one = experiment(machines(machines_count, 1_000), Model { faults, ..Model::default() }, seed);
        one.stop = Stop::At(Time(lives * mtbf_h * HOUR));
        let outcome = simulate(one);
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
        number(&outcome, "availability.mean")
    });
    holds("availability", mean_and_error(up), expected);
}

#[test]
fn machine_repair_with_few_crews() {
    machine_repair(10, 1, 100, 5, 300, 0.924_073_662_7);
    machine_repair(1_000, 5, 4_300, 6, 4, 0.998_600_857);
}

#[test]
fn machine_repair_with_a_crew_for_each() {
    machine_repair(100, 0, 1_000, 10, 40, 0.990_099_009_9);
    machine_repair(1_000, 0, 4_300, 6, 4, 0.998_606_595_4);
}

/// Tasks of one length, each alone on a machine that fails at rate 1 and is back at once: how long they take.
fn under_failures(load: f64, checkpoint: Option<Checkpoint>) -> (f64, f64) {
    let tasks = if is_long() { 20_000 } else { 400_u32 };
    let work = Span((load * UNIT.0 as f64) as u64);
    let times = (0..REPLICATIONS).map(|seed| {
        let chance = Chance {
            kind: "node".into(),
            between: exponential().into(),
            repair: Constant::new(Span(1)).expect("a time").into(),
            crews: 0,
            repeat: None,
            burst: None,
            fresh: false,
        };
        let source = FaultSource { name: "node".into(), effect: Effect::Outage, when: When::Chance(chance) };
        let model = Model { faults: Faults { sources: vec![source], upkeep: vec![] }, ..Model::default() };
        let mut one = experiment(machines(tasks, 1_000), model, seed);
        let service = Constant::new(work).expect("a time");
        let at_once = windtunnel_traces::synthetic::AtOnce.into();
        let mut spec = SyntheticSpec::new(at_once, service.into(), vec![Shape::new(Resources::new(1_000, 0))]);
        spec.tasks = Some(u64::from(tasks));
        one.workloads = vec![workload(Box::new(Synthetic::new(&spec, seed, 0).expect("it makes sense")))];
        one.workloads[0].checkpoint = checkpoint;
        let outcome = simulate(one);
        assert_eq!(number(&outcome, "tasks.finished"), f64::from(tasks));
        number(&outcome, "flow_s.mean")
    });
    mean_and_error(times)
}

#[test]
fn a_task_that_begins_anew_takes_exponentially_long() {
    // (e^(rate T) - 1) / rate, over T.
    for (load, expected) in [(0.1, 1.051_709_181), (0.5, 1.297_442_541), (1.0, 1.718_281_828)] {
        let (mean, error) = under_failures(load, None);
        holds("time over work", (mean / load, error / load), expected);
    }
}

#[test]
fn checkpoints_cut_a_task_into_short_ones() {
    // Four parts of T / 4 and, but for the last, a checkpoint of C: 3 (e^(T/4 + C) - 1) + (e^(T/4) - 1).
    let checkpoint = Checkpoint { interval: Span(250_000), cost: Span(20_000), restart: Span::ZERO };
    let expected = 1.213_918_769;
    holds("time", under_failures(1.0, Some(checkpoint)), expected);
}
