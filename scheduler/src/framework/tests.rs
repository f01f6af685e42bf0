//! The core through its one door: events go in, decisions come out.

mod causes;
mod claiming;
mod gangs;
mod holding;
mod layouts;
mod members;
mod naive;
mod nonsense;
mod offering;
mod preempting;
mod pressing;
mod reviving;
mod rules;
mod steady;
mod upgrading;
mod village;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::config::{Choice, Config, HeadOfLine, Instant, Unplaceable};
use crate::constraint::{Condition, Constraint};
use crate::core::{Core, Registries};
use crate::decision::Decision;
use crate::event::{Ending, Event, GpuRequest, GpuSet, JobKind, JobSpec, Loss, NodeSpec};
use crate::id::{JobId, NodeId, PartyId, RoleId, TaskId};
use crate::resources::{GPU, Resources, Totals};
use crate::time::{Span, Time};
use crate::veto::Veto;
use crate::{Scheduler, Step};

/// A core, a clock and the numbers that submissions get.
pub(crate) struct Stage {
    pub(crate) core: Core,
    pub(crate) now: Time,
    /// What the last step decided.
    pub(crate) decisions: Vec<Decision>,
    next: u64,
}

/// What the ledger says of every node, for comparisons before and after.
#[derive(Debug, PartialEq)]
struct Books {
    nodes: Vec<(Resources, Vec<u16>, u32)>,
    total: Totals,
}

pub(crate) fn placed_by(placement: &str) -> Config {
    Config { placement: Choice::named(placement), ..Config::default() }
}

pub(crate) fn node(id: u32, cpu: u32, memory: u32) -> NodeSpec {
    let capacity = Resources::new(cpu, memory);
    NodeSpec { node: NodeId(id), capacity, gpus: 0, ..NodeSpec::default() }
}

/// The attribute `name` must have this value.
pub(crate) fn only(name: &str, value: &str) -> Option<Arc<[Constraint]>> {
    let condition = Condition::In(vec![value.to_string()]);
    Some(vec![Constraint { attribute: name.to_string(), condition }].into())
}

impl Stage {
    pub(crate) fn new(config: Config) -> Self {
        let core = Core::new(&Registries::default());
        let mut stage = Self { core, now: Time::ZERO, decisions: vec![], next: 0 };
        stage.hear(&[Event::Configured(Box::new(config))]);
        stage
    }

    /// A stage with nodes of so many millicores and MiB.
    pub(crate) fn with(config: Config, nodes: &[(u32, u32)]) -> Self {
        let mut stage = Self::new(config);
        for (id, &(cpu, memory)) in nodes.iter().enumerate() {
            stage.add(node(id as u32, cpu, memory));
        }
        stage
    }

    pub(crate) fn hear(&mut self, events: &[Event]) -> Step {
        self.decisions.clear();
        self.core.step(PartyId::FIRST, self.now, events, &mut self.decisions).expect("our core is never gone")
    }

    pub(crate) fn add(&mut self, spec: NodeSpec) -> Step {
        self.hear(&[Event::NodeAdded(Box::new(spec))])
    }

    /// One task that asks for so much; every job gets the next free task ids.
    pub(crate) fn task(&mut self, cpu: u32, memory: u32) -> JobSpec {
        self.tasks(1, cpu, memory)
    }

    pub(crate) fn tasks(&mut self, count: u32, cpu: u32, memory: u32) -> JobSpec {
        let first = self.next;
        self.next += u64::from(count);
        JobSpec {
            job: JobId(first),
            first_task: TaskId(first),
            count,
            kind: JobKind::Batch,
            request: Resources::new(cpu, memory),
            gpu: GpuRequest::default(),
            estimate: None,
            priority: 0,
            role: RoleId(0),
            ..JobSpec::default()
        }
    }

    pub(crate) fn gang(&mut self, members: u32, cpu: u32, memory: u32) -> JobSpec {
        JobSpec { kind: JobKind::Gang, ..self.tasks(members, cpu, memory) }
    }

    pub(crate) fn submit(&mut self, spec: JobSpec) -> Step {
        self.hear(&[Event::JobSubmitted(spec)])
    }

    pub(crate) fn end(&mut self, task: u64, ending: Ending) -> Step {
        self.hear(&[Event::TaskEnded { task: TaskId(task), ending }])
    }

    pub(crate) fn finish(&mut self, task: u64) -> Step {
        self.end(task, Ending::Finished)
    }

