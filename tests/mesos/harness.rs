// A small cluster around the allocator: agents and frameworks come, time passes, offers are looked at.

use windtunnel_scheduler::Decision;
use windtunnel_scheduler::Scheduler;
use windtunnel_scheduler::allocator::sorter::{Client, Drf, Random, Sorter};
use windtunnel_scheduler::allocator::two_level::{
    AgentSpec, Capabilities, FrameworkSpec, Membership, Options, Quota, QuotaError, TwoLevel, Window,
    agent::thousandths,
    filter::{REFUSE_DEFAULT, REFUSE_MOST, refusal},
    offer::InvalidOffers,
    options::{AGENT_FALLBACK, EXECUTOR_OVERHEAD, least_dcos},
    reconcile::{Pace, Reconciliation, Standing, Status, explicit, implicit},
    removal::{Removals, taken_for_lost},
    reservation::ReservationError,
};
use windtunnel_scheduler::config::{Architecture, Config, Habits};
use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::event::{Ending, Event, GpuSet, Launch, Offer};
use windtunnel_scheduler::service::{Act, Backoff, KillSelection, Plan, Strategy, Upgrade, Watch, choose};
use windtunnel_scheduler::id::{NodeId, OfferId, PartyId, TaskId};
use windtunnel_scheduler::layout::{Law, Layout, Rule};
use windtunnel_scheduler::resources::{CPU, DISK, GPU, MEMORY, Resources, Totals};
use windtunnel_scheduler::time::{Span, Time};

/// The lane that stands for ports in these tests.
const PORTS: usize = 4;
/// No filter.
const NO_FILTER: Span = Span::ZERO;

struct Cluster {
    allocator: TwoLevel,
    now: Time,
    out: Vec<Decision>,
    nodes: u32,
    parties: u16,
    tasks: u64,
}

/// Cpus and MiB of memory.
fn row(cpus: f64, memory: u32) -> Resources {
    Resources::new(thousandths(cpus) as u32, memory)
}

fn with_disk(cpus: f64, memory: u32, disk: u32) -> Resources {
    let mut row = row(cpus, memory);
    row[DISK] = disk;
    row
}

fn seconds(seconds: u64) -> Span {
    Span::from_seconds(seconds)
}

fn whole(capacity: Resources) -> AgentSpec {
    AgentSpec { capacity, gpus: (capacity[GPU] / 1000) as u8, ..AgentSpec::default() }
}

fn reserved(role: &str, what: Resources, unreserved: Resources) -> AgentSpec {
    let capacity = what.checked_add(&unreserved).expect("no lane overflows");
    AgentSpec { reserved: vec![(role.to_owned(), what)], ..whole(capacity) }
}

impl Default for Cluster {
    fn default() -> Self {
        Self::with(Options::default())
    }
}

impl Cluster {
    fn with(options: Options) -> Self {
        let allocator = TwoLevel::new(options);
        Self { allocator, now: Time::ZERO, out: Vec::new(), nodes: 0, parties: 0, tasks: 0 }
    }

    /// A framework joins; the run that follows is made.
    fn join(&mut self, role: &str) -> PartyId {
        self.join_as(vec![Membership::of(role)], Capabilities::default())
    }

    fn join_as(&mut self, roles: Vec<Membership>, capabilities: Capabilities) -> PartyId {
        self.parties += 1;
        let party = PartyId(self.parties);
        self.allocator.add_framework(&FrameworkSpec { party, roles, capabilities });
        self.allocator.run(self.now, &mut self.out);
        party
    }

    /// An agent joins; the run that follows is made.
    fn agent(&mut self, capacity: Resources) -> NodeId {
        self.agent_as(&whole(capacity))
    }

    fn agent_as(&mut self, spec: &AgentSpec) -> NodeId {
        let node = NodeId(self.nodes);
        self.nodes += 1;
        self.allocator.add_agent(node, spec, &mut self.out);
        self.allocator.run(self.now, &mut self.out);
        node
    }

    /// One interval later the periodic run is made.
    fn tick(&mut self) {
        self.now = self.now + seconds(1);
        self.batch();
    }

    fn batch(&mut self) {
        self.allocator.run_batch(self.now, &mut self.out);
    }

    /// Offers since this was last asked, in the order in which they were made.
    fn offers(&mut self) -> Vec<(PartyId, Offer)> {
        let offered = |decision: Decision| match decision {
            Decision::Offer { to, offer } => Some((to, offer)),
            _ => None,
        };
        self.out.drain(..).filter_map(offered).collect()
    }

    /// The same as (framework, agent, resources), sorted: for runs over several agents, whose order is drawn.
    fn offered(&mut self) -> Vec<(PartyId, NodeId, Resources)> {
        let mut offers: Vec<_> =
            self.offers().into_iter().map(|(to, offer)| (to, offer.node, offer.resources)).collect();
        offers.sort_unstable();
        offers
    }

    /// The only offer since this was last asked.
    fn only(&mut self) -> (PartyId, Offer) {
        let offers = self.offers();
        assert_eq!(offers.len(), 1, "{offers:?}");
        offers[0]
    }

    fn decline(&mut self, (to, offer): (PartyId, Offer), refuse: Span) {
        self.allocator.decline(self.now, to, offer.offer, refuse);
    }

    /// Launches one task on an offer; the rest of the offer stays open.
    fn launch(&mut self, (from, offer): (PartyId, Offer), request: Resources) -> TaskId {
        let task = TaskId(self.tasks);
        self.tasks += 1;
        self.allocator.launch(&launch(from, offer.offer, task, request), &mut self.out);
        task
    }

    fn rescinded(&mut self) -> Vec<(PartyId, OfferId)> {
        let rescinded = |decision: Decision| match decision {
            Decision::Rescind { to, offer } => Some((to, offer)),
            _ => None,
        };
        self.out.drain(..).filter_map(rescinded).collect()
    }

    fn share(&self, role: &str) -> f64 {
        let role = self.allocator.roles().find(role).expect("the role was named");
        let client = self.allocator.roles()[role].client.expect("a framework is in it");
        self.allocator.role_sorter().tree().share(client)
    }
}

fn launch(from: PartyId, offer: OfferId, task: TaskId, request: Resources) -> Launch {
    Launch { from, offer, task, request, gpus: GpuSet::NONE, count: 1, more: false, resident: false }
}

/// The number of the framework that an only offer went to, and what it was.
fn went(to: &(PartyId, Offer)) -> (PartyId, Resources) {
    (to.0, to.1.resources)
}
