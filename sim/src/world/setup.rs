//! The world before the first event: nodes, parties, and what runs already.

use std::collections::BTreeMap;

use windtunnel_outcome::bound::NodeBound;
use windtunnel_outcome::conservation::Conservation;
use windtunnel_scheduler::config::{Config, Instant};
use windtunnel_scheduler::constraint::Constraint;
use windtunnel_scheduler::digest::Digest;
use windtunnel_scheduler::event::{Event, JobKind, NodeSpec};
use windtunnel_scheduler::id::{NodeId, TaskId};
use windtunnel_scheduler::paged::PagedMap;
use windtunnel_scheduler::resources::{CPU, LANES, Resources};
use windtunnel_scheduler::slab::Slab;
use windtunnel_traces::model::{Ask, Fleet, Name, Node as FleetNode};

use super::blast::Radius;
use super::daemons::Daemons;
use super::elastic::Comings;
use super::health::Trouble;
use super::holders::Holders;
use super::launching::Launching;
use super::needs::Needs;
use super::offers::Offers;
use super::overload::Overload;
use super::thinking::Thinking;
use super::truth::{Counted, Node};
use super::upgrades::Upgrades;
use super::upkeep::Bill;
use super::{Effort, Kinds, Past, Post, Wanted, World};
use crate::agenda::Agenda;
use crate::arrivals::Arrivals;
use crate::error::SimError;
use crate::experiment::{Experiment, Measure, Sampling, Start, Workload};
use crate::history::History;
use crate::measure::{Levels, Measures};
use crate::model::Model;
use crate::overtake::Overtaking;
use crate::trigger::watch::Watch;

/// Events that are handed to a party at once before the run begins: what bounds memory at a million nodes.
pub(super) const CHUNK: usize = 4096;
/// Hands events to the parties while the world is set up.
pub(crate) type Hand<'a> = &'a mut dyn FnMut(&mut World) -> Result<(), SimError>;

/// The nodes by the names that traces know them by.
pub(super) fn by_name(fleet: &Fleet) -> BTreeMap<Name, NodeId> {
    fleet.nodes.iter().enumerate().map(|(at, node)| (node.name.clone(), NodeId(at as u32))).collect()
}

impl Past {
    fn new(fleet: &Fleet, workloads: &[Workload]) -> Self {
        let recorded = workloads.iter().any(|workload| workload.start == Start::Recorded);
        Self {
            node_of_name: if recorded { by_name(fleet) } else { BTreeMap::new() },
            history: History::default(),
            is_adopting: false,
            recorded: Slab::default(),
            displaced: 0,
            nowhere: 0,
        }
    }
}

/// True if room is given away again when an estimate is over.
fn trusts_estimates(scheduler: &Config) -> bool {
    scheduler.instant == Instant::PerEvent && scheduler.backfill.name != "head-only"
}

/// What takes place on nodes, where it is asked for: launches, and what is really used.
fn on_the_nodes(model: &Model, nodes: usize, seed: u64) -> (Option<Box<Launching>>, Option<Box<Overload>>) {
    let launching = model.launch.clone().map(|launch| Box::new(Launching::new(launch, nodes, seed)));
    (launching, model.overload.clone().map(|overload| Box::new(Overload::new(overload))))
}

/// Nodes that come and go, and triggers.
fn on_the_move(model: &Model, scheduler: &Config) -> (Option<Box<Comings>>, Option<Box<Watch>>) {
    (Comings::new(model.elastic.clone()), Watch::new(model.triggers.clone(), scheduler))
}

fn measures_of(fleet: &Fleet, measure: Measure, series: Sampling) -> Measures {
    let cpu: Vec<u32> = fleet.nodes.iter().map(|node| node.capacity[CPU]).collect();
    Measures::new(measure, named_lanes(fleet), series, &cpu, bound_of(fleet), !fleet.upkeep.is_empty())
}

fn named_lanes(fleet: &Fleet) -> Vec<(usize, String)> {
    fleet.named_lanes().map(|lane| (lane, fleet.lane_name(lane).to_owned())).collect()
}

/// What is only there for some kinds of work.
fn kinds_of(workloads: &[Workload], holders: Holders) -> Kinds {
    Kinds { holders, upgrades: Upgrades::new(workloads), needs: Needs::new(workloads), ..Kinds::default() }
}