    pub(crate) fn at(&mut self, seconds: u64) -> &mut Self {
        self.now = Time::ZERO + Span::from_seconds(seconds);
        self
    }

    /// Task, node and members of every `Place` of the last step, in order.
    pub(crate) fn places(&self) -> Vec<(u64, u32, u32)> {
        let places = self.decisions.iter().filter_map(|decision| match decision {
            Decision::Place { task, node, count, .. } => Some((task.0, node.0, *count)),
            _ => None,
        });
        places.collect()
    }

    /// The tasks that the last step placed, in order.
    fn started(&self) -> Vec<u64> {
        self.places().into_iter().map(|(task, _, _)| task).collect()
    }

    /// Where the last step put its one task.
    pub(crate) fn node(&self) -> Option<u32> {
        self.places().first().map(|&(_, node, _)| node)
    }

    fn books(&self) -> Books {
        let ledger = self.core.ledger().expect("configured");
        let nodes = (0..ledger.node_count() as u32).map(|id| ledger.node(NodeId(id)));
        let nodes = nodes.map(|node| (*node.free, node.gpus.to_vec(), node.tasks)).collect();
        Books { nodes, total: *ledger.free_total() }
    }
}

/// Everything waits behind task 0, which then ends: the order of starts when there is room for one at a time.
fn order_by(queue: &str, jobs: &[(i32, Option<u64>)]) -> Vec<u64> {
    let mut stage = Stage::with(Config { queue: Choice::named(queue), ..Config::default() }, &[(1_000, 0)]);
    let blocker = stage.task(1_000, 0);
    stage.submit(blocker);
    for &(priority, estimate) in jobs {
        let spec = JobSpec { priority, estimate: estimate.map(Span::from_seconds), ..stage.task(1_000, 0) };
        stage.submit(spec);
    }
    let mut order = vec![0];
    while let Some(&last) = order.last() {
        stage.finish(last);
        match stage.started()[..] {
            [] => break,
            [next] => order.push(next),
            ref many => panic!("{many:?} start on a node that holds one"),
        }
    }
    order.split_off(1)
}

#[test]
fn queues_keep_their_order() {
    let jobs = [(0, None), (-5, Some(30)), (7, Some(20)), (7, Some(30)), (0, Some(1)), (i32::MIN, None)];
    assert_eq!(order_by("fifo", &jobs), [1, 2, 3, 4, 5, 6]);
    assert_eq!(order_by("fcfs", &jobs), [1, 2, 3, 4, 5, 6]);
    assert_eq!(order_by("priority", &jobs), [3, 4, 1, 5, 2, 6]);
    assert_eq!(order_by("sjf", &jobs), [5, 3, 2, 4, 1, 6]);
}

#[test]
fn jobs_of_one_instant_are_tried_in_order_whatever_their_order_in_the_step() {
    let mut stage = Stage::with(Config { queue: Choice::named("priority"), ..Config::default() }, &[(3_000, 0)]);
    let jobs: Vec<Event> = [1, 9, 5, 9, 7]
        .into_iter()
        .map(|priority| Event::JobSubmitted(JobSpec { priority, ..stage.task(1_000, 0) }))
        .collect();
    stage.hear(&jobs);
    assert_eq!(stage.started(), [1, 3, 4]);
}

#[test]
fn later_jobs_pass_or_do_not_pass_one_that_does_not_fit() {
    let run = |head_of_line| {
        let mut stage = Stage::with(Config { head_of_line, ..Config::default() }, &[(4_000, 0)]);
        let mut started = vec![];
        for cpu in [3_000, 2_000, 1_000] {
            let spec = stage.task(cpu, 0);
            stage.submit(spec);
            started.push(stage.started());
        }
        stage.finish(0);
        started.push(stage.started());
        started
    };
    assert_eq!(run(HeadOfLine::Skip), [vec![0], vec![], vec![2], vec![1]]);
    assert_eq!(run(HeadOfLine::Block), [vec![0], vec![], vec![], vec![1, 2]]);
}

#[test]
fn what_blocks_the_head_is_looked_at_anew_when_a_higher_rank_comes() {
    let config = Config { head_of_line: HeadOfLine::Block, queue: Choice::named("priority"), ..Config::default() };
    let mut stage = Stage::with(config, &[(4_000, 0)]);
    for (cpu, priority) in [(3_000, 0), (2_000, 0), (1_000, 5), (500, 0)] {
        let spec = JobSpec { priority, ..stage.task(cpu, 0) };
        stage.submit(spec);
    }
    // Task 2 ranked before the blocked task 1; task 3 ranked behind it.
    assert_eq!(stage.books().total.0[0], 0);
    stage.finish(2);
    assert_eq!(stage.started(), [], "1,000 are free, and the head wants 2,000");
    stage.finish(0);
    assert_eq!(stage.started(), [1, 3]);
}

