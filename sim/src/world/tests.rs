//! Whole runs: what a world does with good schedulers, bad ones, and several at once.

mod architectures;
mod binpack;
mod blast;
mod canary;
mod courses;
mod daemons;
mod elastic;
mod evict;
mod forks;
mod holders;
mod launches;
mod needs;
mod overload;
mod services;
mod triggers;
mod trouble;
mod two_level;
mod upgrades;
mod upkeep;
mod whole;

use std::collections::VecDeque;
use std::ops::ControlFlow;

use windtunnel_outcome::recorder::{Outcome, RecordError, Recorder};
use windtunnel_outcome::rows::{NameRef, State, TaskRow};
use windtunnel_scheduler::config::{Choice, Config};
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::{Event, GpuRequest, GpuSet, JobKind, Loss};
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::resources::{GPU, Resources};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_scheduler::{Gone, Scheduler, Step};
use windtunnel_traces::model::{
    Ask, Background, Fleet, Group, Groups, Job, Label, Labels, Name, Node, Run, Source, SourceError, Truth,
};

use crate::error::SimError;
use crate::experiment::{Experiment, Measure, Sampling, Start, Stop, Warm, Workload};

const SECOND: u64 = 1_000_000;

fn seconds(seconds: u64) -> Time {
    Time(seconds * SECOND)
}

/// A workload out of a list.
struct Listed {
    jobs: VecDeque<Job>,
    labels: Labels,
}

impl Source for Listed {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        Ok(self.jobs.pop_front())
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }
}

/// A machine of so many millicores and MiB, with so many devices.
fn machine(name: u32, cpu: u32, memory: u32, gpus: u8) -> Node {
    let mut capacity = Resources::new(cpu, memory);
    capacity[GPU] = u32::from(gpus) * 1_000;
    Node { name: Name::Text(format!("n{name}").into()), capacity, gpus, attributes: vec![], domains: vec![] }
}

/// Machines of so many millicores and MiB that name cpu and memory.
fn fleet(nodes: &[(u32, u32)]) -> Fleet {
    let nodes = nodes.iter().enumerate().map(|(at, &(cpu, memory))| machine(at as u32, cpu, memory, 0));
    Fleet { nodes: nodes.collect(), lanes: 0b11, ..Fleet::default() }
}

/// Equal tasks that run for so many seconds.
fn group(count: u32, cpu: u32, run_s: u64) -> Group {
    Group {
        count,
        ask: Ask { request: Resources::new(cpu, 0), ..Ask::default() },
        truth: Truth { run: Run::Same(Span::from_seconds(run_s)), ..Truth::default() },
    }
}

fn gang(members: u32, cpu: u32, run_s: u64) -> Group {
    let mut group = group(members, cpu, run_s);
    group.ask.kind = JobKind::Gang;
    group
}

fn job(name: u64, submit_s: u64, group: Group) -> Job {
    Job {
        name: Name::Number(name),
        submit: seconds(submit_s),
        priority: 0,
        role: Label::default(),
        user: Label::default(),
        class: Label::default(),
        groups: Groups::One(group),
        course: None,
    }
}

/// Jobs that are handed in one after the other, as they stand.
fn workload(jobs: Vec<Job>) -> Workload {
    Workload {
        source: Box::new(Listed { jobs: jobs.into(), labels: Labels::default() }),
        party: PartyId::FIRST,
        start: Start::Submit,
        loss: Loss::Rerun,
        retry: windtunnel_scheduler::event::Retry::default(),
        max_unavailable: None,
        checkpoint: None,
        warm: None,
        terms: Default::default(),
        rules: Default::default(),
    }
}

fn experiment(fleet: Fleet, jobs: Vec<Job>) -> Experiment {
    Experiment {
        seed: 0,
        fleet,
        workloads: vec![workload(jobs)],
        scheduler: Config { placement: Choice::named("first-fit"), ..Config::default() },
        parties: 1,
        link: Span::ZERO,
        measure: Measure::default(),
        stop: Stop::Drained,
        series: Sampling::Auto,
        routing: Default::default(),
        model: crate::model::Model::default(),
    }
}

/// A row, kept.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    task: String,
    attempt: u32,
    count: u32,
    class: String,
    place: Option<Time>,
    start: Option<Time>,
    end: Option<Time>,
    node: Option<String>,
    holder: Option<String>,
    gpus: GpuSet,
    state: State,
    requested: Resources,
    wait: Option<Span>,
    causes: Span,
    lost: Span,
}

/// Keeps every row, every event and every decision.
#[derive(Default)]
struct Tape {
    rows: Vec<Row>,
    decisions: Vec<(Time, PartyId, Decision)>,
    events: Vec<(Time, PartyId, Event)>,
}

impl Tape {
    /// The start of the first attempt of a task, in microseconds.
    fn start_of(&self, task: &str) -> Option<u64> {
        self.rows.iter().find(|row| row.task == task)?.start.map(|start| start.0)
    }
}

impl Recorder for Tape {
    fn wants_events(&self) -> bool {
        true
    }

    fn wants_decisions(&self) -> bool {
        true
    }

    fn heard(&mut self, now: Time, party: PartyId, events: &[Event]) {
        self.events.extend(events.iter().map(|event| (now, party, event.clone())));
    }

