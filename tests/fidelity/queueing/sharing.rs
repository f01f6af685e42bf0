//! Processor sharing: what it takes depends on the mean of the work alone, whatever its law.

use windtunnel_scheduler::Time;
use windtunnel_scheduler::config::{Choice, Config};
use windtunnel_scheduler::draw::{Kind, unit};
use windtunnel_scheduler::time::Span;
use windtunnel_sim::experiment::{Measure, Stop};
use windtunnel_sim::launch::{Launch, Sharing};
use windtunnel_sim::model::Model;
use windtunnel_traces::synthetic::{Constant, Hyperexponential, Law, Poisson, Synthetic, SyntheticSpec};

use super::{
    Estimated, Form, PERCENT, UNIT, constant, experiment, exponential, fleet, number, one_cpu, replicate, simulate,
    workload,
};

const GAP: Kind = u64::from_be_bytes(*b"ps-gaps-");
const WORK: Kind = u64::from_be_bytes(*b"ps-works");

/// Pulls that arrive at random and share a rate of a byte a microsecond: the mean time that each takes over what it
/// would take alone. Arrivals go on until everybody who counts is done.
fn slowdown(rate: f64, work: &Law, seed: u64, customers: usize) -> f64 {
    let gap: Law =
        windtunnel_traces::synthetic::Exponential::new(Span((1e6 / rate) as u64), None).expect("a mean").into();
    let mut sharing = Sharing::new(1_000_000, 0);
    let mut arrived: Vec<(Time, u64)> = Vec::with_capacity(customers * 2);
    let (warm, mut left, mut sum) = (customers / 6, customers - customers / 6, 0.0);
    let mut next = Time(gap.sample(unit(seed, GAP, 0, 0)).0);
    while left > 0 {
        let at = sharing.earliest().map_or(next, |done| done.min(next));
        while let Some(key) = sharing.pop(at) {
            let (since, bytes): (Time, u64) = arrived[key];
            if (warm..customers).contains(&key) {
                sum += at.since(since).0 as f64 / bytes as f64;
                left -= 1;
            }
        }
        if at == next {
            let key = arrived.len();
            let bytes = work.sample(unit(seed, WORK, key as u64, 0)).0;
            sharing.add(key, bytes, at);
            arrived.push((at, bytes));
            next = next + gap.sample(unit(seed, GAP, key as u64 + 1, 0));
        }
    }
    sum / (customers - warm) as f64
}

pub(super) static SHARING: Form = Form::new(
    "Sakata, Noguchi and Oizumi",
    &[
        ("M/D/1-PS at 0.8: mean slowdown", 5.0),
        ("M/M/1-PS at 0.8: mean slowdown", 5.0),
        ("M/G/1-PS at 0.8, hyperexponential of cv2 4: mean slowdown", 5.0),
    ],
    || {
        let laws: [Law; 3] =
            [constant().into(), exponential().into(), Hyperexponential::new(UNIT, 4.0).expect("a law").into()];
        let of = |law: &Law, seed, length: u64| [slowdown(0.8, law, seed, 60_000 * length as usize)];
        laws.iter().map(|law| replicate([PERCENT], |seed, length| of(law, seed, length))[0]).collect()
    },
);

#[test]
fn processor_sharing_does_not_know_the_law_of_the_work() {
    SHARING.holds();
}

/// The same in a whole run: every task needs a node of its own, which pulls an image of a second from the registry.
fn pulls(rate: f64) -> Estimated {
    let found = replicate([PERCENT], |seed, length| {
        let tasks = 6_000 * length as u32;
        let launch = Launch {
            registry: 1_000_000,
            layers: vec![UNIT.0],
            images: vec![vec![0]],
            of_workload: vec![Some(0)],
            ..Launch::default()
        };
        let mut one = experiment(fleet(tasks, 1_000), Model { launch: Some(launch), ..Model::default() }, seed);
        one.scheduler = Config { placement: Choice::named("first-fit"), ..Config::default() };
        let horizon = f64::from(tasks) / rate * 1e6;
        let forever = Constant::new(Span((horizon * 4.0) as u64)).expect("a time");
        let arrivals = Poisson::new(rate).expect("a rate").into();
        let mut spec = SyntheticSpec::new(arrivals, forever.into(), vec![one_cpu()]);
        spec.tasks = Some(u64::from(tasks));
        one.workloads = vec![workload(Box::new(Synthetic::new(&spec, seed, 0).expect("it makes sense")))];
        // Those who come last have the registry to themselves.
        one.measure =
            Measure { from: Time((horizon / 6.0) as u64), to: Time((horizon * 0.95) as u64), ..Measure::default() };
        one.stop = Stop::At(Time((horizon * 2.0) as u64));
        [number(&simulate(one), "wait_s.mean")]
    });
    found[0]
}

pub(super) static PULLS: Form = Form::new(
    "Sakata, Noguchi and Oizumi",
    &[("images pulled through a registry at 0.5: mean time of a pull", 2.0)],
    || vec![pulls(0.5)],
);

#[test]
fn pulls_share_a_registry_as_processors_are_shared() {
    PULLS.holds();
}