#[test]
fn an_evicted_task_waits_again_under_its_old_place_and_one_that_was_given_up_does_not() {
    let mut stage = Stage::with(Config::default(), &[(1_000, 0)]);
    for _ in 0..3 {
        let spec = stage.task(1_000, 0);
        stage.submit(spec);
    }
    assert_eq!(stage.started(), []);
    stage.end(0, Ending::Evicted);
    assert_eq!(stage.started(), [0], "it came first");
    stage.end(0, Ending::Killed);
    assert_eq!((stage.started(), stage.core.waiting()), (vec![1], 1));
}

#[test]
fn tasks_of_one_job_start_as_far_as_there_is_room() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(2_000, 0), (1_000, 0)]);
    let spec = stage.tasks(5, 1_000, 0);
    stage.submit(spec);
    assert_eq!(stage.places(), [(0, 0, 1), (1, 0, 1), (2, 1, 1)]);
    assert_eq!(stage.core.waiting(), 2);
    stage.finish(1);
    assert_eq!(stage.places(), [(3, 0, 1)]);
}

#[test]
fn a_gang_starts_as_a_whole_or_leaves_no_trace() {
    for policy in crate::placement::PLACEMENTS {
        let mut stage = Stage::with(placed_by(policy.name), &[(3_000, 64), (5_000, 64), (4_000, 64)]);
        let filler = stage.task(1_000, 8);
        stage.submit(filler);
        let before = stage.books();
        // 11 cores are free, but at most five members of two cores have one node each to be on.
        let gang = stage.gang(6, 2_000, 1);
        stage.submit(gang);
        assert_eq!((stage.places(), stage.books() == before), (vec![], true), "{}", policy.name);
        let gang = stage.gang(4, 2_000, 1);
        stage.submit(gang);
        let members: u32 = stage.places().iter().map(|place| place.2).sum();
        assert_eq!(members, 4, "{}", policy.name);
        assert!(stage.places().iter().all(|place| place.0 == 7));
        let more: Vec<bool> = stage
            .decisions
            .iter()
            .filter_map(|decision| if let Decision::Place { more, .. } = decision { Some(*more) } else { None })
            .collect();
        assert_eq!(more.iter().position(|more| !more), Some(more.len() - 1), "{}: all but the last", policy.name);
        // It ends as a whole, too.
        stage.finish(7);
        assert_eq!(stage.books(), before, "{}", policy.name);
    }
}

#[test]
fn a_gang_fills_or_spreads_as_its_policy_does() {
    let spread_by = |policy: &str| {
        let mut stage = Stage::with(placed_by(policy), &[(4_000, 0), (4_000, 0), (2_000, 0)]);
        let gang = stage.gang(5, 1_000, 0);
        stage.submit(gang);
        stage.places()
    };
    assert_eq!(spread_by("first-fit"), [(0, 0, 4), (0, 1, 1)], "one decision per node");
    assert_eq!(spread_by("best-fit"), [(0, 2, 2), (0, 0, 3)]);
    assert_eq!(spread_by("next-fit"), [(0, 0, 4), (0, 1, 1)]);
    assert_eq!(spread_by("least-allocated"), [(0, 0, 1), (0, 1, 1), (0, 0, 1), (0, 1, 1), (0, 2, 1)]);
}

#[test]
fn a_gang_with_devices_names_those_of_every_member() {
    let mut stage = Stage::new(placed_by("first-fit"));
    for id in 0..2 {
        let mut spec = NodeSpec { gpus: 4, ..node(id, 8_000, 0) };
        spec.capacity[GPU] = 4_000;
        stage.add(spec);
    }
    let mut gang = JobSpec { gpu: GpuRequest { count: 2, milli: 1_000 }, ..stage.gang(3, 1_000, 0) };
    gang.request[GPU] = 2_000;
    stage.submit(gang);
    let gpus: Vec<(u32, u64)> = stage
        .decisions
        .iter()
        .filter_map(|decision| match decision {
            Decision::Place { node, gpus: GpuSet(bits), count: 1, .. } => Some((node.0, *bits)),
            _ => None,
        })
        .collect();
    assert_eq!(gpus, [(0, 0b0011), (0, 0b1100), (1, 0b0011)]);
}

