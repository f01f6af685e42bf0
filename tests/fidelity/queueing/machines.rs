//! Machines that fail and are repaired, and tasks that lose their work with them.

use windtunnel_scheduler::Time;
use windtunnel_scheduler::time::Span;
use windtunnel_sim::experiment::Stop;
use windtunnel_sim::fault::{Chance, Effect, FaultSource, Faults, When};
use windtunnel_sim::model::{Checkpoint, Model};
use windtunnel_traces::synthetic::{AtOnce, Constant, Exponential, Law, Synthetic, SyntheticSpec};

use super::{
    Estimated, Form, REPLICATIONS, UNIT, experiment, exponential, fleet, is_long, mean_and_error, number, one_cpu,
    simulate, workload,
};

/// Outages of single machines that `crews` repair.
fn outages(between: Law, repair: Law, crews: u32) -> Model {
    let chance = Chance { kind: "node".into(), between, repair, crews, repeat: None, burst: None, fresh: false };
    let source = FaultSource { name: "node".into(), effect: Effect::Outage, when: When::Chance(chance) };
    Model { faults: Faults { sources: vec![source], upkeep: vec![] }, ..Model::default() }
}

/// Machines that fail and crews that repair them: the share of time that they are up.
fn machine_repair(machines: u32, crews: u32, mtbf_h: u64, repair_h: u64, lives: u64) -> Estimated {
    const HOUR: u64 = 3_600_000_000;
    let law = |hours: u64| Exponential::new(Span(hours * HOUR), None).expect("a mean");
    let lives = if is_long() { lives * 20 } else { lives };
    let up = (0..REPLICATIONS).map(|seed| {
        let model = outages(law(mtbf_h).into(), law(repair_h).into(), crews);
        let mut one = experiment(fleet(machines, 1_000), model, seed);
        one.stop = Stop::At(Time(lives * mtbf_h * HOUR));
        let outcome = simulate(one);
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
        number(&outcome, "availability.mean")
    });
    mean_and_error(up)
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

/// Tasks of one length, each alone on a machine that fails at rate 1 and is back at once: how long they take.
fn under_failures(load: f64, checkpoint: Option<Checkpoint>) -> Estimated {
    let tasks = if is_long() { 20_000 } else { 400_u32 };
    let work = Span((load * UNIT.0 as f64) as u64);
    let times = (0..REPLICATIONS).map(|seed| {
        let model = outages(exponential().into(), Constant::new(Span(1)).expect("a time").into(), 0);
        let mut one = experiment(fleet(tasks, 1_000), model, seed);
        let service = Constant::new(work).expect("a time");
        let mut spec = SyntheticSpec::new(AtOnce.into(), service.into(), vec![one_cpu()]);
        spec.tasks = Some(u64::from(tasks));
        one.workloads = vec![workload(Box::new(Synthetic::new(&spec, seed, 0).expect("it makes sense")))];
        one.workloads[0].checkpoint = checkpoint;
        let outcome = simulate(one);
        assert_eq!(number(&outcome, "tasks.finished"), f64::from(tasks));
        number(&outcome, "flow_s.mean")
    });
    mean_and_error(times)
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
