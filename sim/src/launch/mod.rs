//! What passes between "place" and "running": a turn at the agent, the pull of what is missing of an image over shared
//! bandwidth, unpacking, starting, and the grace until the task is healthy.
//!
//! Each node pulls one image at a time; layers that are there are not pulled again. Pulls of all nodes share the
//! registry evenly. Nothing here knows tasks: a launch is a slot of the world on a node.

mod cache;
mod sharing;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use windtunnel_scheduler::draw::{Kind, unit};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::synthetic::Law;

use cache::Cache;
pub use cache::Layer;
pub use sharing::Sharing;

/// How long a container takes to start.
const START: Kind = u64::from_be_bytes(*b"launchst");
/// Whether it does.
const FAILS: Kind = u64::from_be_bytes(*b"launchfl");
/// The largest number below 1.
const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

/// How tasks are launched.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// From creating a container to its running, once its image is there; none: no time.
    pub start: Option<Law>,
    /// How many launches a node works on at once; 0: any number.
    pub slots: u32,
    /// Bytes a second that all pulls together get; 0: any number.
    pub registry: u64,
    /// Bytes a second that one node gets at most; 0: any number.
    pub downlink: u64,
    /// Bytes a second of unpacking; 0: no time.
    pub unpack: u64,
    /// Bytes of layers that a node keeps; 0: any number.
    pub cache: u64,
    /// From running to healthy.
    pub health: Span,
    /// How likely a container does not start.
    pub fails: f64,
    /// Bytes of each layer.
    pub layers: Vec<u64>,
    /// The layers of each image, as positions in `layers`.
    pub images: Vec<Vec<Layer>>,
    /// Whether every node has every image when the run begins.
    pub warm: bool,
    /// The image of each workload's tasks.
    pub of_workload: Vec<Option<u32>>,
}

/// A launch on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    /// The slot of the task.
    pub slot: u32,
    /// Where.
    pub node: u32,
}

/// Where a launch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for its turn at the agent.
    Queued,
    /// It waits until the node has pulled what others need.
    Waiting,
    /// Its image is being pulled: so many bytes.
    Pulling(u64),
    /// Unpacking, starting, getting healthy.
    Starting,
}

#[derive(Clone, Debug)]
struct Going {
    stage: Stage,
    image: Option<u32>,
    /// What keys its draws: the task and its attempt.
    key: (u64, u64),
    began: Time,
    /// Tells apart what was planned for an earlier launch of the same slot.
    serial: u64,
}

/// One node's agent.
#[derive(Clone, Debug, Default)]
struct Agent {
    queue: VecDeque<Ticket>,
    busy: u32,
    pulls: VecDeque<Ticket>,
    cache: Cache,
}

/// A launch that is over: where, and whether it failed.
pub(crate) type Launched = (Ticket, bool);

/// Sums over all launches.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub launches: u64,
    pub failed: u64,
    pub cold: u64,
    pub pulled_bytes: u128,
    pub evicted_layers: u64,
    /// Microseconds waited for a turn at the agent, for the node's other pulls, and pulled.
    pub queued_us: u128,
    pub pulling_us: u128,
}

/// All launches that are going on.
#[derive(Clone)]
pub(crate) struct Launcher {
    launch: Launch,
    seed: u64,
    agents: Vec<Agent>,
    going: BTreeMap<Ticket, Going>,
    sharing: Sharing<Ticket>,
    /// Containers that start later: when, which, whether they fail, and the serial of the launch.
    starting: BinaryHeap<Reverse<(Time, Ticket, bool, u64)>>,
    serial: u64,
    pub sums: Sums,
}

impl Launcher {
    pub(crate) fn new(launch: Launch, nodes: usize, seed: u64) -> Self {
        let mut agents = vec![Agent::default(); nodes];
        if launch.warm {
            for agent in &mut agents {
                for image in &launch.images {
                    agent.cache.put(image, &launch.layers, launch.cache, Time::ZERO);
                }
            }
        }
        let sharing = Sharing::new(launch.registry, launch.downlink);
        let starting = BinaryHeap::new();
        Self { launch, seed, agents, going: BTreeMap::new(), sharing, starting, serial: 0, sums: Sums::default() }
    }

    /// When the next pull or start is over, if one is going on.
    pub(crate) fn earliest(&self) -> Option<Time> {
        let starting = self.starting.peek().map(|next| next.0.0);
        [self.sharing.earliest(), starting].into_iter().flatten().min()
    }

    /// A task arrives at its node.
    pub(crate) fn begin(&mut self, ticket: Ticket, workload: u16, key: (u64, u64), now: Time) {
        let image = self.launch.of_workload.get(usize::from(workload)).copied().flatten();
        self.sums.launches += 1;
        self.serial += 1;
        self.going.insert(ticket, Going { stage: Stage::Queued, image, key, began: now, serial: self.serial });
        self.agents[ticket.node as usize].queue.push_back(ticket);
        self.admit(ticket.node, now);
    }

    /// Lets launches in as there are turns.
    fn admit(&mut self, node: u32, now: Time) {
        loop {
            let agent = &mut self.agents[node as usize];
            if self.launch.slots > 0 && agent.busy >= self.launch.slots {
                return;
            }
            let Some(ticket) = agent.queue.pop_front() else { return };
            agent.busy += 1;
            if let Some(going) = self.going.get_mut(&ticket) {
                self.sums.queued_us += u128::from(now.since(going.began).0);
                going.stage = Stage::Waiting;
            }
            self.agents[node as usize].pulls.push_back(ticket);
            if self.agents[node as usize].pulls.len() == 1 {
                self.pull(node, now);
            }
        }
    }