#[test]
fn what_fits_nowhere_now_is_given_up_if_so_configured() {
    let config = Config { unplaceable: Unplaceable::Reject, ..placed_by("first-fit") };
    let mut stage = Stage::with(config, &[(2_000, 0)]);
    let spec = stage.tasks(5, 1_000, 0);
    stage.submit(spec);
    let reject = Decision::Reject { task: TaskId(2), count: 3 };
    assert_eq!((stage.started(), stage.decisions.last()), (vec![0, 1], Some(&reject)));
    let gang = stage.gang(2, 500, 0);
    stage.submit(gang);
    assert_eq!(stage.decisions, [Decision::Reject { task: TaskId(5), count: 2 }], "both members of the gang");
    stage.finish(0);
    assert_eq!((stage.started(), stage.core.waiting()), (vec![], 0), "nobody comes back");
}

#[test]
fn a_replica_comes_back_under_its_old_place_in_the_order() {
    for ending in [Ending::Finished, Ending::Failed, Ending::Lost] {
        let mut stage = Stage::with(placed_by("first-fit"), &[(2_000, 0)]);
        let service = JobSpec { kind: JobKind::Service, loss: Loss::Fail, ..stage.tasks(2, 1_000, 0) };
        stage.submit(service);
        let batch = stage.tasks(2, 1_000, 0);
        stage.submit(batch);
        assert_eq!(stage.started(), []);
        stage.end(1, ending);
        assert_eq!(stage.started(), [1], "{ending:?}: before the two that were there in between");
        stage.end(1, Ending::Killed);
        assert_eq!(stage.started(), [2], "somebody asked for its end");
    }
}

#[test]
fn a_lost_task_runs_again_or_is_given_up() {
    for (loss, again) in [(Loss::Rerun, vec![0]), (Loss::Fail, vec![])] {
        let mut stage = Stage::with(placed_by("first-fit"), &[(1_000, 0), (1_000, 0)]);
        let spec = JobSpec { loss, ..stage.task(1_000, 0) };
        stage.submit(spec);
        let lost = Event::TaskEnded { task: TaskId(0), ending: Ending::Lost };
        stage.hear(&[Event::NodeLost { node: NodeId(0) }, lost]);
        assert_eq!((stage.started(), stage.node()), (again.clone(), again.first().map(|_| 1)));
        stage.end(0, Ending::Failed);
        assert_eq!(stage.started(), [], "a task that fails of its own is not tried again");
        stage.add(node(0, 1_000, 0));
        let next = stage.task(1_000, 0);
        stage.submit(next);
        assert_eq!(stage.node(), Some(0), "the node is back and empty");
    }
}

#[test]
fn a_periodic_scheduler_thinks_at_multiples_of_its_interval() {
    let mut stage = Stage::with(Config { interval: Span::from_seconds(10), ..Config::default() }, &[(2_000, 0)]);
    let first = stage.task(1_000, 0);
    assert_eq!(stage.submit(first).wake, None);
    assert_eq!(stage.started(), [0], "zero is a multiple");
    let (second, third) = (stage.task(1_000, 0), stage.task(1_000, 0));
    assert_eq!(stage.at(3).submit(second).wake, Some(Time(10_000_000)));
    assert_eq!(stage.at(4).submit(third).wake, Some(Time(10_000_000)), "still the same instant");
    assert_eq!((stage.started(), stage.at(10).hear(&[Event::Woken]).wake), (vec![], None));
    assert_eq!(stage.started(), [1]);
    assert_eq!(stage.at(14).finish(0).wake, Some(Time(20_000_000)), "there is room for what waits");
    stage.at(20).hear(&[Event::Woken]);
    assert_eq!(stage.started(), [2]);
    assert_eq!(stage.at(21).finish(1).wake, None, "nothing waits");
}

#[test]
fn an_estimate_that_runs_out_frees_room_where_every_event_is_a_pass() {
    let config = Config { instant: Instant::PerEvent, ..placed_by("first-fit") };
    let mut stage = Stage::with(config, &[(4_000, 0)]);
    let long = JobSpec { estimate: Some(Span::from_seconds(10)), ..stage.task(4_000, 0) };
    stage.submit(long);
    let next = stage.task(4_000, 0);
    stage.at(5).submit(next);
    let small = stage.task(1_000, 0);
    stage.at(9).submit(small);
    assert_eq!(stage.started(), []);
    let other = stage.task(1_000, 0);
    assert_eq!(stage.at(10).submit(other).wake, None, "nobody wakes it at a predicted end");
    assert_eq!(stage.started(), [1], "task 0 is not heard of yet, but its request has run out");
    let before = stage.books();
    stage.finish(0);
    assert_eq!((stage.started(), stage.books() == before), (vec![], true), "its room is not given back twice");
    stage.finish(1);
    assert_eq!(stage.started(), [2, 3]);
}

