//! Queues and machines with a known answer: inside three standard errors of twenty replications.
//!
//! The closed forms are those of the textbooks (Erlang; Pollaczek and Khinchine; Cobham; Palm's machine repair), with
//! values computed to forty digits elsewhere. `WINDTUNNEL_LONG=1` is the full form: replications are lengthened until
//! three standard errors are less than what is asked of the row, see [`Within`], and there are rows that only it has.
//!
//! How long a replication is: the mean of a short run of a busy queue is skewed, since few runs meet the long queues
//! that most of the mean is made of, and twenty that did not say little of how far they are off. So busy queues get
//! more customers; a tolerance is never widened.

mod machines;
mod sharing;

use std::ops::ControlFlow;
use std::sync::OnceLock;

use windtunnel_outcome::recorder::{Discard, Outcome, RecordError, Recorder};
use windtunnel_outcome::rows::{State, TaskRow};
use windtunnel_scheduler::Time;
use windtunnel_scheduler::config::{Choice, Config, HeadOfLine, Unplaceable};
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::draw::{Kind, unit};
use windtunnel_scheduler::event::{Loss, Retry};
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::Span;
use windtunnel_sim::experiment::{Experiment, Measure, Sampling, Start, Stop, Workload};
use windtunnel_sim::launch::Launch;
use windtunnel_sim::model::{Checkpoint, Model};
use windtunnel_traces::model::{Fleet, Name, Node};
use windtunnel_traces::synthetic::{
    AtOnce, Constant, Exponential, Gamma, Hyperexponential, Law, Lognormal, Poisson, Shape, Synthetic, SyntheticSpec,
    Uniform,
};
use windtunnel_traces::transform::Estimate;

/// One unit of time: the mean service.
const UNIT: Span = Span(1_000_000);
const REPLICATIONS: u64 = 20;

/// The number of customers who are there when a queue begins in its steady state.
const PRESENT: Kind = u64::from_be_bytes(*b"queue-at");

pub(super) fn is_long() -> bool {
    std::env::var_os("WINDTUNNEL_LONG").is_some()
}

/// A mean over replications and its standard error.
type Estimated = (f64, f64);

/// How near the full form has to come: so near that three standard errors are less.
#[derive(Clone, Copy)]
enum Within {
    /// A share of the mean.
    Share(f64),
    /// Of what is a share itself: 0.2 points.
    Points,
    /// As near as the short form comes: what is heard of a queue at 0.99, or of a service with a cv2 of 16, has so
    /// heavy a tail that no length would do.
    Errors,
}

/// A hundredth of the mean.
const PERCENT: Within = Within::Share(0.01);

impl Within {
    /// How many times as long a replication has to be; at most 1 if it is long enough.
    fn needs(self, (mean, error): Estimated) -> f64 {
        let within = match self {
            Self::Share(share) => share * mean,
            Self::Points => 0.002,
            Self::Errors => return 0.0,
        };
        let times = 3.0 * error / within;
        times * times
    }
}

/// The means of what each replication finds, given its seed and how many times as long as the short form it is to be.
fn replicate<const N: usize>(within: [Within; N], run: impl Fn(u64, u64) -> [f64; N]) -> Vec<Estimated> {
    let mut length = 1;
    loop {
        let found = means((0..REPLICATIONS).map(|seed| run(seed, length)));
        let needs = within.iter().zip(&found).map(|(within, &found)| within.needs(found)).fold(0.0, f64::max);
        if !is_long() || needs <= 1.0 {
            return found;
        }
        // The error is known to a sixth only, so a quarter is added.
        length = (length as f64 * needs * 1.25).ceil() as u64;
    }
}

/// Closed forms that one set of runs is held against; a row of the table in the README each.
pub(super) struct Form {
    pub source: &'static str,
    /// What is measured, and what the closed form says.
    pub lines: &'static [(&'static str, f64)],
    measure: fn() -> Vec<Estimated>,
    found: OnceLock<Vec<Estimated>>,
}

