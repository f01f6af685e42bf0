//! Machines that fall silent: when a master marks them (Apache Mesos, `SlaveObserver` and its limiter of removals).

use std::ops::ControlFlow;

use windtunnel_outcome::recorder::{Outcome, RecordError, Recorder};
use windtunnel_outcome::rows::TaskRow;
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::event::{Ending, Event, Loss, Retry};
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_sim::experiment::{Experiment, Measure, Sampling, Start, Stop, Workload};
use windtunnel_sim::fault::{Effect, FaultSource, Faults, Listed, When};
use windtunnel_sim::model::{Detection, Link, Model};
use windtunnel_traces::model::{Fleet, Name, Node};
use windtunnel_traces::synthetic::{AtOnce, Constant, Shape, Synthetic, SyntheticSpec};

const SECOND: u64 = 1_000_000;

/// Keeps when nodes were declared lost and when they came back, and when lost tasks were heard of.
#[derive(Default)]
struct News {
    lost: Vec<(u32, Time)>,
    back: Vec<(u32, Time)>,
    tasks_lost: Vec<Time>,
}

impl Recorder for News {
    fn wants_events(&self) -> bool {
        true
    }

    fn heard(&mut self, now: Time, _party: PartyId, events: &[Event]) {
        for event in events {
            match event {
                Event::NodeLost { node } => self.lost.push((node.0, now)),
                Event::NodeAdded(spec) if now > Time::ZERO => self.back.push((spec.node.0, now)),
                Event::TaskEnded { ending: Ending::Lost, .. } => self.tasks_lost.push(now),
                _ => {}
            }
        }
    }