#[test]
fn the_estimate_of_an_earlier_attempt_says_nothing_of_a_later_one() {
    let config = Config { instant: Instant::PerEvent, ..placed_by("first-fit") };
    let mut stage = Stage::with(config, &[(1_000, 0)]);
    let estimate = Some(Span::from_seconds(10));
    let service = JobSpec { kind: JobKind::Service, estimate, ..stage.task(1_000, 0) };
    stage.submit(service);
    stage.at(4).finish(0);
    assert_eq!(stage.started(), [0], "its second attempt is believed to end at 14 s");
    let (second, third) = (stage.task(1_000, 0), stage.task(1_000, 0));
    stage.at(11).submit(second);
    assert_eq!(stage.started(), [], "the first attempt would have ended at 10 s");
    stage.at(14).submit(third);
    assert_eq!(stage.started(), [1]);
}

#[test]
fn adopted_work_holds_its_room_until_it_ends() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(2_000, 0), (2_000, 0)]);
    let before = stage.books();
    let running = stage.task(2_000, 0);
    stage.hear(&[Event::TaskAdopted { spec: running, node: NodeId(0), gpus: GpuSet::NONE }]);
    let new = stage.task(1_000, 0);
    stage.submit(new);
    assert_eq!(stage.node(), Some(1));
    // Nobody believed that there was room for this one, so nothing of it can be given back.
    let too_much = stage.task(9_000, 0);
    stage.hear(&[Event::TaskAdopted { spec: too_much, node: NodeId(0), gpus: GpuSet::NONE }]);
    for task in [0, 1, 2] {
        stage.finish(task);
    }
    assert_eq!(stage.books(), before);
}

#[test]
fn ends_of_unknown_tasks_change_nothing() {
    let mut stage = Stage::with(placed_by("best-fit"), &[(2_000, 0)]);
    let spec = stage.tasks(3, 1_000, 0);
    stage.submit(spec);
    let before = stage.books();
    for task in [2, 3, 1 << 40, u64::MAX] {
        stage.finish(task);
        assert_eq!((stage.started(), stage.books() == before), (vec![], true), "task {task} does not run");
    }
    stage.finish(0);
    assert_eq!(stage.started(), [2]);
    let after = stage.books();
    stage.finish(0);
    assert_eq!((stage.started(), stage.books() == after), (vec![], true), "it ended before");
}

#[test]
fn why_a_job_waits_is_said_if_asked_for() {
    let mut stage = Stage::with(Config { explain: true, ..Config::default() }, &[(2_000, 8), (2_000, 64)]);
    stage.hear(&[Event::NodeLost { node: NodeId(1) }]);
    let spec = JobSpec { constraints: only("zone", "a"), ..stage.task(1_000, 8) };
    stage.submit(spec);
    let [Decision::Defer { job: JobId(0), vetoes }] = stage.decisions[..] else { panic!("{:?}", stage.decisions) };
    assert_eq!((vetoes.0[Veto::Down as usize], vetoes.0[Veto::Constraint as usize]), (1, 1));
    let spec = stage.task(1_000, 9);
    stage.submit(spec);
    let [Decision::Defer { vetoes, .. }] = stage.decisions[..] else { panic!("{:?}", stage.decisions) };
    assert_eq!((vetoes.0[Veto::Memory as usize], vetoes.main()), (1, Some(Veto::Down)));
}

#[test]
fn a_configuration_that_cannot_be_followed_leaves_the_one_before_in_force() {
    let mut stage = Stage::with(placed_by("worst-fit"), &[(1_000, 0), (3_000, 0)]);
    stage.hear(&[Event::Reconfigured(Box::new(placed_by("no such policy")))]);
    for _ in 0..2 {
        let spec = stage.task(1_000, 0);
        stage.submit(spec);
    }
    assert_eq!(stage.node(), Some(1), "worst fit stays with the node in use");
    stage.hear(&[Event::Reconfigured(Box::new(placed_by("first-fit")))]);
    let spec = stage.task(1_000, 0);
    stage.submit(spec);
    assert_eq!(stage.node(), Some(0));
}

