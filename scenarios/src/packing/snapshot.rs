//! What runs where at one instant, gathered while a run goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use windtunnel_outcome::recorder::{Outcome, RecordError, Recorder};
use windtunnel_outcome::rows::TaskRow;
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::{Ending, Event, GpuSet, JobKind, JobSpec, NodeSpec};
use windtunnel_scheduler::id::{NodeId, PartyId};
use windtunnel_scheduler::resources::{LANES, Totals};
use windtunnel_scheduler::time::Time;

/// The nodes that are up, and the tasks that hold room on them.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When.
    pub at: Time,
    /// The nodes, numbered anew from 0 in fleet order.
    pub nodes: Vec<Arc<NodeSpec>>,
    /// The tasks, in order of submission.
    pub held: Vec<Held>,
}

/// A task that holds room, or a gang as a whole.
#[derive(Clone, Debug)]
pub struct Held {
    /// What its job asked.
    pub spec: Arc<JobSpec>,
    /// Where it is: one spot for each node.
    pub spots: Vec<Spot>,
}

/// A part of a task on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The node, a position in [`Snapshot::nodes`].
    pub node: u32,
    /// How many members are there; 1 unless it is a gang.
    pub count: u32,
    /// On which devices.
    pub gpus: GpuSet,
}

impl Held {
    /// How many tasks it counts as.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.spots.iter().map(|spot| u64::from(spot.count)).sum()
    }
}

/// A task that holds room while the run goes on.
struct Live {
    held: Held,
    placed: Time,
    /// More nodes of the same gang follow.
    more: bool,
}

/// A job that was handed in, and how many of its tasks may still start.
struct Known {
    spec: Arc<JobSpec>,
    open: u32,
}

/// Watches a run: keeps what holds room, and what held room at the peak.
///
/// The peak is the first instant at which the most allocated lane of the nodes that are up is allocated the most.
/// Memory follows what is alive: an attempt that is over is kept only if it ran at the peak so far.
pub struct Watch {
    keep_peak: bool,
    nodes: Vec<Option<Arc<NodeSpec>>>,
    /// The nodes at the peak, if they have changed since.
    nodes_then: Option<Vec<Option<Arc<NodeSpec>>>>,
    known: BTreeMap<u64, Known>,
    live: BTreeMap<u64, Live>,
    /// Over since the peak, and running at it.
    over: Vec<(u64, Held)>,
    used: Totals,
    capacity: Totals,
    now: Time,
    peak: f64,
    peak_at: Time,
}

impl Watch {
    /// Keeps the peak.
    #[must_use]
    pub fn for_peak() -> Self {
        Self::new(true)
    }

    /// Keeps the end of the run.
    #[must_use]
    pub fn for_end() -> Self {
        Self::new(false)
    }

    fn new(keep_peak: bool) -> Self {
        Self {
            keep_peak,
            nodes: Vec::new(),
            nodes_then: None,
            known: BTreeMap::new(),
            live: BTreeMap::new(),
            over: Vec::new(),
            used: Totals::default(),
            capacity: Totals::default(),
            now: Time::ZERO,
            peak: 0.0,
            peak_at: Time::ZERO,
        }
    }

    /// The share of the most allocated lane.
    fn level(&self) -> f64 {
        let share = |lane: usize| {
            if self.capacity.0[lane] == 0 { 0.0 } else { self.used.0[lane] as f64 / self.capacity.0[lane] as f64 }
        };
        (0..LANES).map(share).fold(0.0, f64::max)
    }

    /// The instants before `now` are complete.
    fn advance(&mut self, now: Time) {
        if now == self.now {
            return;
        }
        self.look();
        self.now = now;
    }

    fn look(&mut self) {
        if self.keep_peak && self.level() > self.peak {
            self.peak = self.level();
            self.peak_at = self.now;
            self.over.clear();
            self.nodes_then = None;
        }
    }

    fn keep_nodes(&mut self) {
        if self.keep_peak && self.nodes_then.is_none() {
            self.nodes_then = Some(self.nodes.clone());
        }
    }

    fn add_node(&mut self, spec: &NodeSpec) {
        self.keep_nodes();
        let at = spec.node.index();
        if at >= self.nodes.len() {
            self.nodes.resize(at + 1, None);
        }
        if let Some(before) = self.nodes[at].replace(Arc::new(spec.clone())) {
            self.capacity.sub(&before.capacity, 1);
        }
        self.capacity.add(&spec.capacity, 1);
    }

    fn lose_node(&mut self, node: NodeId) {
        self.keep_nodes();
        if let Some(before) = self.nodes.get_mut(node.index()).and_then(Option::take) {
            self.capacity.sub(&before.capacity, 1);
        }
    }

