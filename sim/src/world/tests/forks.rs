//! A run that is brought to an instant once and goes on from there in several ways.

use windtunnel_traces::synthetic::Exponential;

use super::*;
use crate::fault::{Chance, Effect, FaultSource, When as Strikes};
use crate::trigger::{Action, Trigger, When};

/// A day with failures, launches that take time, services and a queue.
fn busy() -> Experiment {
    let jobs: Vec<Job> = (0..300)
        .map(|at: u64| {
            let mut group = group(1 + (at % 3) as u32, 500 + 500 * (at % 4) as u32, 60 + 37 * (at % 11));
            if at.is_multiple_of(40) {
                (group.ask.kind, group.truth.run) = (JobKind::Service, Run::Same(Span::FOREVER));
            } else if at.is_multiple_of(7) {
                group.ask.kind = JobKind::Gang;
            }
            job(at, at * 9, group)
        })
        .collect();
    let mut experiment = experiment(fleet(&[(4_000, 0); 12]), jobs);
    experiment.stop = Stop::At(seconds(4_000));
    let law = |mean_s: u64| Exponential::new(Span::from_seconds(mean_s), None).expect("a law").into();
    experiment.model.faults.sources = vec![FaultSource {
        name: "node".to_owned(),
        effect: Effect::Outage,
        when: Strikes::Chance(Chance {
            kind: "node".to_owned(),
            between: law(900),
            repair: law(120),
            crews: 0,
            repeat: None,
            burst: None,
            fresh: false,
        }),
    }];
    experiment
}

fn change(placement: &str, at: Time) -> Trigger {
    let before = busy().scheduler;
    let after = Config { placement: Choice::named(placement), ..before.clone() };
    let set = Action::Set { before: Box::new(before), after: Box::new(after), words: placement.to_owned() };
    Trigger { name: "fork".to_owned(), when: When::At(at), hold: Span::ZERO, cooldown: None, actions: vec![set] }
}

#[test]
fn a_branch_is_what_it_would_be_from_the_start() {
    let mut seen = std::collections::BTreeSet::new();
    for at in [seconds(0), seconds(1), seconds(900), Time(1_234_567_890), seconds(3_999)] {
        let mut go_on = |_| ControlFlow::Continue(());
        let mut core = Core::new(&Registries::default());
        let mut before = Tape::default();
        let paused = crate::pause(busy(), at, &mut core, &mut before, &mut go_on).expect("it runs");
        for placement in ["first-fit", "least-allocated", "best-fit"] {
            let mut whole = busy();
            whole.model.triggers = vec![change(placement, at)];
            let (expected, tape) = run(whole);
            let branch = paused.branch(busy().workloads, vec![change(placement, at)]).expect("it opens again");
            let mut scheduler = core.fork().expect("our core can be copied");
            let mut after = Tape::default();
            let outcome = branch.finish(scheduler.as_mut(), &mut after, &mut go_on).expect("it runs");
            assert_eq!(outcome.summary, expected.summary, "{placement} at {at}");
            assert_eq!(outcome.series, expected.series, "{placement} at {at}");
            assert_eq!([&before.rows[..], &after.rows[..]].concat(), tape.rows, "{placement} at {at}");
            assert_eq!([&before.events[..], &after.events[..]].concat(), tape.events, "{placement} at {at}");
            seen.insert(outcome.summary.text("fingerprint").map(str::to_owned));
        }
    }
    assert!(seen.len() > 3, "the instant and the policy matter: {}", seen.len());
}
