//! Packs a workload from scratch with a fresh scheduler: no time passes, nothing ends.

use std::sync::Arc;

use windtunnel_scheduler::config::{Architecture, Choice, Config, HeadOfLine, Instant, Unplaceable};
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::{Event, JobKind, JobSpec, NodeSpec};
use windtunnel_scheduler::id::{JobId, NodeId, PartyId, TaskId};
use windtunnel_scheduler::partition::{Limits, Partition};
use windtunnel_scheduler::resources::{LANES, Resources, Totals};
use windtunnel_scheduler::time::{Span, Time};

use super::snapshot::Snapshot;
use crate::failure::Failure;
use crate::tool::Tool;

/// Shares of the largest node are taken in this many parts.
const PARTS: u128 = 1 << 32;

/// In which order tasks are handed to the scheduler, whose queue may put them into another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Order {
    /// As submitted.
    #[default]
    AsGiven,
    /// The largest first, by the sum over resources of shares of the largest node.
    Decreasing,
}

/// Tasks of one job that are alike.
#[derive(Clone, Debug)]
pub struct Piece {
    /// What they ask; `count` is how many there are. Ids are given when the workload is complete.
    pub spec: JobSpec,
}

impl Piece {
    /// A gang is placed as a whole or not at all.
    #[must_use]
    pub fn is_gang(&self) -> bool {
        self.spec.kind == JobKind::Gang
    }
}

/// The pieces of a snapshot, in order of submission.
#[must_use]
pub fn pieces_of(snapshot: &Snapshot) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut last: Option<Arc<JobSpec>> = None;
    for held in &snapshot.held {
        let members = held.members() as u32;
        let alike = last.as_ref().is_some_and(|spec| Arc::ptr_eq(spec, &held.spec)) && held.spec.kind != JobKind::Gang;
        match pieces.last_mut() {
            Some(piece) if alike => piece.spec.count += members,
            _ => pieces.push(Piece { spec: JobSpec { count: members, ..(*held.spec).clone() } }),
        }
        last = Some(held.spec.clone());
    }
    pieces
}

/// A workload that is ready to be handed in.
pub struct Workload {
    /// A submission for each piece.
    pub events: Vec<Event>,
    /// Tasks, members of gangs one by one.
    pub tasks: u64,
    /// What they ask in all.
    pub demand: Totals,
}

impl Workload {
    /// Numbers pieces in the order given, or by size.
    #[must_use]
    pub fn new(pieces: &[Piece], order: Order, largest: &Resources) -> Self {
        let mut sorted: Vec<&Piece> = pieces.iter().collect();
        if order == Order::Decreasing {
            // The sort is stable: equals stay in the order given.
            sorted.sort_by_key(|piece| std::cmp::Reverse(size(&piece.spec.request, largest)));
        }
        let (mut events, mut tasks, mut demand) = (Vec::with_capacity(sorted.len()), 0_u64, Totals::default());
        for piece in sorted {
            let spec = &piece.spec;
            if spec.count == 0 {
                continue;
            }
            events.push(Event::JobSubmitted(JobSpec { first_task: TaskId(tasks), ..spec.clone() }));
            tasks += u64::from(spec.count);
            demand.add(&spec.request, u64::from(spec.count));
        }
        Self { events, tasks, demand }
    }

    /// What all tasks but `may_wait` ask at least, in each lane: the largest may be those that wait.
    #[must_use]
    pub fn least_demand(&self, may_wait: u64) -> Totals {
        let mut least = self.demand;
        for lane in (0..LANES).filter(|_| may_wait > 0) {
            let mut sizes: Vec<(u32, u32)> = self.specs().map(|spec| (spec.request[lane], spec.count)).collect();
            sizes.sort_unstable_by(|one, other| other.cmp(one));
            let mut left = may_wait;
            for (size, count) in sizes {
                let gone = left.min(u64::from(count));
                least.0[lane] -= u64::from(size) * gone;
                left -= gone;
            }
        }
        least
    }

    /// What is handed in, in order.
    pub fn specs(&self) -> impl Iterator<Item = &JobSpec> {
        self.events.iter().filter_map(|event| if let Event::JobSubmitted(spec) = event { Some(spec) } else { None })
    }
}

/// The sum over lanes of what a request is of the largest node.
fn size(request: &Resources, largest: &Resources) -> u128 {
    let share = |lane: usize| (u128::from(request[lane]) * PARTS).checked_div(u128::from(largest[lane])).unwrap_or(0);
    (0..LANES).map(share).sum()
}