/// How many parties there are, and the books of those with holders, which come last.
fn parties_of(given: u16, scheduler: &Config, model: &Model, workloads: usize) -> Result<(u16, Holders), SimError> {
    if let Some(stray) = model.holders.iter().find(|source| source.workload >= workloads) {
        let reason = format!("the holders of `{}` are handed in by no workload", stray.framework);
        return Err(SimError::Experiment(reason));
    }
    let outer = given.max(1).max(1 + scheduler.frameworks.len() as u16);
    Ok((outer + model.holders.len() as u16, Holders::new(outer, model.holders.clone())))
}

impl World {
    /// A world in which nothing has happened, and the configuration that its parties are told.
    pub(crate) fn new(experiment: Experiment) -> Result<(Self, Config), SimError> {
        check_fleet(&experiment.fleet)?;
        let (mut world, config) = Self::of(experiment)?;
        world.is_special = world.has_special();
        Ok((world, config))
    }

    fn of(experiment: Experiment) -> Result<(Self, Config), SimError> {
        let Experiment { seed, fleet, workloads, scheduler, parties, link, measure, stop, series, routing, model } =
            experiment;
        let (parties, holders) = parties_of(parties, &scheduler, &model, workloads.len())?;
        let thinking = Thinking::new(model.decision_time, usize::from(parties));
        let radius = Radius::new(model.blast.clone(), &fleet);
        let (launching, overload) = on_the_nodes(&model, fleet.nodes.len(), seed);
        let (comings, watch) = on_the_move(&model, &scheduler);
        let trouble = Trouble::new(model, workloads.iter().map(|one| one.checkpoint).collect(), &fleet, seed);
        let (past, arrivals) = (Past::new(&fleet, &workloads), Arrivals::new(workloads, scheduler.has_terms())?);
        let world = Self {
            now: windtunnel_scheduler::Time::ZERO,
            node_digests: fleet.nodes.iter().map(|node| node.name.digest()).collect(),
            node_names: fleet.nodes.iter().map(|node| node.name.to_string()).collect(),
            nodes: fleet.nodes.iter().map(|node| Node::new(node.capacity, node.gpus)).collect(),
            jobs: Slab::default(),
            tasks: Slab::default(),
            shares: Slab::default(),
            causes: Slab::default(),
            of_task: PagedMap::new(),
            next_task: 0,
            next_job: 0,
            agenda: Agenda::default(),
            kinds: kinds_of(arrivals.workloads(), holders),
            arrivals,
            terms: scheduler.has_terms().then(|| Box::new(scheduler.clone())),
            routing,
            inboxes: (0..parties).map(|_| Vec::new()).collect(),
            post: Post { mail: Slab::default(), sent: 0, link },
            happening: Vec::new(),
            ended: Vec::new(),
            dirty: Vec::new(),
            conservation: Conservation::default(),
            measures: measures_of(&fleet, measure, series),
            levels: levels_of(&fleet),
            overtaking: Overtaking::default(),
            fingerprint: Digest::new(),
            starts: 0,
            wakes: vec![None; usize::from(parties)],
            offers: Offers::new(&scheduler.frameworks),
            kept_running: 0,
            stalled: None,
            stop,
            seed,
            wanted: Wanted::default(),
            bill: Bill::new(&fleet),
            warnings: Vec::new(),
            gang: Vec::new(),
            gang_task: TaskId::default(),
            is_special: false,
            blocks_head: scheduler.blocks_head(),
            trusts_estimates: trusts_estimates(&scheduler),
            past,
            next_generation: 0,
            effort: Effort::default(),
            counted: Counted::new(&fleet),
            thinking,
            has_begun: false,
            launching,
            overload,
            radius,
            trouble,
            comings,
            daemons: Daemons::default(),
            watch,
            pause: None,
            fleet,
        };
        Ok((world, scheduler))
    }

    /// See [`World::is_special`].
    fn has_special(&self) -> bool {
        self.terms.is_some()
            || self.launching.is_some()
            || self.overload.is_some()
            || self.trouble.is_some()
            || self.comings.is_some()
            || self.watch.is_some()
            || self.radius.is_used()
            || self.kinds.upgrades.is_used
            || self.kinds.needs.is_used()
            || !self.kinds.holders.is_empty()
    }