impl Form {
    const fn new(source: &'static str, lines: &'static [(&'static str, f64)], measure: fn() -> Vec<Estimated>) -> Self {
        Self { source, lines, measure, found: OnceLock::new() }
    }

    /// What comes out, line by line; measured once, whoever asks.
    pub fn found(&self) -> &[Estimated] {
        self.found.get_or_init(self.measure)
    }

    #[track_caller]
    fn holds(&self) {
        assert_eq!(self.found().len(), self.lines.len());
        for (&(what, expected), &(mean, error)) in self.lines.iter().zip(self.found()) {
            let off = (mean - expected) / error;
            println!("{what}: {mean:.6} (standard error {error:.6}), expected {expected:.6}: {off:+.2} errors");
            assert!(off.abs() <= 3.0, "{what}: {mean} is {off:.2} standard errors of {error} from {expected}");
        }
    }
}

/// Every closed form of the short form, in the order of the table.
pub(super) static FORMS: [&Form; 16] = [
    &MMC,
    &MANY_SERVERS,
    &MG1,
    &MDC,
    &LOSSES,
    &BOUNDED,
    &SHORTEST,
    &PRIORITIES,
    &PREEMPTIVE,
    &sharing::SHARING,
    &sharing::PULLS,
    &machines::FEW_CREWS,
    &machines::CREWS_FOR_ALL,
    &machines::MOST_ARE_UP,
    &machines::BEGUN_ANEW,
    &machines::CHECKPOINTS,
];

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

    fn experiment(&self, seed: u64, customers: u64) -> Experiment {
        let parts = if self.priorities.is_empty() { vec![(0, 1.0)] } else { self.priorities.clone() };
        let workloads = parts.into_iter().enumerate().map(|(position, (priority, share))| {
            let arrivals = Poisson::new(self.rate * share).expect("a rate").into();
            let mut spec = SyntheticSpec::new(arrivals, self.service.clone(), vec![one_cpu()]);
            spec.tasks = Some((customers as f64 * share) as u64);
            spec.estimate = self.estimate.clone();
            spec.priorities = vec![(priority, 1.0)];
            spec.classes = vec![(format!("p{priority}"), 1.0)];
            workload(Box::new(Synthetic::new(&spec, seed, position as u32).expect("the workload makes sense")))
        });
        // The first sixth passes before anybody counts.
        let warm = customers as f64 / 6.0 / self.rate;
        let mut one = experiment(fleet(1, self.servers * 1_000), Model::default(), seed);
        one.scheduler = self.config.clone();
        one.workloads = workloads.collect();
        one.measure = Measure { from: Time((warm * 1e6) as u64), ..Measure::default() };
        one
    }

    /// The mean over replications of each of the values that are found in one.
    fn means<const N: usize>(&self, within: [Within; N], values: impl Fn(&Outcome) -> [f64; N]) -> Vec<Estimated> {
        replicate(within, |seed, length| values(&simulate(self.experiment(seed, self.customers * length))))
    }

    /// The mean wait, in units of the mean service.
    fn wait(&self) -> Estimated {
        self.wait_within(PERCENT)
    }

    fn wait_within(&self, within: Within) -> Estimated {
        self.means([within], |outcome| [number(outcome, "wait_s.mean")])[0]
    }
}

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("the run has `{name}`"))
}

fn mean_and_error(values: impl Iterator<Item = f64>) -> Estimated {
    let values: Vec<f64> = values.collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}

/// Each of several values over all replications.
fn means<const N: usize>(replications: impl Iterator<Item = [f64; N]>) -> Vec<Estimated> {
    let replications: Vec<[f64; N]> = replications.collect();
    (0..N).map(|at| mean_and_error(replications.iter().map(|values| values[at]))).collect()
}

fn one_cpu() -> Shape {
    Shape::new(Resources::new(1_000, 0))
}

fn fleet(count: u32, cpu: u32) -> Fleet {
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
        rules: Default::default(),
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
    simulate_into(experiment, &mut Discard)
}

fn simulate_into(experiment: Experiment, recorder: &mut dyn Recorder) -> Outcome {
    let mut core = Core::new(&Registries::default());
    windtunnel_sim::run(experiment, &mut core, recorder, &mut |_| ControlFlow::Continue(())).expect("it is sound")
}

fn exponential() -> Exponential {
    Exponential::new(UNIT, None).expect("a mean")
}

fn constant() -> Constant {
    Constant::new(UNIT).expect("a time")
}

static MMC: Form = Form::new(
    "Erlang C",
    &[
        ("M/M/1 at 0.5: mean wait", 1.0),
        ("M/M/1 at 0.9: mean wait", 9.0),
        ("M/M/2 at 0.8: mean wait", 1.777_777_778),
        ("M/M/4 at 0.9: mean wait", 1.969_383_161),
        ("M/M/10 at 0.8: mean wait", 0.204_590_075_4),
        ("M/M/100 at 0.95: mean wait", 0.101_291_370_8),
    ],
    || {
        let queues = [(1, 0.5, 6_000), (1, 0.9, 20_000), (2, 1.6, 20_000), (4, 3.6, 40_000), (10, 8.0, 20_000)];
        let queues = queues.into_iter().chain([(100, 95.0, 60_000)]);
        let waits = queues.map(|(servers, rate, customers)| {
            let within = if servers == 100 { Within::Share(0.02) } else { PERCENT };
            Queue { customers, ..Queue::new(servers, rate, exponential()) }.wait_within(within)
        });
        waits.collect()
    },
);

