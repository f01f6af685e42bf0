//! Fleets, workloads and policies in any combination, drawn from a seed that is printed first. Whatever comes together,
//! the audit must hold after every instant, all work must end, and the books must add up.
//!
//! `WINDTUNNEL_SEED=7 cargo test --release combinations` runs one again.

use std::fmt;

use windtunnel::Tool;
use windtunnel_outcome::recorder::{Outcome, Recorder};
use windtunnel_outcome::rows::{State, TaskRow};
use windtunnel_outcome::{RecordError, series::Sampling};
use windtunnel_scheduler::backfill::BACKFILLS;
use windtunnel_scheduler::config::{BackfillOrder, Choice, Config, HeadOfLine, Instant, Unplaceable};
use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::draw::below;
use windtunnel_scheduler::event::{GpuRequest, JobKind, Loss, Retry};
use windtunnel_scheduler::partition::Terms;
use windtunnel_scheduler::placement::PLACEMENTS;
use windtunnel_scheduler::queue::QUEUES;
use windtunnel_scheduler::resources::{CPU, GPU, MEMORY, Resources};
use windtunnel_scheduler::{PartyId, Span, Time};
use windtunnel_sim::experiment::{Experiment, Measure, Routing, Start, Stop, Workload};
use windtunnel_sim::model::Model;
use windtunnel_traces::model::{
    Ask, Fleet, Group, Groups, Job, Label, Labels, Name, Node, Note, Recorded, Run, Source, SourceError, Truth,
};

/// Seeds that every run of the tests goes through.
const SEEDS: u64 = 200;
const SECOND: u64 = 1_000_000;
const LANES: u8 = 1 << CPU | 1 << MEMORY | 1 << GPU;

/// What one seed stands for.
struct Swarm {
    seed: u64,
    fleet: Fleet,
    config: Config,
    jobs: Vec<Vec<Job>>,
}

/// Draws by a path of numbers: none depends on how many were made before it.
#[derive(Clone, Copy)]
struct Draw {
    seed: u64,
    entity: u64,
}

impl Draw {
    fn below(self, index: u64, bound: u64) -> u64 {
        below(bound, self.seed, 0x0073_7761_726d, self.entity, index)
    }

    fn is(self, index: u64, one_in: u64) -> bool {
        self.below(index, one_in) == 0
    }

    fn pick<T: Clone>(self, index: u64, from: &[T]) -> T {
        from[self.below(index, from.len() as u64) as usize].clone()
    }

    fn inner(self, entity: u64) -> Self {
        Self { seed: self.seed, entity: self.entity.wrapping_mul(1_000_003).wrapping_add(entity + 1) }
    }
}

impl Swarm {
    fn new(seed: u64) -> Self {
        let draw = Draw { seed, entity: 0 };
        let fleet = fleet(draw.inner(1));
        let config = config(draw.inner(2), seed);
        let jobs = (0..=draw.below(0, 3)).map(|at| workload(draw.inner(10 + at), &fleet)).collect();
        Self { seed, fleet, config, jobs }
    }

    fn experiment(&self) -> Experiment {
        let start = if self.seed % 4 == 3 { Start::Recorded } else { Start::Submit };
        let workload = |jobs: &Vec<Job>| Workload {
            source: Box::new(Listed { jobs: jobs.clone().into_iter(), labels: Labels::default() }),
            party: PartyId::FIRST,
            start,
            loss: Loss::Rerun,
            retry: Retry::default(),
            max_unavailable: None,
            checkpoint: None,
            warm: None,
            terms: Terms::default(),
            rules: Default::default(),
        };
        Experiment {
            seed: self.seed,
            fleet: self.fleet.clone(),
            workloads: self.jobs.iter().map(workload).collect(),
            scheduler: self.config.clone(),
            parties: 1,
            link: Span::ZERO,
            measure: Measure::default(),
            stop: Stop::Drained,
            series: Sampling::default(),
            routing: Routing::default(),
            model: Model::default(),
        }
    }

    fn tasks(&self) -> u64 {
        let groups = self.jobs.iter().flatten().flat_map(|job| job.groups.as_slice());
        groups.map(|group| u64::from(group.count)).sum()
    }

    fn run(&self) -> (Outcome, Rows) {
        let mut scheduler = Tool::new().build("core").expect("the core is always there");
        let mut rows = Rows::default();
        let mut on = |_| std::ops::ControlFlow::Continue(());
        let ran = windtunnel_sim::run(self.experiment(), &mut *scheduler, &mut rows, &mut on);
        (ran.unwrap_or_else(|error| panic!("{self}: {error}")), rows)
    }
}