    fn note(&mut self, now: Time, party: PartyId, decision: &Decision) {
        self.decisions.push((now, party, *decision));
    }

    fn task(&mut self, row: &TaskRow<'_>) {
        let job = match row.job {
            NameRef::Number(number) => number.to_string(),
            NameRef::Text(text) => text.to_owned(),
        };
        self.rows.push(Row {
            task: format!("{job}/{}", row.index),
            attempt: row.attempt,
            count: row.count,
            class: row.class.to_owned(),
            place: row.place,
            start: row.start,
            end: row.end,
            node: row.node.map(str::to_owned),
            holder: row.holder.map(str::to_owned),
            gpus: row.gpus,
            state: row.state,
            requested: row.requested,
            wait: row.wait,
            causes: row.causes.iter().fold(Span::ZERO, |sum, &cause| sum + cause),
            lost: row.lost_work,
        });
    }

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Runs an experiment with a scheduler of any kind.
fn run_with(experiment: Experiment, scheduler: &mut dyn Scheduler) -> Result<(Outcome, Tape), SimError> {
    let mut tape = Tape::default();
    let outcome = crate::run(experiment, scheduler, &mut tape, &mut |_| ControlFlow::Continue(()))?;
    Ok((outcome, tape))
}

/// Runs an experiment with our own core, which must never be refused anything.
fn run(experiment: Experiment) -> (Outcome, Tape) {
    run_with(experiment, &mut Core::new(&Registries::default())).expect("our core contradicts nothing")
}

/// A scheduler that is one function of (party, now, events).
struct Canary<F>(F);

impl<F: FnMut(PartyId, Time, &[Event], &mut Vec<Decision>) + Send> Scheduler for Canary<F> {
    fn step(
        &mut self,
        party: PartyId,
        now: Time,
        events: &[Event],
        decisions: &mut Vec<Decision>,
    ) -> Result<Step, Gone> {
        (self.0)(party, now, events, decisions);
        Ok(Step::default())
    }

    fn fork(&self) -> Option<Box<dyn Scheduler>> {
        None
    }
}

/// Background tasks that are all alike but for their length.
struct Alike(Group);

impl Background for Alike {
    fn task(&mut self, index: u64) -> Group {
        let mut group = self.0.clone();
        group.truth.run = Run::Same(Span::from_seconds(1 + index % 50));
        group
    }
}

fn warm(permille: u32, cpu: u32) -> Option<Warm> {
    Some(Warm { permille, background: Box::new(Alike(group(1, cpu, 0))) })
}

/// One request for a part of a device, or for whole ones.
fn with_gpu(mut group: Group, count: u8, milli: u16) -> Group {
    group.ask.gpu = GpuRequest { count, milli };
    group.ask.request[GPU] = u32::from(count) * u32::from(milli);
    group
}

#[test]
fn a_task_that_outlives_its_request_is_killed_when_that_is_true_of_it() {
    let mut cut = group(1, 1_000, 5);
    cut.truth.killed = true;
    let mut core = Core::new(&Registries::default());
    let jobs = vec![job(0, 0, cut), job(1, 0, group(1, 1_000, 5))];
    let (outcome, tape) = run_with(experiment(fleet(&[(2_000, 0)]), jobs), &mut core).expect("it runs");
    let rows: Vec<_> = tape.rows.iter().map(|row| (row.state, row.end)).collect();
    assert_eq!(rows, [(State::Killed, Some(seconds(5))), (State::Finished, Some(seconds(5)))]);
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!((number("tasks.killed"), number("tasks.finished")), (1.0, 1.0));
}

#[test]
fn slowdown_per_processor_utilization_and_loss_by_hand() {
    // Two cpus: 0 takes both for 20 s from 10 s on, 1 (one cpu, 10 s) waits behind it for 20 s, 2 runs beside 1.
    let jobs = vec![job(0, 10, group(1, 2_000, 20)), job(1, 10, group(1, 1_000, 10)), job(2, 35, group(1, 1_000, 15))];
    let mut core = Core::new(&Registries::default());
    let (outcome, _) = run_with(experiment(fleet(&[(2_000, 0)]), jobs), &mut core).expect("it runs");
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    // Flow 20, 30, 15 s over run 20, 10, 15 s and 2, 1, 1 processors: 1 (bounded), 3, 1.
    assert_eq!(number("per_processor_slowdown.mean"), 5.0 / 3.0);
    // From 10 s to 50 s: 40 + 10 + 15 cpu-seconds of 80; the wait falls into full occupation.
    assert_eq!((number("utilization.cpu"), number("loss_of_capacity.cpu")), (65.0 / 80.0, 0.0));
    // Strict order: a job of one cpu, then one of two that waits 5 s while one cpu is free: 5 of 30 cpu-seconds.
    let jobs = vec![job(0, 0, group(1, 1_000, 5)), job(1, 0, group(1, 2_000, 10))];
    let mut core = Core::new(&Registries::default());
    let (outcome, _) = run_with(experiment(fleet(&[(2_000, 0)]), jobs), &mut core).expect("it runs");
    assert_eq!(outcome.summary.number("loss_of_capacity.cpu"), Some(5.0 / 30.0));
}