#[test]
fn mmc_mean_waits() {
    MMC.holds();
}

/// How many customers a queue of `servers` holds in its steady state: the number that the uniform number `u` stands
/// for. With exponential service those who are there begin anew at any instant.
fn present(servers: u64, load: f64, u: f64) -> u64 {
    // Weights relative to that of all servers busy and nobody waiting, which overflow nowhere.
    let mut least = vec![1.0; servers as usize + 1];
    for count in (0..servers as usize).rev() {
        least[count] = least[count + 1] * (count + 1) as f64 / load;
    }
    let busy = load / servers as f64;
    let total = least.iter().sum::<f64>() + busy / (1.0 - busy);
    let (mut sum, mut count, mut weight) = (0.0, 0, 1.0);
    loop {
        weight = least.get(count as usize).copied().unwrap_or(weight * busy);
        sum += weight;
        if sum >= u * total {
            return count;
        }
        count += 1;
    }
}

/// It takes a queue of a thousand servers at 0.99 some forty services to forget how it began, so it begins as it is
/// met at any instant.
static MANY_SERVERS: Form = Form::new("Erlang C", &[("M/M/1000 at 0.99: mean wait", 0.065_908_042_19)], || {
    let queue = Queue { customers: 100_000, ..Queue::new(1_000, 990.0, exponential()) };
    replicate([Within::Errors], |seed, length| {
        let mut one = queue.experiment(seed, queue.customers * length);
        one.measure = Measure::default();
        let mut spec = SyntheticSpec::new(AtOnce.into(), exponential().into(), vec![one_cpu()]);
        spec.tasks = Some(present(1_000, 990.0, unit(seed, PRESENT, 0, 0)));
        spec.classes = vec![("present".into(), 1.0)];
        let source = Synthetic::new(&spec, seed, 1).expect("the workload makes sense");
        one.workloads.insert(0, workload(Box::new(source)));
        [number(&simulate(one), "by_class.p0.wait_s.mean")]
    })
});

#[test]
fn mmc_of_a_thousand_servers() {
    MANY_SERVERS.holds();
}

fn hyperexponential(cv2: f64) -> Law {
    Hyperexponential::new(UNIT, cv2).expect("a law").into()
}

fn uniform() -> Law {
    Uniform::new(Span(0), Span(2_000_000)).expect("bounds").into()
}

fn erlang_of_four() -> Law {
    Gamma::new(4.0, UNIT).expect("Erlang").into()
}

fn lognormal() -> Law {
    Lognormal::with_mean(UNIT, 1.0, None).expect("a law").into()
}

/// Waits for one server, by load, service, and customers of the short form.
fn waits_for_one<const N: usize>(queues: [(f64, Law, u64, Within); N]) -> Vec<Estimated> {
    let wait = |(rate, service, customers, within): (f64, Law, u64, Within)| {
        Queue { customers, ..Queue::new(1, rate, service) }.wait_within(within)
    };
    queues.map(wait).into()
}

static MG1: Form = Form::new(
    "Pollaczek and Khinchine",
    &[
        ("M/D/1 at 0.5: mean wait", 0.5),
        ("M/D/1 at 0.8: mean wait", 2.0),
        ("M/G/1 at 0.5, uniform: mean wait", 0.666_666_666_7),
        ("M/G/1 at 0.8, uniform: mean wait", 2.666_666_666_7),
        ("M/G/1 at 0.5, Erlang of four: mean wait", 0.625),
        ("M/G/1 at 0.8, Erlang of four: mean wait", 2.5),
        ("M/M/1 at 0.8: mean wait", 4.0),
        ("M/G/1 at 0.5, lognormal of sigma 1: mean wait", 1.359_140_914),
        ("M/G/1 at 0.8, lognormal of sigma 1: mean wait", 5.436_563_657),
        ("M/G/1 at 0.5, hyperexponential of cv2 4: mean wait", 2.5),
        ("M/G/1 at 0.5, hyperexponential of cv2 16: mean wait", 8.5),
    ],
    || {
        waits_for_one([
            (0.5, constant().into(), 6_000, PERCENT),
            (0.8, constant().into(), 20_000, PERCENT),
            (0.5, uniform(), 6_000, PERCENT),
            (0.8, uniform(), 20_000, PERCENT),
            (0.5, erlang_of_four(), 6_000, PERCENT),
            (0.8, erlang_of_four(), 20_000, PERCENT),
            (0.8, exponential().into(), 20_000, PERCENT),
            (0.5, lognormal(), 20_000, PERCENT),
            (0.8, lognormal(), 40_000, PERCENT),
            (0.5, hyperexponential(4.0), 20_000, PERCENT),
            (0.5, hyperexponential(16.0), 60_000, Within::Errors),
        ])
    },
);