#[test]
fn a_hundred_thousand_tasks_that_fit_nowhere_cost_nothing() {
    for policy in crate::placement::PLACEMENTS {
        let mut stage = Stage::with(placed_by(policy.name), &[(4_000, 64); 50]);
        let jobs: Vec<Event> =
            (0..100_000).map(|at| Event::JobSubmitted(stage.task(5_000 + 1_000 * (at % 10), 1))).collect();
        assert_eq!(stage.hear(&jobs).work.jobs, 10, "{}: one of each shape is tried", policy.name);
        let small = stage.task(1_000, 1);
        let step = stage.submit(small);
        assert_eq!((step.work.jobs, step.work.tasks, stage.started()), (1, 1, vec![100_000]), "{}", policy.name);
        assert!(step.work.nodes <= 101, "{}: {} nodes for one task", policy.name, step.work.nodes);
        let step = stage.finish(100_000);
        assert_eq!((step.work.jobs, step.work.nodes), (0, 0), "{}: no node grew enough", policy.name);
        assert_eq!(stage.hear(&[Event::NodeLost { node: NodeId(3) }]).work.jobs, 0);
        let step = stage.add(node(3, 4_999, 64));
        assert_eq!((step.work.jobs, step.work.nodes), (0, 0), "{}: 1 millicore is missing", policy.name);
        // Room for one of 5,000 and then one of 6,000: the two shapes wake up, then the first one is tried in vain.
        let step = stage.add(node(50, 11_000, 64));
        assert_eq!(stage.places(), [(0, 50, 1), (1, 50, 1)], "{}", policy.name);
        assert!(step.work.jobs <= 9, "{}: {} jobs tried", policy.name, step.work.jobs);
        assert_eq!(stage.core.waiting(), 99_998);
    }
}

#[test]
fn a_node_that_returns_is_where_it_returns_to() {
    let placed_in =
        |kind: &str, name: &str| NodeSpec { domains: vec![(kind.into(), name.into())], ..node(0, 1_000, 0) };
    let mut stage = Stage::new(Config::default());
    stage.add(placed_in("rack", "left"));
    stage.add(node(1, 1_000, 0));
    stage.hear(&[Event::NodeLost { node: NodeId(0) }]);
    stage.add(placed_in("zone", "north"));
    let ledger = stage.core.ledger().expect("configured");
    let domains = ["rack", "zone", "row"].map(|kind| ledger.domain(kind, NodeId(0)));
    assert_eq!((domains, ledger.domain("rack", NodeId(1))), ([None, Some("north"), None], None));
}

#[test]
fn a_fork_goes_on_like_its_original_and_on_its_own() {
    let script = |at: u64| -> Vec<Event> {
        let spec = JobSpec {
            first_task: TaskId(3 * at),
            estimate: Some(Span(at % 7)),
            ..Stage::new(Config::default()).tasks(1 + at as u32 % 3, 300 * (1 + at as u32 % 5), at as u32 % 9)
        };
        let ended = Event::TaskEnded { task: TaskId((at * 7) % (3 * at + 1)), ending: Ending::Finished };
        vec![Event::JobSubmitted(spec), ended]
    };
    for policy in crate::placement::PLACEMENTS {
        let config = Config { queue: Choice::named("sjf"), ..placed_by(policy.name) };
        let mut stage = Stage::with(config, &[(4_000, 40), (2_000, 80), (8_000, 16)]);
        for at in 0..40 {
            stage.at(at).hear(&script(at));
        }
        let mut twin = stage.core.fork().expect("our core can be copied");
        let mut stranger = stage.core.fork().expect("our core can be copied");
        for at in 40..80 {
            stage.at(at).hear(&script(at));
            let (mut same, mut other) = (vec![], vec![]);
            stranger.step(PartyId::FIRST, stage.now, &script(at * 13), &mut other).expect("never gone");
            twin.step(PartyId::FIRST, stage.now, &script(at), &mut same).expect("never gone");
            assert_eq!(same, stage.decisions, "{} at {at} s", policy.name);
        }
    }
}

#[test]
fn a_party_that_is_not_there_has_nothing_to_say() {
    let mut stage = Stage::with(Config::default(), &[(1_000, 0)]);
    let spec = stage.task(1_000, 0);
    let mut decisions = vec![];
    let step = stage.core.step(PartyId(1), Time::ZERO, &[Event::JobSubmitted(spec)], &mut decisions);
    assert_eq!((step, decisions, stage.core.waiting()), (Ok(Step::default()), vec![], 0));
}