    fn submit(&mut self, spec: &JobSpec) {
        let open = if spec.kind == JobKind::Gang { 1 } else { spec.count };
        self.known.entry(spec.first_task.0).or_insert_with(|| Known { spec: Arc::new(spec.clone()), open });
    }

    fn place(&mut self, task: u64, spot: Spot, more: bool) {
        if let Some(live) = self.live.get_mut(&task).filter(|live| live.more) {
            self.used.add(&live.held.spec.request, u64::from(spot.count));
            live.held.spots.push(spot);
            live.more = more;
            return;
        }
        let Some((_, known)) = self.known.range(..=task).next_back() else { return };
        self.used.add(&known.spec.request, u64::from(spot.count));
        let held = Held { spec: known.spec.clone(), spots: vec![spot] };
        self.live.insert(task, Live { held, placed: self.now, more });
    }

    fn end(&mut self, task: u64, ending: Ending) {
        let Some(live) = self.live.remove(&task) else { return };
        self.used.sub(&live.held.spec.request, live.held.members());
        let stays = live.held.spec.kind == JobKind::Service && ending != Ending::Killed;
        if matches!(ending, Ending::Finished | Ending::Failed | Ending::Killed) && !stays {
            self.forget(task, 1);
        }
        if self.keep_peak && live.placed <= self.peak_at {
            self.over.push((task, live.held));
        }
    }

    /// `count` tasks from `task` on will not start again.
    fn forget(&mut self, task: u64, count: u32) {
        if let Some((&first, known)) = self.known.range_mut(..=task).next_back() {
            known.open = known.open.saturating_sub(count);
            if known.open == 0 {
                self.known.remove(&first);
            }
        }
    }

    /// What was watched for.
    #[must_use]
    pub fn snapshot(mut self) -> Snapshot {
        self.look();
        let nodes = self.nodes_then.take().unwrap_or(self.nodes);
        let mut number = vec![u32::MAX; nodes.len()];
        let mut up = Vec::new();
        for (at, spec) in nodes.into_iter().enumerate() {
            if let Some(spec) = spec {
                number[at] = up.len() as u32;
                up.push(spec);
            }
        }
        let at = if self.keep_peak { self.peak_at } else { self.now };
        let alive = self.live.into_iter().filter(|(_, live)| live.placed <= at).map(|(task, live)| (task, live.held));
        let mut held: Vec<(u64, Held)> = alive.chain(self.over).collect();
        held.sort_by_key(|(task, _)| *task);
        for (_, task) in &mut held {
            task.spots.iter_mut().for_each(|spot| spot.node = number[spot.node as usize]);
            task.spots.retain(|spot| spot.node != u32::MAX);
        }
        let held = held.into_iter().map(|(_, task)| task).filter(|task| !task.spots.is_empty()).collect();
        Snapshot { at, nodes: renumbered(up), held }
    }
}

/// Nodes numbered by their position.
pub(super) fn renumbered(mut nodes: Vec<Arc<NodeSpec>>) -> Vec<Arc<NodeSpec>> {
    for (at, node) in nodes.iter_mut().enumerate() {
        let id = NodeId(at as u32);
        if node.node != id {
            *node = Arc::new(NodeSpec { node: id, ..(**node).clone() });
        }
    }
    nodes
}

impl Recorder for Watch {
    fn wants_events(&self) -> bool {
        true
    }

    fn wants_decisions(&self) -> bool {
        true
    }

    fn heard(&mut self, now: Time, party: PartyId, events: &[Event]) {
        self.advance(now);
        for event in events {
            match event {
                Event::NodeAdded(spec) if party == PartyId::FIRST => self.add_node(spec),
                Event::NodeLost { node } if party == PartyId::FIRST => self.lose_node(*node),
                Event::JobSubmitted(spec) if spec.count > 0 => self.submit(spec),
                Event::TaskAdopted { spec, node, gpus } => {
                    self.submit(spec);
                    if !self.live.contains_key(&spec.first_task.0) {
                        self.place(spec.first_task.0, Spot { node: node.0, count: 1, gpus: *gpus }, false);
                    }
                }
                Event::TaskEnded { task, ending } => self.end(task.0, *ending),
                _ => {}
            }
        }
    }

    fn note(&mut self, now: Time, _party: PartyId, decision: &Decision) {
        self.advance(now);
        match *decision {
            Decision::Place { task, node, count, gpus, more } => {
                self.place(task.0, Spot { node: node.0, count, gpus }, more);
            }
            Decision::Reject { task, count } => self.forget(task.0, count),
            _ => {}
        }
    }

    fn task(&mut self, _row: &TaskRow<'_>) {}

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}