#[test]
fn mg1_by_pollaczek_and_khinchine() {
    MG1.holds();
}

/// What takes so long to settle that only the full form has it.
static BUSY: Form = Form::new(
    "Pollaczek and Khinchine",
    &[
        ("M/D/1 at 0.9: mean wait", 4.5),
        ("M/G/1 at 0.9, uniform: mean wait", 6.0),
        ("M/G/1 at 0.9, Erlang of four: mean wait", 5.625),
        ("M/G/1 at 0.9, hyperexponential of cv2 4: mean wait", 22.5),
        ("M/G/1 at 0.8, hyperexponential of cv2 16: mean wait", 34.0),
        ("M/G/1 at 0.9, hyperexponential of cv2 16: mean wait", 76.5),
    ],
    || {
        waits_for_one([
            (0.9, constant().into(), 200_000, PERCENT),
            (0.9, uniform(), 200_000, PERCENT),
            (0.9, erlang_of_four(), 200_000, PERCENT),
            (0.9, hyperexponential(4.0), 400_000, PERCENT),
            (0.8, hyperexponential(16.0), 1_000_000, Within::Errors),
            (0.9, hyperexponential(16.0), 2_000_000, Within::Errors),
        ])
    },
);

#[test]
fn mg1_that_is_busy() {
    if is_long() {
        BUSY.holds();
    }
}

static MDC: Form = Form::new(
    "Crommelin, by the embedded chain",
    &[
        ("M/D/2 at 0.8: mean wait", 0.903_283_88),
        ("M/D/10 at 0.8: mean wait", 0.109_827_79),
        ("M/D/20 at 0.9: mean wait", 0.144_286_08),
    ],
    || {
        let queues = [(2, 1.6, 20_000), (10, 8.0, 20_000), (20, 18.0, 40_000)];
        let wait = |(servers, rate, customers)| Queue { customers, ..Queue::new(servers, rate, constant()) }.wait();
        queues.map(wait).into()
    },
);

#[test]
fn mdc_by_the_embedded_chain() {
    MDC.holds();
}

fn blocked(outcome: &Outcome) -> f64 {
    number(outcome, "tasks.rejected") / number(outcome, "tasks.submitted")
}

static LOSSES: Form = Form::new(
    "Erlang B",
    &[
        ("M/M/1/1, offered 1: share that is turned away", 0.5),
        ("M/M/10/10, offered 5: share that is turned away", 0.018_384_570_34),
        ("M/M/10/10, offered 10: share that is turned away", 0.214_582_343_1),
        ("M/M/100/100, offered 90: share that is turned away", 0.026_957_380_46),
        ("M/M/1000/1000, offered 1000: share that is turned away", 0.024_811_917_65),
    ],
    || {
        let queues =
            [(1, 1.0, 6_000), (10, 5.0, 6_000), (10, 10.0, 6_000), (100, 90.0, 6_000), (1_000, 1_000.0, 60_000)];
        let queues = queues.map(|(servers, load, customers)| {
            let mut queue = Queue { customers, ..Queue::new(servers, load, exponential()) };
            queue.config.unplaceable = Unplaceable::Reject;
            queue.config.head_of_line = HeadOfLine::Skip;
            queue
        });
        queues.iter().map(|queue| queue.means([Within::Points], |outcome| [blocked(outcome)])[0]).collect()
    },
);

#[test]
fn erlang_b_losses() {
    LOSSES.holds();
}