impl fmt::Display for Swarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { placement, queue, backfill, head_of_line, unplaceable, instant, interval, .. } = &self.config;
        let (nodes, jobs) = (self.fleet.nodes.len(), self.jobs.iter().map(Vec::len).sum::<usize>());
        write!(f, "WINDTUNNEL_SEED={}: {nodes} nodes, {jobs} jobs, {} tasks; ", self.seed, self.tasks())?;
        write!(f, "{}, {}, {}, ", placement.name, queue.name, backfill.name)?;
        write!(f, "{head_of_line:?}, {unplaceable:?}, {instant:?}, every {interval}")
    }
}

fn fleet(draw: Draw) -> Fleet {
    let count = 1 + draw.below(0, [1, 4, 12, 60][draw.below(1, 4) as usize]);
    let same = draw.is(2, 3);
    let node = |at: u64| {
        let draw = draw.inner(if same { 0 } else { at });
        let gpus = draw.pick(3, &[0_u8, 0, 1, 4, 8]);
        let mut capacity = Resources::new(1_000 * (1 + draw.below(4, 64)) as u32, 256 * (1 + draw.below(5, 64)) as u32);
        capacity[GPU] = u32::from(gpus) * 1_000;
        Node {
            name: Name::new(&format!("n{at}")),
            capacity,
            gpus,
            attributes: vec![("os".to_owned(), draw.pick(6, &["linux", "bsd"]).to_owned())],
            domains: vec![("rack".to_owned(), format!("r{}", at / 4))],
        }
    };
    Fleet { nodes: (0..count).map(node).collect(), lanes: LANES, ..Fleet::default() }
}

/// Any combination of policies that a scenario may ask for.
fn config(draw: Draw, seed: u64) -> Config {
    let backfill = if draw.is(0, 2) { "none" } else { BACKFILLS[draw.below(1, BACKFILLS.len() as u64) as usize].name };
    Config {
        placement: Choice::named(PLACEMENTS[draw.below(2, PLACEMENTS.len() as u64) as usize].name),
        queue: Choice::named(QUEUES[draw.below(3, QUEUES.len() as u64) as usize].name),
        backfill: Choice::named(backfill),
        backfill_order: draw.pick(4, &[BackfillOrder::Fifo, BackfillOrder::Shortest]),
        head_of_line: draw.pick(5, &[HeadOfLine::Skip, HeadOfLine::Block]),
        unplaceable: if draw.is(6, 5) { Unplaceable::Reject } else { Unplaceable::Wait },
        instant: draw.pick(7, &[Instant::Batched, Instant::PerEvent]),
        interval: draw.pick(8, &[Span::ZERO, Span::ZERO, Span(30 * SECOND)]),
        explain: draw.is(9, 8),
        seed,
        ..Config::default()
    }
}

/// Jobs of which every task fits some node as long as that is empty.
fn workload(draw: Draw, fleet: &Fleet) -> Vec<Job> {
    let pace_us = draw.pick(0, &[0, 100_000, 5 * SECOND]);
    let mut submit = draw.below(1, 3) * SECOND;
    let job = |at: u64| {
        let draw = draw.inner(at);
        submit += draw.below(0, pace_us + 1) / SECOND * SECOND.min(pace_us.max(1)) + draw.below(1, pace_us / 2 + 1);
        let groups = if draw.is(2, 8) {
            Groups::Many((0..2).map(|part| group(draw.inner(100 + part), fleet)).collect())
        } else {
            Groups::One(group(draw.inner(100), fleet))
        };
        Job {
            name: Name::Number(at),
            submit: Time(submit),
            priority: draw.below(3, 4) as i32,
            role: Label(0),
            user: Label(0),
            class: Label(0),
            groups,
            course: None,
        }
    };
    (0..draw.below(2, 150)).map(job).collect()
}

