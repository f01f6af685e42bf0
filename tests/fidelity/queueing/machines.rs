//! Machines that fail and are repaired, and tasks that lose their work with them.

use windtunnel_outcome::recorder::{Outcome, RecordError, Recorder};
use windtunnel_outcome::rows::TaskRow;
use windtunnel_scheduler::Time;
use windtunnel_scheduler::event::Event;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::time::Span;
use windtunnel_sim::experiment::Stop;
use windtunnel_sim::fault::{Chance, Effect, FaultSource, Faults, When};
use windtunnel_sim::model::{Checkpoint, Model};
use windtunnel_traces::synthetic::{AtOnce, Constant, Exponential, Law, Synthetic, SyntheticSpec};

use super::{
    Estimated, Form, PERCENT, UNIT, Within, experiment, exponential, fleet, number, one_cpu, replicate, simulate,
    simulate_into, workload,
};

/// Outages of single machines that `crews` repair.
fn outages(between: Law, repair: Law, crews: u32) -> Model {
    let chance = Chance { kind: "node".into(), between, repair, crews, repeat: None, burst: None, fresh: false };
    let source = FaultSource { name: "node".into(), effect: Effect::Outage, when: When::Chance(chance) };
    Model { faults: Faults { sources: vec![source], upkeep: vec![] }, ..Model::default() }
}

const HOUR: u64 = 3_600_000_000;

/// Machines that fail and crews that repair them: the share of time that they are up.
fn machine_repair(machines: u32, crews: u32, mtbf_h: u64, repair_h: u64, lives: u64) -> Estimated {
    let law = |hours: u64| Exponential::new(Span(hours * HOUR), None).expect("a mean");
    let found = replicate([Within::Points], |seed, length| {
        let model = outages(law(mtbf_h).into(), law(repair_h).into(), crews);
        let mut one = experiment(fleet(machines, 1_000), model, seed);
        one.stop = Stop::At(Time(lives * length * mtbf_h * HOUR));
        let outcome = simulate(one);
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
        [number(&outcome, "availability.mean")]
    });
    found[0]
}

pub(super) static FEW_CREWS: Form = Form::new(
    "Palm, machine repair",
    &[
        ("10 machines, 1 crew, 100 h and 5 h: availability", 0.924_073_662_7),
        ("1000 machines, 5 crews, 4300 h and 6 h: availability", 0.998_600_857),
    ],
    || vec![machine_repair(10, 1, 100, 5, 300), machine_repair(1_000, 5, 4_300, 6, 4)],
);

#[test]
fn machine_repair_with_few_crews() {
    FEW_CREWS.holds();
}

pub(super) static CREWS_FOR_ALL: Form = Form::new(
    "Palm, machine repair",
    &[
        ("100 machines, a crew for each, 1000 h and 10 h: availability", 0.990_099_009_9),
        ("1000 machines, a crew for each, 4300 h and 6 h: availability", 0.998_606_595_4),
    ],
    || vec![machine_repair(100, 0, 1_000, 10, 40), machine_repair(1_000, 0, 4_300, 6, 4)],
);

#[test]
fn machine_repair_with_a_crew_for_each() {
    CREWS_FOR_ALL.holds();
}

/// How long at least so many machines are up, from an instant on.
struct Enough {
    least: u32,
    up: u32,
    since: Time,
    us: u64,
}

impl Enough {
    fn advance(&mut self, now: Time) {
        if self.up >= self.least {
            self.us += now.since(self.since).0;
        }
        self.since = self.since.max(now);
    }
}

impl Recorder for Enough {
    fn wants_events(&self) -> bool {
        true
    }

    fn heard(&mut self, now: Time, _party: PartyId, events: &[Event]) {
        self.advance(now);
        for event in events {
            match event {
                Event::NodeAdded(_) => self.up += 1,
                Event::NodeLost { .. } => self.up -= 1,
                _ => {}
            }
        }
    }