    /// The first in the node's line of pulls begins, and those behind it that need none.
    fn pull(&mut self, node: u32, now: Time) {
        while let Some(&ticket) = self.agents[node as usize].pulls.front() {
            let Some(going) = self.going.get_mut(&ticket) else {
                self.agents[node as usize].pulls.pop_front();
                continue;
            };
            let agent = &mut self.agents[node as usize];
            let missing = going
                .image
                .map_or(0, |image| agent.cache.missing(&self.launch.images[image as usize], &self.launch.layers));
            going.began = now;
            if missing > 0 && (self.launch.registry > 0 || self.launch.downlink > 0) {
                going.stage = Stage::Pulling(missing);
                self.sums.cold += 1;
                self.sharing.add(ticket, missing, now);
                return;
            }
            self.sums.cold += u64::from(missing > 0);
            self.agents[node as usize].pulls.pop_front();
            self.start(ticket, missing, now);
        }
    }

    /// Everything is there: unpack, start, get healthy.
    fn start(&mut self, ticket: Ticket, pulled: u64, now: Time) {
        let Some(going) = self.going.get_mut(&ticket) else { return };
        going.stage = Stage::Starting;
        let (task, attempt) = going.key;
        if let Some(image) = going.image {
            let cache = &mut self.agents[ticket.node as usize].cache;
            let layers = &self.launch.images[image as usize];
            self.sums.evicted_layers += cache.put(layers, &self.launch.layers, self.launch.cache, now);
            cache.hold(layers);
        }
        self.sums.pulled_bytes += u128::from(pulled);
        let mut at = now;
        if self.launch.unpack > 0 {
            let us = (u128::from(pulled) * 1_000_000).div_ceil(u128::from(self.launch.unpack));
            at = at + Span(u64::try_from(us).unwrap_or(u64::MAX));
        }
        if let Some(law) = &self.launch.start {
            at = at + law.sample(unit(self.seed, START, task, attempt).min(BELOW_ONE));
        }
        let fails = self.launch.fails > 0.0 && unit(self.seed, FAILS, task, attempt) < self.launch.fails;
        if !fails {
            at = at + self.launch.health;
        }
        self.starting.push(Reverse((at, ticket, fails, going.serial)));
    }

    /// Pulls and starts that are over now; launches that came to their end are appended.
    pub(crate) fn advance(&mut self, now: Time, launched: &mut Vec<Launched>) {
        self.advance_pulls(now);
        while let Some(&Reverse((at, ticket, fails, serial))) = self.starting.peek() {
            if at > now {
                return;
            }
            self.starting.pop();
            if self.going.get(&ticket).is_some_and(|going| going.serial == serial) {
                self.done(ticket, fails, now);
                launched.push((ticket, fails));
            }
        }
    }

    fn advance_pulls(&mut self, now: Time) {
        while let Some(ticket) = self.sharing.pop(now) {
            let Some(going) = self.going.get(&ticket) else { continue };
            let Stage::Pulling(bytes) = going.stage else { continue };
            self.sums.pulling_us += u128::from(now.since(going.began).0);
            self.agents[ticket.node as usize].pulls.pop_front();
            self.start(ticket, bytes, now);
            self.pull(ticket.node, now);
        }
    }

    /// A container runs, or failed to: the agent has a turn for the next.
    fn done(&mut self, ticket: Ticket, fails: bool, now: Time) {
        let Some(going) = self.going.remove(&ticket) else { return };
        self.sums.failed += u64::from(fails);
        if fails && let Some(image) = going.image {
            self.agents[ticket.node as usize].cache.release(&self.launch.images[image as usize]);
        }
        self.agents[ticket.node as usize].busy -= 1;
        self.admit(ticket.node, now);
    }

    /// A task leaves a node: its launch is broken off if it is going on, else its layers are no longer in use.
    pub(crate) fn leave(&mut self, ticket: Ticket, workload: u16, now: Time) {
        let image = self.launch.of_workload.get(usize::from(workload)).copied().flatten();
        let in_use = match self.going.remove(&ticket).map(|going| going.stage) {
            None => true,
            Some(Stage::Queued) => {
                self.agents[ticket.node as usize].queue.retain(|other| *other != ticket);
                false
            }
            Some(Stage::Waiting) => {
                let agent = &mut self.agents[ticket.node as usize];
                agent.pulls.retain(|other| *other != ticket);
                agent.busy -= 1;
                self.admit(ticket.node, now);
                false
            }
            Some(Stage::Pulling(_)) => {
                self.sharing.remove(ticket, now);
                let agent = &mut self.agents[ticket.node as usize];
                agent.pulls.pop_front();
                agent.busy -= 1;
                self.pull(ticket.node, now);
                self.admit(ticket.node, now);
                false
            }
            Some(Stage::Starting) => {
                self.agents[ticket.node as usize].busy -= 1;
                self.admit(ticket.node, now);
                true
            }
        };
        if let (true, Some(image)) = (in_use, image) {
            self.agents[ticket.node as usize].cache.release(&self.launch.images[image as usize]);
        }
    }
}

#[cfg(test)]
mod tests;