/// A node with room for K tasks whose agent works on c launches at once is a queue of c servers and K places: whoever
/// finds no room is turned away, and what a launch takes is the service.
static BOUNDED: Form = Form::new(
    "Erlang, with K places",
    &[
        ("M/M/1/5 at 0.9: share that is turned away", 0.126_022_55),
        ("M/M/1/5 at 0.9: mean time of those who are not", 2.790_285_952),
        ("M/M/4/10, offered 3.6: share that is turned away", 0.067_174_407_93),
        ("M/M/4/10, offered 3.6: mean time of those who are not", 1.507_100_339),
        ("M/M/10/20, offered 9: share that is turned away", 0.029_510_061_56),
        ("M/M/10/20, offered 9: mean time of those who are not", 1.263_927_588),
    ],
    || {
        let queues = [(1, 5, 0.9), (4, 10, 3.6), (10, 20, 9.0)];
        let bounded = |(servers, places, rate): (u32, u32, f64)| {
            let mut queue = Queue::new(places, rate, Constant::new(Span(1)).expect("a time"));
            queue.config.unplaceable = Unplaceable::Reject;
            queue.config.head_of_line = HeadOfLine::Skip;
            queue.customers = 12_000;
            replicate([Within::Points, PERCENT], |seed, length| {
                let mut one = queue.experiment(seed, queue.customers * length);
                let start = Some(exponential().into());
                one.model.launch = Some(Launch { start, slots: servers, ..Launch::default() });
                let outcome = simulate(one);
                [blocked(&outcome), number(&outcome, "wait_s.mean")]
            })
        };
        queues.into_iter().flat_map(bounded).collect()
    },
);

#[test]
fn mmck_turns_away_who_finds_no_place() {
    BOUNDED.holds();
}

static SHORTEST: Form = Form::new(
    "Cobham; Phipps",
    &[
        ("M/M/1 at 0.5, shortest first: mean wait", 0.712_686_331_9),
        ("M/M/1 at 0.8, shortest first: mean wait", 1.882_218_616),
    ],
    || {
        let wait = |(rate, customers)| {
            let mut queue = Queue { customers, ..Queue::new(1, rate, exponential()) };
            queue.config.queue = Choice::named("sjf");
            queue.estimate = Estimate::Actual;
            queue.wait()
        };
        [(0.5, 6_000), (0.8, 20_000)].map(wait).into()
    },
);

#[test]
fn shortest_job_first() {
    SHORTEST.holds();
}

fn two_priorities() -> Queue {
    let mut queue = Queue::new(1, 0.8, exponential());
    queue.config.queue = Choice::named("priority");
    queue.priorities = vec![(9, 0.375), (1, 0.625)];
    queue.customers = 60_000;
    queue
}

static PRIORITIES: Form = Form::new(
    "Cobham",
    &[
        ("M/M/1 at 0.3 + 0.5, priorities: mean wait of the important", 1.142_857_143),
        ("M/M/1 at 0.3 + 0.5, priorities: mean wait of the others", 5.714_285_714),
    ],
    || {
        let wait = |outcome: &Outcome, class: &str| number(outcome, &format!("by_class.{class}.wait_s.mean"));
        two_priorities().means([PERCENT; 2], |outcome| ["p9", "p1"].map(|class| wait(outcome, class)))
    },
);

#[test]
fn two_priorities_by_cobham() {
    PRIORITIES.holds();
}

/// How long tasks of two classes take from being handed in to their end.
struct Stays {
    /// Those handed in between these count.
    counted: (Time, Time),
    /// Sum and number, by class.
    sums: [(f64, u64); 2],
}

impl Recorder for Stays {
    fn task(&mut self, row: &TaskRow<'_>) {
        let (from, to) = self.counted;
        if let Some(end) = row.end.filter(|_| row.state == State::Finished && row.submit >= from && row.submit < to) {
            let (sum, count) = &mut self.sums[usize::from(row.class != "p9")];
            *sum += end.since(row.submit).as_seconds();
            *count += 1;
        }
    }

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Who is pushed out goes on where it was: it saves all the time, which costs nothing.
static PREEMPTIVE: Form = Form::new(
    "Cobham; White and Christie",
    &[
        ("M/M/1 at 0.3 + 0.5, preemptive: mean time of the important", 1.428_571_429),
        ("M/M/1 at 0.3 + 0.5, preemptive: mean time of the others", 7.142_857_143),
    ],
    || {
        let mut queue = two_priorities();
        queue.config.preemption = Choice::named("priority");
        replicate([PERCENT; 2], |seed, length| {
            let customers = queue.customers * length;
            let mut one = queue.experiment(seed, customers);
            for workload in &mut one.workloads {
                workload.checkpoint = Some(Checkpoint { interval: Span(1), cost: Span::ZERO, restart: Span::ZERO });
            }
            // Those who come last meet nobody who would push them out.
            let horizon = customers as f64 / queue.rate * 1e6;
            let counted = (Time((horizon / 6.0) as u64), Time((horizon * 0.95) as u64));
            let mut stays = Stays { counted, sums: [(0.0, 0); 2] };
            simulate_into(one, &mut stays);
            stays.sums.map(|(sum, count)| sum / count as f64)
        })
    },
);

#[test]
fn two_priorities_preemptive() {
    PREEMPTIVE.holds();
}
