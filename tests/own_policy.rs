//! A policy of one's own, from outside: one file and one registry line, and everything can name it.
//!
//! The module [`last_fit`] is that file. Inside the workspace it would be `scheduler/src/placement/last_fit.rs`, and
//! the line would stand in `PLACEMENTS`; a team's own program passes the entry to `Tool::placement` instead.

use windtunnel::Tool;
use windtunnel_scheduler::config::{Choice, Config};
use windtunnel_scheduler::event::{GpuRequest, JobKind};
use windtunnel_scheduler::{
    Decision, Event, JobId, JobSpec, NodeId, NodeSpec, PartyId, Resources, RoleId, TaskId, Time,
};

mod last_fit {
    //! Last fit: the mirror of first fit.
    //!
    //! **What it prefers.** The node with the highest id that fits.
    //! **When it is bad.** Wherever first fit is, and the small ids stay warm for nothing.
    //! **Source.** None: an example.

    use windtunnel_scheduler::index::{Candidates, Rank};
    use windtunnel_scheduler::ledger::{Node, Shape};
    use windtunnel_scheduler::placement::Placement;

    #[derive(Clone)]
    struct LastFit;

    impl Rank for LastFit {
        const STICKY: bool = true;

        fn rank(&self, _shape: &Shape, node: Node<'_>) -> i64 {
            i64::from(node.id.0)
        }
    }

    pub const ENTRY: Placement = Placement {
        name: "last-fit",
        summary: "the node with the highest id",
        options: &[],
        source: "an example",
        build: |_| Box::new(Candidates::new(LastFit)),
    };
}

/// Nodes of two cores each, then a job of tasks of one core each.
fn events(nodes: u32, tasks: u32, placement: &str) -> Vec<Event> {
    let config = Config { placement: Choice::named(placement), ..Config::default() };
    let node = |id| NodeSpec { node: NodeId(id), capacity: Resources::new(2000, 0), gpus: 0, ..NodeSpec::default() };
    let job = JobSpec {
        job: JobId(0),
        first_task: TaskId(0),
        count: tasks,
        kind: JobKind::Batch,
        request: Resources::new(1000, 0),
        gpu: GpuRequest::default(),
        estimate: None,
        priority: 0,
        role: RoleId(0),
        ..JobSpec::default()
    };
    let added = (0..nodes).map(|id| Event::NodeAdded(Box::new(node(id))));
    let first = std::iter::once(Event::Configured(Box::new(config)));
    first.chain(added).chain([Event::JobSubmitted(job)]).collect()
}

/// Where each task went, in order of decision.
fn places(tool: &Tool, placement: &str) -> Vec<u32> {
    let mut scheduler = tool.build("core").expect("the core is always there");
    let mut decisions = Vec::new();
    let events = events(3, 4, placement);
    scheduler.step(PartyId::FIRST, Time(0), &events, &mut decisions).expect("the core always answers");
    let node = |decision: &Decision| match decision {
        Decision::Place { node, .. } => Some(node.0),
        _ => None,
    };
    decisions.iter().filter_map(node).collect()
}

#[test]
fn a_policy_is_one_file_and_one_line() {
    let tool = Tool::new().placement(&last_fit::ENTRY);
    assert_eq!(places(&tool, "last-fit"), [2, 2, 1, 1]);
    assert_eq!(places(&tool, "first-fit"), [0, 0, 1, 1], "the others are still there");
    let config = Config { placement: Choice::named("last-fit"), ..Config::default() };
    assert!(tool.registries().check(&config).is_ok());
    assert!(Tool::new().registries().check(&config).is_err(), "nobody else has it");
}