fn group(draw: Draw, fleet: &Fleet) -> Group {
    let at = draw.below(0, fleet.nodes.len() as u64) as usize;
    let node = &fleet.nodes[at];
    let part = |index: u64, of: u32| (1 + draw.below(index, u64::from(of.max(1)))) as u32;
    let slice = draw.pick(1, &[1, 2, 8, 32]);
    let mut request = Resources::new(part(2, node.capacity[CPU] / slice), part(3, node.capacity[MEMORY] / slice));
    let mut gpu = GpuRequest::default();
    if node.gpus > 0 && draw.is(4, 2) {
        let count = 1 + draw.below(5, u64::from(node.gpus)) as u8;
        gpu = GpuRequest { count, milli: if count == 1 { part(6, 1_000) as u16 } else { 1_000 } };
        request[GPU] = u32::from(count) * u32::from(gpu.milli);
    }
    let os = node.attributes[0].1.clone();
    let constraints = draw.is(7, 5).then(|| {
        let condition = Condition::In(vec![os]);
        vec![Constraint { attribute: "os".to_owned(), condition }].into()
    });
    let kind = if draw.is(8, 4) { JobKind::Gang } else { JobKind::Batch };
    // A gang as large as what fits the node that it was made for, so that it can start once the fleet is empty.
    let most = if kind == JobKind::Gang && gpu.count > 0 { 1 } else { request.times_in(&node.capacity).clamp(1, 12) };
    let count = part(9, most);
    let run = |index: u64| Span(draw.below(index, 90 * SECOND));
    let runs = if kind == JobKind::Batch && draw.is(10, 3) {
        Run::Each((0..u64::from(count)).map(|at| run(20 + at)).collect())
    } else {
        Run::Same(run(20))
    };
    let recorded = Recorded { start: None, node: Some(node.name.clone()), ..Recorded::default() };
    Group {
        count,
        // Never shorter than the truth: per event, estimates are trusted.
        ask: Ask { kind, request, gpu, estimate: Some(Span(90 * SECOND)), constraints, ..Ask::default() },
        truth: Truth {
            run: runs,
            fails: draw.is(11, 6),
            killed: draw.is(12, 9),
            recorded: (gpu.count == 0).then_some(recorded),
            ..Truth::default()
        },
    }
}

/// Jobs from a list.
struct Listed {
    jobs: std::vec::IntoIter<Job>,
    labels: Labels,
}

impl Source for Listed {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        Ok(self.jobs.next())
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn notes(&self) -> Vec<Note> {
        Vec::new()
    }
}

/// What the rows say.
#[derive(Debug, Default, PartialEq)]
struct Rows {
    over: u64,
    open: u64,
    busy_cpu_milli_us: u128,
    wrong: Vec<String>,
}

impl Recorder for Rows {
    fn task(&mut self, row: &TaskRow<'_>) {
        match row.state {
            State::Pending | State::Running => self.open += u64::from(row.count),
            _ => self.over += u64::from(row.count),
        }
        if let (Some(place), Some(end)) = (row.place, row.end) {
            let cpu = u128::from(row.requested[CPU]) * u128::from(row.count);
            self.busy_cpu_milli_us += cpu * u128::from((end - place).0);
        }
        let causes: u64 = row.causes.iter().map(|cause| cause.0).sum();
        if row.wait.is_some_and(|wait| wait.0 != causes) {
            self.wrong.push(format!("{:?}/{}: the causes of its wait are {causes} us", row.job, row.index));
        }
    }

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

fn number(outcome: &Outcome, key: &str) -> f64 {
    outcome.summary.number(key).unwrap_or_else(|| panic!("`{key}` is a number"))
}

fn check(swarm: &Swarm) {
    let (outcome, rows) = swarm.run();
    assert_eq!(rows.wrong, [""; 0], "{swarm}");
    assert_eq!((rows.open, rows.over), (0, swarm.tasks()), "{swarm}: all work ends");
    assert_eq!(number(&outcome, "tasks.submitted"), swarm.tasks() as f64, "{swarm}");
    for lane in ["cpu", "memory", "gpu"] {
        assert_eq!(number(&outcome, &format!("conservation.{lane}.residual")), 0.0, "{swarm}: {lane}");
    }
    let busy = number(&outcome, "conservation.cpu.busy");
    assert_eq!(busy, rows.busy_cpu_milli_us as f64 / 1e9, "{swarm}: the rows say something else");
    if swarm.config.unplaceable == Unplaceable::Wait {
        assert_eq!(number(&outcome, "tasks.rejected"), 0.0, "{swarm}");
    }
    let (again, same) = swarm.run();
    assert_eq!((&outcome.summary, &rows), (&again.summary, &same), "{swarm}: the same once more");
}

#[test]
fn all_work_ends_and_the_books_add_up() {
    let one = std::env::var("WINDTUNNEL_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    for seed in one.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let swarm = Swarm::new(seed);
        println!("{swarm}");
        check(&swarm);
    }
}