    /// Tells every party its configuration and the nodes, then starts what runs already.
    pub(crate) fn begin(&mut self, config: &Config, hand: Hand<'_>) -> Result<(), SimError> {
        self.begin_bill();
        if self.comings.is_some() {
            self.begin_comings();
        }
        let outer = self.kinds.holders.parties_before(self.inboxes.len());
        for (party, inbox) in self.inboxes[..outer].iter_mut().enumerate() {
            let own = party.checked_sub(1).and_then(|at| config.frameworks.get(at));
            let config = own.map_or(config, |framework| &framework.config);
            inbox.push(Event::Configured(Box::new(config.clone())));
        }
        for at in 0..self.fleet.nodes.len() {
            if self.is_away(at as u32) {
                continue;
            }
            for party in 0..outer {
                let spec = node_spec(&self.fleet.nodes[at], NodeId(at as u32));
                self.inboxes[party].push(Event::NodeAdded(Box::new(spec)));
            }
            if self.inboxes[0].len() >= CHUNK {
                hand(self)?;
            }
        }
        hand(self)?;
        for workload in 0..self.arrivals.workloads().len() {
            self.warm(workload, hand)?;
        }
        // Frameworks join when the fleet stands, so that none is offered the first nodes alone.
        for framework in &config.frameworks {
            let mut spec = framework.spec.clone();
            // Whoever says when it wants no offers has said so by now: nothing waits before the run begins.
            for role in &mut spec.roles {
                role.suppressed |= framework.config.habits.suppresses;
            }
            self.inboxes[0].push(Event::FrameworkJoined(Box::new(spec)));
        }
        hand(self)?;
        // Whoever wants holders from the beginning asks for them on a fleet that stands.
        for (inbox, inner) in self.inboxes[outer..].iter_mut().zip(&config.inner) {
            inbox.push(Event::Configured(Box::new(inner.config.clone())));
        }
        hand(self)
    }

    /// True if no node could ever hold a task of this group (or the fleet the whole gang), even if all were empty.
    pub(super) fn can_never_run(&self, ask: &Ask, count: u32) -> bool {
        let request = self.constrained(ask.request);
        let gpu = self.constrained_gpu(ask.gpu);
        let able = |at: usize| {
            let node = &self.nodes[at];
            request.fits_in(&node.capacity)
                && node.devices.len() >= usize::from(gpu.count)
                && ask.constraints.as_deref().is_none_or(|set| meets(&self.fleet.nodes[at], set))
        };
        if ask.kind != JobKind::Gang {
            return !(0..self.nodes.len()).any(able);
        }
        let room: u64 = (0..self.nodes.len())
            .filter(|&at| able(at))
            .map(|at| u64::from(request.times_in(&self.nodes[at].capacity)))
            .sum();
        room < u64::from(count)
    }
}

/// True if the node's attributes meet every constraint on it alone.
pub(super) fn meets(node: &FleetNode, constraints: &[Constraint]) -> bool {
    constraints.iter().all(|constraint| constraint.condition.is_met(node.attribute(&constraint.attribute)))
}

pub(super) fn node_spec(node: &FleetNode, id: NodeId) -> NodeSpec {
    NodeSpec {
        node: id,
        capacity: node.capacity,
        gpus: node.gpus,
        attributes: node.attributes.clone(),
        domains: node.domains.clone(),
    }
}

fn check_fleet(fleet: &Fleet) -> Result<(), SimError> {
    if fleet.nodes.is_empty() {
        return Err(SimError::Experiment("the fleet has no nodes".to_owned()));
    }
    if fleet.nodes.len() >= u32::MAX as usize {
        return Err(SimError::Experiment("the fleet has more nodes than ids: at most 4294967294".to_owned()));
    }
    let unnamed = (0..LANES)
        .find(|&lane| fleet.lanes & (1 << lane) == 0 && fleet.nodes.iter().any(|node| node.capacity[lane] > 0));
    match unnamed {
        Some(lane) => {
            Err(SimError::Experiment(format!("lane {lane} has room on a node but is not named by the fleet")))
        }
        None => Ok(()),
    }
}

/// Everything is up and empty.
fn levels_of(fleet: &Fleet) -> Levels {
    let mut levels = Levels { nodes_up: fleet.nodes.len() as u64, ..Levels::default() };
    for node in &fleet.nodes {
        levels.capacity.add(&node.capacity, 1);
    }
    levels
}

/// Distinct capacities with their counts, largest first by first appearance.
fn bound_of(fleet: &Fleet) -> NodeBound {
    let mut counts: BTreeMap<Resources, u32> = BTreeMap::new();
    for node in &fleet.nodes {
        *counts.entry(node.capacity).or_default() += 1;
    }
    NodeBound::new(&counts.into_iter().collect::<Vec<_>>())
}