/// The largest capacity in each lane.
#[must_use]
pub fn largest_of(nodes: &[Arc<NodeSpec>]) -> Resources {
    let mut largest = Resources::ZERO;
    for node in nodes {
        for lane in 0..LANES {
            largest[lane] = largest[lane].max(node.capacity[lane]);
        }
    }
    largest
}

/// Hard conditions become soft for jobs of more than half as many tasks as there are nodes (Verma et al., EuroSys
/// 2015, section 5.1): spread over few nodes they could never be met.
pub fn soften(pieces: &mut [Piece], nodes: usize) {
    let mut sizes = std::collections::BTreeMap::<JobId, u64>::new();
    pieces.iter().for_each(|piece| *sizes.entry(piece.spec.job).or_default() += u64::from(piece.spec.count));
    for piece in pieces {
        if sizes[&piece.spec.job] * 2 > nodes as u64 {
            piece.spec.constraints = None;
            piece.spec.layout = None;
        }
    }
}

/// The same nodes without limits.
fn unlimited(partition: &Partition) -> Partition {
    Partition { qos: None, limits: Limits::default(), ..partition.clone() }
}

/// What came of packing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Tasks that found no room.
    pub pending: u64,
    /// Nodes that hold something.
    pub nodes: u64,
}

/// Makes schedulers like the scenario's and lets them pack.
pub struct Packer<'a> {
    tool: &'a Tool,
    implementation: &'a str,
    config: Config,
}

impl<'a> Packer<'a> {
    /// For a scenario. Its queue order and placement decide; what has to do with time is put aside: everybody waits
    /// (`unplaceable`), who does not fit holds up nobody (`head_of_line`, `backfill`), one party is told all,
    /// nobody is pushed out, and what jobs may take at once (limits of partitions and qualities of service,
    /// reservations) does not count.
    #[must_use]
    pub fn new(tool: &'a Tool, implementation: &'a str, config: &Config) -> Self {
        let config = Config {
            architecture: Architecture::Monolithic,
            head_of_line: HeadOfLine::Skip,
            backfill: Choice::named("none"),
            unplaceable: Unplaceable::Wait,
            instant: Instant::Batched,
            interval: Span::ZERO,
            explain: false,
            partitions: config.partitions.iter().map(unlimited).collect(),
            preemption: Choice::named("none"),
            allocator: None,
            frameworks: Vec::new(),
            inner: Vec::new(),
            qos: Vec::new(),
            reservations: Vec::new(),
            ..config.clone()
        };
        Self { tool, implementation, config }
    }

    /// The configuration of its schedulers.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Hands in `steps` one after the other on nodes that are numbered anew in the order given; `placed` is told what
    /// was decided after each.
    ///
    /// # Errors
    /// If the scheduler is gone, which ours never is.
    pub fn pack<'n, 'e>(
        &self,
        nodes: impl Iterator<Item = &'n Arc<NodeSpec>>,
        mut steps: impl Iterator<Item = &'e [Event]>,
        placed: &mut dyn FnMut(&[Decision]),
    ) -> Result<(), Failure> {
        let mut scheduler = self.tool.build(self.implementation)?;
        let mut events = vec![Event::Configured(Box::new(self.config.clone()))];
        events.extend(
            nodes
                .enumerate()
                .map(|(at, node)| Event::NodeAdded(Box::new(NodeSpec { node: NodeId(at as u32), ..(**node).clone() }))),
        );
        let mut decisions = Vec::new();
        let mut step = |events: &[Event]| {
            decisions.clear();
            let step = scheduler.step(PartyId::FIRST, Time::ZERO, events, &mut decisions);
            step.map_err(|gone| Failure::new(format!("the scheduler is gone: {}", gone.0)))?;
            placed(&decisions);
            Ok(())
        };
        step(&events)?;
        steps.try_for_each(step)
    }

    /// Packs a workload in one go and counts.
    ///
    /// # Errors
    /// As [`Packer::pack`].
    pub fn count<'n>(
        &self,
        nodes: impl Iterator<Item = &'n Arc<NodeSpec>>,
        workload: &Workload,
    ) -> Result<Packed, Failure> {
        let mut packed = Packed { pending: workload.tasks, nodes: 0 };
        let mut in_use: Vec<bool> = Vec::new();
        self.pack(nodes, std::iter::once(&*workload.events), &mut |decisions| {
            for decision in decisions {
                if let Decision::Place { node, count, .. } = *decision {
                    packed.pending = packed.pending.saturating_sub(u64::from(count));
                    if node.index() >= in_use.len() {
                        in_use.resize(node.index() + 1, false);
                    }
                    packed.nodes += u64::from(!std::mem::replace(&mut in_use[node.index()], true));
                }
            }
        })?;
        Ok(packed)
    }
}