    fn task(&mut self, _row: &TaskRow<'_>) {}

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

/// The share of time in which at least so many of the machines are up, each of which is up 0.999 of it.
fn enough(machines: u32, least: u32, hours: u64) -> Estimated {
    let found = replicate([Within::Points], |seed, length| {
        let law = |hours: u64| Exponential::new(Span(hours * HOUR), None).expect("a mean").into();
        let mut one = experiment(fleet(machines, 1_000), outages(law(999), law(1), 0), seed);
        // After 20 h nothing is left of that all were up at first.
        let (begin, end) = (Time(20 * HOUR), Time((20 + hours * length) * HOUR));
        one.stop = Stop::At(end);
        let mut enough = Enough { least, up: 0, since: begin, us: 0 };
        simulate_into(one, &mut enough);
        enough.advance(end);
        [enough.us as f64 / (end - begin).0 as f64]
    });
    found[0]
}

/// The binomial law: as much as 2 of 3 or 3 of 5 say is too near 1 to be seen.
pub(super) static MOST_ARE_UP: Form = Form::new(
    "k of n",
    &[
        ("99 of 100 machines at 0.999: share of time", 0.995_361_931_6),
        ("4990 of 5000 machines at 0.999: share of time", 0.986_350_047_5),
    ],
    || vec![enough(100, 99, 3_000), enough(5_000, 4_990, 300)],
);

#[test]
fn most_machines_are_up_as_often_as_the_binomial_law_says() {
    MOST_ARE_UP.holds();
}

/// Tasks of one length, each alone on a machine that fails at rate 1 and is back at once: how long they take.
fn under_failures(load: f64, checkpoint: Option<Checkpoint>) -> Estimated {
    let work = Span((load * UNIT.0 as f64) as u64);
    let found = replicate([PERCENT], |seed, length| {
        let tasks = 400 * length as u32;
        let model = outages(exponential().into(), Constant::new(Span(1)).expect("a time").into(), 0);
        let mut one = experiment(fleet(tasks, 1_000), model, seed);
        let service = Constant::new(work).expect("a time");
        let mut spec = SyntheticSpec::new(AtOnce.into(), service.into(), vec![one_cpu()]);
        spec.tasks = Some(u64::from(tasks));
        one.workloads = vec![workload(Box::new(Synthetic::new(&spec, seed, 0).expect("it makes sense")))];
        one.workloads[0].checkpoint = checkpoint;
        let outcome = simulate(one);
        assert_eq!(number(&outcome, "tasks.finished"), f64::from(tasks));
        [number(&outcome, "flow_s.mean")]
    });
    found[0]
}

/// (e^(rate T) - 1) / rate, over T.
pub(super) static BEGUN_ANEW: Form = Form::new(
    "restart from scratch",
    &[
        ("a task of 0.1 of the time between failures: time over work", 1.051_709_181),
        ("a task of 0.5 of the time between failures: time over work", 1.297_442_541),
        ("a task as long as the time between failures: time over work", 1.718_281_828),
    ],
    || {
        let over_work = |load: f64| {
            let (mean, error) = under_failures(load, None);
            (mean / load, error / load)
        };
        [0.1, 0.5, 1.0].map(over_work).into()
    },
);

#[test]
fn a_task_that_begins_anew_takes_exponentially_long() {
    BEGUN_ANEW.holds();
}

/// Four parts of T / 4 and, but for the last, a checkpoint of C: 3 (e^(T/4 + C) - 1) + (e^(T/4) - 1).
pub(super) static CHECKPOINTS: Form =
    Form::new("checkpoints", &[("T = 1 with three checkpoints of 0.02: time", 1.213_918_769)], || {
        let checkpoint = Checkpoint { interval: Span(250_000), cost: Span(20_000), restart: Span::ZERO };
        vec![under_failures(1.0, Some(checkpoint))]
    });

#[test]
fn checkpoints_cut_a_task_into_short_ones() {
    CHECKPOINTS.holds();
}

#[test]
fn checkpoints_cost_least_every_root_of_twice_cost_by_time_between_failures() {
    // Young; Daly: at a cost of 60 s and a day between failures, every 3,220 s. A task of five days.
    let unit = |seconds: f64| Span((seconds / 86_400.0 * UNIT.0 as f64) as u64);
    let time = |interval: f64| {
        let checkpoint = Checkpoint { interval: unit(interval), cost: unit(60.0), restart: Span::ZERO };
        under_failures(5.0, Some(checkpoint))
    };
    let (best, error) = time(3_219.937_888);
    // To first order cost / interval + interval / (2 between failures): 3.7 % at the best, 4.7 % at half and double.
    for other in [1_610.0, 6_440.0] {
        let (mean, other_error) = time(other);
        assert!(
            mean - best > 3.0 * (error + other_error),
            "{best} +- {error}, every {other} s {mean} +- {other_error}"
        );
    }
    // 134 parts with a checkpoint, each begun anew until it is through, and the rest.
    assert!((best / 5.0 - 1.038_173).abs() < 3.0 * error / 5.0, "{best} +- {error}");
}