    fn task(&mut self, _row: &TaskRow<'_>) {}

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

/// What a master hears of agents that are cut off as listed.
fn master(agents: u32, silent: Vec<Listed>, detection: Detection, end: Time) -> (News, Outcome) {
    let node = |at: u32| Node {
        name: Name::Text(format!("agent-{at}").into()),
        capacity: Resources::new(1_000, 0),
        gpus: 0,
        attributes: vec![],
        domains: vec![],
    };
    let source = FaultSource { name: "x".into(), effect: Effect::Partition, when: When::Listed(silent) };
    let faults = Faults { sources: vec![source], upkeep: vec![] };
    let model = Model { faults, detection: Some(detection), ..Model::default() };
    let fleet = Fleet { nodes: (0..agents).map(node).collect(), lanes: 1, ..Fleet::default() };
    watched(fleet, vec![], model, end)
}

/// What a master hears until `end`.
fn watched(fleet: Fleet, workloads: Vec<Workload>, model: Model, end: Time) -> (News, Outcome) {
    let experiment = Experiment {
        seed: 0,
        fleet,
        workloads,
        scheduler: Config::default(),
        parties: 1,
        link: Span::ZERO,
        measure: Measure::default(),
        stop: Stop::At(end),
        series: Sampling::Auto,
        routing: Default::default(),
        model,
    };
    let mut news = News::default();
    let mut core = Core::new(&Registries::default());
    let outcome = windtunnel_sim::run(experiment, &mut core, &mut news, &mut |_| ControlFlow::Continue(()));
    (news, outcome.expect("it is sound"))
}

fn silent(nodes: Vec<u32>, begin: Time, end: Time) -> Listed {
    Listed { nodes: nodes.into(), begin, end }
}

/// When an agent that falls silent at `at` is marked.
fn marked(at: Time) -> Time {
    let (news, _) = master(1, vec![silent(vec![0], at, Time::NEVER)], Detection::default(), Time(1_000 * SECOND));
    news.lost[0].1
}

pub(super) fn g6_an_agent_is_marked_75_to_90_seconds_after_it_dies() {
    // Its pings are 15 s apart at a phase of its own, which one death shows.
    let ping = Time(marked(Time(300 * SECOND)).0 - 75 * SECOND);
    assert_eq!(marked(Time(ping.0 + 1)), Time(ping.0 + 90 * SECOND), "just after it answered");
    assert_eq!(marked(Time(ping.0 + 15 * SECOND - 1)), Time(ping.0 + 90 * SECOND), "just before the next ping");
    assert_eq!(marked(Time(ping.0 + 15 * SECOND)), Time(ping.0 + 90 * SECOND), "at the ping itself");
}

pub(super) fn g7_of_ten_thousand_agents_the_last_is_marked_after_a_hundred_minutes() {
    let limit = Detection { removal_gap: Span(60 * SECOND / 100), ..Detection::default() };
    let all = silent((0..10_000).collect(), Time(300 * SECOND), Time::NEVER);
    let (news, _) = master(10_000, vec![all], limit, Time(10_000 * SECOND));
    assert_eq!(news.lost.len(), 10_000);
    let minutes = (news.lost[9_999].1 - news.lost[0].1).as_seconds() / 60.0;
    assert!((minutes - 100.0).abs() < 0.011, "{minutes} minutes");
}

pub(super) fn f1_a_pong_starts_the_count_anew() {
    let twice = vec![
        silent(vec![0], Time(300 * SECOND), Time(370 * SECOND)),
        silent(vec![0], Time(371 * SECOND), Time(440 * SECOND)),
    ];
    let (news, outcome) = master(1, twice, Detection::default(), Time(1_000 * SECOND));
    assert!(news.lost.is_empty(), "{:?}", news.lost);
    assert_eq!(outcome.summary.number("belief.declared_lost"), Some(0.0));
}

pub(super) fn f3_two_agents_lost_three_minutes_apart_are_marked_twenty_minutes_apart() {
    let limit = Detection { misses: 20, removal_gap: Span(1_200 * SECOND), ..Detection::default() };
    let lost = vec![silent(vec![0], Time(600 * SECOND), Time::NEVER), silent(vec![1], Time(780 * SECOND), Time::NEVER)];
    let (news, _) = master(2, lost, limit, Time(4_000 * SECOND));
    assert_eq!(news.lost[1].1 - news.lost[0].1, Span(1_200 * SECOND));
    let first = (news.lost[0].1 - Time(600 * SECOND)).as_seconds();
    assert!((300.0..=315.0).contains(&first), "{first}");
}

pub(super) fn f3_a_late_pong_cancels_a_queued_removal() {
    let limit = Detection { removal_gap: Span(1_200 * SECOND), ..Detection::default() };
    let lost = vec![
        silent(vec![0], Time(600 * SECOND), Time::NEVER),
        silent(vec![1], Time(780 * SECOND), Time(1_500 * SECOND)),
        silent(vec![2], Time(900 * SECOND), Time::NEVER),
    ];
    let (news, _) = master(3, lost, limit, Time(4_000 * SECOND));
    let order: Vec<u32> = news.lost.iter().map(|lost| lost.0).collect();
    assert_eq!(order, [0, 2], "agent 1 was back before its turn");
    assert_eq!(news.lost[1].1 - news.lost[0].1, Span(1_200 * SECOND), "and its turn went to the next");
}

pub(super) fn f4_agents_that_come_back_register_in_a_storm_with_back_off() {
    // A thousand agents are back at once and register within a second; ten a second are let in, the others try again
    // within 2, 4, .. 60 s.
    let storm = Detection {
        register: Span(SECOND),
        again: Span(2 * SECOND),
        again_most: Span(60 * SECOND),
        register_gap: Span(SECOND / 10),
        ..Detection::default()
    };
    let all = silent((0..1_000).collect(), Time(300 * SECOND), Time(600 * SECOND));
    let (news, outcome) = master(1_000, vec![all], storm, Time(4_000 * SECOND));
    assert_eq!(news.back.len(), 1_000);
    assert!(news.back.windows(2).all(|pair| pair[1].1 - pair[0].1 >= Span(SECOND / 10)));
    let last = (news.back[999].1 - Time(600 * SECOND)).as_seconds();
    assert!((100.0..400.0).contains(&last), "{last}");
    assert!(outcome.summary.number("belief.registrations_refused") > Some(1_000.0));
    // Without a limit all are there within the second.
    let all = silent((0..1_000).collect(), Time(300 * SECOND), Time(600 * SECOND));
    let (news, _) = master(1_000, vec![all], Detection { register_gap: Span::ZERO, ..storm }, Time(4_000 * SECOND));
    assert!(news.back.iter().all(|back| back.1 <= Time(601 * SECOND)) && news.back.len() == 1_000);
}

pub(super) fn f6_a_launch_is_sent_once_and_missed_when_it_is_not_confirmed() {
    // A thousand tasks on an agent of their own each, of which one launch in ten is lost. A confirmation is waited for
    // 5 min, as Marathon does; question and answer take 1 s each and are lost like the rest.
    let capacity = Resources::new(1_000, 0);
    let node = |at: u32| Node {
        name: Name::Text(format!("agent-{at}").into()),
        capacity,
        gpus: 0,
        attributes: vec![],
        domains: vec![],
    };
    let fleet = Fleet { nodes: (0..1_000).map(node).collect(), lanes: 1, ..Fleet::default() };
    let hour = Constant::new(Span(3_600 * SECOND)).expect("a law").into();
    let mut spec = SyntheticSpec::new(AtOnce.into(), hour, vec![Shape::new(capacity)]);
    spec.tasks = Some(1_000);
    let workload = Workload {
        source: Box::new(Synthetic::new(&spec, 0, 0).expect("it makes sense")),
        party: PartyId::FIRST,
        start: Start::Submit,
        loss: Loss::Rerun,
        retry: Retry::default(),
        max_unavailable: None,
        terms: Default::default(),
        checkpoint: None,
        warm: None,
        rules: Default::default(),
    };
    let link = Link { delay: Span(SECOND), loss: 0.1, confirm: Some(Span(300 * SECOND)), ..Link::default() };
    let model = Model { link, ..Model::default() };
    let (news, outcome) = watched(fleet, vec![workload], model, Time(3_000 * SECOND));
    // Lost once, 100 +- 9.5; answered at once 302 s after, unless one of the two is lost as well, then 10 s later.
    let heard = |after: u64| news.tasks_lost.iter().filter(|at| at.0 == after * SECOND).count();
    assert!((60..=120).contains(&heard(302)), "81 +- 9: {}", heard(302));
    assert!((5..=30).contains(&heard(312)), "15 +- 4: {}", heard(312));
    // Launched anew at 302 s, lost again, and asked for at 604 s.
    assert!((1..=20).contains(&heard(604)), "8 +- 3: {}", heard(604));
    assert!(news.tasks_lost.iter().all(|at| at.0 >= 302 * SECOND));
    assert_eq!(outcome.summary.number("belief.launches_lost"), Some(news.tasks_lost.len() as f64));
    assert_eq!(outcome.summary.number("tasks.running_at_end"), Some(1_000.0));
}
