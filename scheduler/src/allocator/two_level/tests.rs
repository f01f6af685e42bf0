//! The allocator against a naive one, and what must hold after every event whatever happens.

use alloc::collections::BTreeMap;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::event::{Ending, GpuSet, Launch, Offer};
use crate::id::TaskId;
use crate::resources::{CPU, MEMORY};
use crate::time::Span;

/// What happens: a kind and two numbers that choose whom it happens to.
type Happening = (u8, u16, u16);

fn row(cpu: u32, memory: u32) -> Resources {
    Resources::new(cpu, memory)
}

/// An allocator in the midst of things, with everything that was ever offered and launched.
struct Scene {
    allocator: TwoLevel,
    now: Time,
    out: Vec<Decision>,
    open: Vec<(PartyId, Offer)>,
    tasks: Vec<TaskId>,
    next: u64,
    nodes: u32,
    parties: u16,
    /// Tasks that ended and may come back.
    away: Vec<TaskId>,
}

const ROLES: [&str; 4] = ["a", "b/x", "b/y", "c"];

impl Scene {
    fn new(options: Options) -> Self {
        let allocator = TwoLevel::new(options);
        let (open, tasks, out, away) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { allocator, now: Time::ZERO, out, open, tasks, next: 0, nodes: 0, parties: 0, away }
    }

    /// One thing happens.
    fn happen(&mut self, (kind, first, second): Happening) {
        let (at, other) = (usize::from(first), usize::from(second));
        match kind % 10 {
            0 if self.nodes < 12 => {
                let capacity = row(1000 * (1 + u32::from(first) % 8), 512 * (1 + u32::from(second) % 8));
                let part = row(capacity[CPU] / 4, 0);
                let reserved = if first % 3 == 0 { vec![(ROLES[other % 4].into(), part)] } else { Vec::new() };
                let spec = AgentSpec { capacity, reserved, ..AgentSpec::default() };
                self.allocator.add_agent(NodeId(self.nodes), &spec, &mut self.out);
                self.nodes += 1;
                self.allocator.run(self.now, &mut self.out);
            }
            1 if self.parties < 7 => {
                self.parties += 1;
                let roles = vec![Membership::of(ROLES[at % 4])];
                let spec = FrameworkSpec { party: PartyId(self.parties), roles, ..FrameworkSpec::default() };
                self.allocator.add_framework(&spec);
                self.allocator.run(self.now, &mut self.out);
            }
            2 | 3 if !self.open.is_empty() => {
                let (to, offer) = self.open.swap_remove(at % self.open.len());
                self.allocator.decline(self.now, to, offer.offer, Span::from_seconds(u64::from(second) % 4));
            }
            4 | 5 if !self.open.is_empty() => {
                let (from, offer) = self.open[at % self.open.len()];
                let request = row(offer.resources[CPU] / 2, offer.resources[MEMORY] / 4);
                // A resident task that was lost comes back now and then, wherever there is room.
                let back = if second % 2 == 0 { self.away.pop() } else { None };
                let task = back.unwrap_or(TaskId(self.next));
                self.next += 1;
                let resident = back.is_some() || first % 2 == 0;
                let gpus = GpuSet::NONE;
                let launch = Launch { from, offer: offer.offer, task, request, gpus, count: 1, more: false, resident };
                self.allocator.launch(&launch, &mut self.out);
            }
            6 if !self.tasks.is_empty() => {
                let task = self.tasks.swap_remove(at % self.tasks.len());
                let ending = [Ending::Lost, Ending::Failed, Ending::Finished][other % 3];
                self.allocator.task_over(self.now, task, ending, &mut self.out);
                match ending {
                    Ending::Finished => {}
                    _ if second % 4 == 0 => self.allocator.unreserve_home(task),
                    _ => self.away.push(task),
                }
            }
            7 if self.nodes > 0 && first % 4 == 0 => {
                self.allocator.lose_agent(NodeId(u32::from(second) % self.nodes), &mut self.out);
            }
            8 if self.parties > 0 => {
                let party = PartyId(1 + second % self.parties);
                if first % 2 == 0 { self.allocator.suppress(party, None) } else { self.allocator.revive(party, None) }
            }
            _ => {
                self.now = self.now + Span::from_seconds(1);
                self.allocator.run_batch(self.now, &mut self.out);
            }
        }
    }

    /// What was decided since: offers that went out or were taken back, tasks that run.
    fn settle(&mut self) -> Vec<(PartyId, NodeId, Resources)> {
        let mut made = Vec::new();
        for decision in self.out.drain(..) {
            match decision {
                Decision::Offer { to, offer } => {
                    made.push((to, offer.node, offer.resources));
                    self.open.push((to, offer));
                }
                Decision::Rescind { offer, .. } => self.open.retain(|(_, open)| open.offer != offer),
                Decision::Place { task, .. } => self.tasks.push(task),
                _ => {}
            }
        }
        made
    }

    /// Offered, in use and free add up to the total on every agent; the sums are those of the agents.
    fn audit(&self) {
        let mut idle = Totals::default();
        let mut total = Totals::default();
        for at in 0..self.nodes {
            let node = NodeId(at);
            let Some(agent) = self.allocator.agent(node) else { continue };
            let (offered, used) = self.allocator.held_on(node);
            let free =
                agent.parts.iter().fold(agent.free, |sum, part| lanewise(&sum, &part.free(), u32::saturating_add));
            let sum = offered.checked_add(&used).and_then(|sum| sum.checked_add(&free));
            assert_eq!(sum, Some(agent.whole()), "agent {at}");
            if offered == Resources::ZERO {
                self.allocator.audit_homes(at);
            }
            idle.add(&agent.free, 1);
            total.add(&agent.whole(), 1);
        }
        assert_eq!((self.allocator.idle, *self.allocator.total()), (idle, total));
        // What the sorter of roles believes to be held is what is offered and used, alive or not.
        let held = self.allocator.of_offer.iter().map(|(_, slot)| self.allocator.offers[slot].grant.sum());
        let held = held.chain(self.allocator.holds_in_order().map(|hold| hold.grant.sum()));
        let mut by_sum = Totals::default();
        held.for_each(|what| by_sum.add(&what, 1));
        let mut by_role = Totals::default();
        for role in self.allocator.roles().iter() {
            let Some(client) = role.client else { continue };
            for lane in 0..LANES {
                by_role.0[lane] += self.allocator.role_sorter().tree().held(client).0[lane];
            }
        }
        assert_eq!(by_role, by_sum);
    }
}

fn happenings(most: usize) -> impl Strategy<Value = Vec<Happening>> {
    proptest::collection::vec((any::<u8>(), any::<u16>(), any::<u16>()), 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn offered_and_used_and_free_add_up_to_the_total(ops in happenings(150), random: bool) {
        let name = if random { "random" } else { "drf" };
        let (role_sorter, framework_sorter) = (name.into(), name.into());
        let options = Options { role_sorter, framework_sorter, offer_timeout: Some(Span(9)), ..Options::default() };
        let mut scene = Scene::new(options);
        for op in ops {
            scene.happen(op);
            scene.settle();
            scene.audit();
        }
    }

    #[test]
    fn quotas_are_never_exceeded_and_headroom_is_left(ops in happenings(150)) {
        let mut scene = Scene::new(Options::default());
        let mut quota = Quota::limit(&row(3000, 0), 1 << CPU);
        quota.guarantee = Quota::guarantee(&row(2000, 0)).guarantee;
        scene.allocator.set_quota("b", quota, true).expect("forced");
        scene.allocator.set_quota("c", Quota::guarantee(&row(1500, 700)), true).expect("forced");
        for op in ops {
            let before = scene.allocator.headroom().0;
            scene.happen(op);
            let made = scene.settle();
            scene.audit();
            let consumed = |path: &str| {
                scene.allocator.roles().find(path).map_or(0, |role| scene.allocator.roles()[role].consumed.0[CPU])
            };
            // Reservations count too, and may be more than the limit by themselves.
            let reserved: u64 = (0..scene.nodes)
                .filter_map(|at| scene.allocator.agent(NodeId(at)))
                .flat_map(|agent| &agent.parts)
                .map(|part| u64::from(part.total[CPU]))
                .sum();
            prop_assert!(consumed("b") <= 3000.max(reserved + 3000));
            if reserved == 0 {
                prop_assert!(consumed("b") <= 3000, "{} consumed", consumed("b"));
            }
            // Whoever is not promised anything is offered only what leaves room for those who are.
            let to_others = made.iter().any(|(to, _, what)| {
                let member = scene.allocator.framework(*to).map(|own| own.members[0].role);
                member.is_some_and(|role| scene.allocator.roles()[scene.allocator.roles()[role].top].path == "a")
                    && what[CPU] > 0
            });
            if to_others && reserved == 0 {
                let left = scene.allocator.idle.0[CPU];
                prop_assert!(left >= scene.allocator.headroom().0[CPU].min(before[CPU]));
            }
        }
    }

    #[test]
    fn a_run_offers_what_a_naive_one_would(ops in happenings(120)) {
        let mut scene = Scene::new(Options { shuffles: false, ..Options::default() });
        scene.allocator.set_weight("b", 2.0);
        for op in ops {
            scene.happen(op);
            scene.settle();
            let mut allocator = scene.allocator.clone();
            let (mut out, now) = (Vec::new(), scene.now + Span::from_seconds(1));
            let expected = naive_run(&allocator, now);
            allocator.run_batch(now, &mut out);
            let offers = out.iter().filter_map(|decision| match decision {
                Decision::Offer { to, offer } => Some((*to, offer.node, offer.resources)),
                _ => None,
            });
            prop_assert_eq!(offers.collect::<Vec<_>>(), expected);
        }
    }
}

/// What somebody holds: the framework, its role, how much.
type Share = (PartyId, u32, Resources);

/// The plain books that a naive run works on.
struct Naive<'a> {
    allocator: &'a TwoLevel,
    held: Vec<Share>,
    /// How often each branch of roles was allocated to, by path.
    times: BTreeMap<String, u64>,
    /// How often each framework was in this run.
    since: BTreeMap<(u32, PartyId), u64>,
}

/// What a periodic run must offer, from the plain books alone: shares are summed up anew for every agent, and every
/// role and framework is compared with every other.
fn naive_run(allocator: &TwoLevel, now: Time) -> Vec<(PartyId, NodeId, Resources)> {
    let offers = allocator.of_offer.iter().map(|(_, slot)| &allocator.offers[slot]);
    let mut held: Vec<Share> = offers.map(|one| (one.party, one.role, one.grant.sum())).collect();
    held.extend(allocator.holds_in_order().map(|one| (one.party, one.role, one.grant.sum())));
    let mut naive = Naive { allocator, held, times: BTreeMap::new(), since: BTreeMap::new() };
    for (index, role) in (0_u32..).zip(allocator.roles().iter()) {
        if let Some(client) = role.client {
            naive.count(index, allocator.role_sorter().tree().count(client));
        }
    }
    let mut offers = Vec::new();
    for (at, agent) in (0_u32..).zip(&allocator.agents).filter(|(_, agent)| agent.active) {
        let made = naive.offer(now, at, agent);
        for &(party, role, what) in &made {
            *naive.since.entry((role, party)).or_default() += 1;
            naive.count(role, 1);
            offers.push((party, NodeId(at), what));
        }
        naive.held.extend(made);
    }
    offers
}

impl Naive<'_> {
    /// A role was allocated to, and all above it.
    fn count(&mut self, role: u32, times: u64) {
        for &above in &self.allocator.roles()[role].lineage {
            *self.times.entry(self.allocator.roles()[above].path.clone()).or_default() += times;
        }
    }

    fn share(&self, which: &dyn Fn(PartyId, u32) -> bool) -> f64 {
        let mut sum = Totals::default();
        self.held.iter().filter(|one| which(one.0, one.1)).for_each(|one| sum.add(&one.2, 1));
        let of = |lane: usize| {
            let total = self.allocator.total().0[lane];
            if total == 0 { 0.0 } else { sum.0[lane] as f64 / total as f64 }
        };
        (0..LANES).map(of).fold(0.0, f64::max)
    }

    /// The roles with frameworks, compared branch by branch from the top.
    fn roles(&self) -> Vec<u32> {
        let roles = self.allocator.roles();
        let mut order: Vec<_> = Vec::new();
        for (index, role) in (0_u32..).zip(roles.iter()).filter(|(_, role)| role.frameworks.tree().active() > 0) {
            let key = role.lineage.iter().map(|&above| {
                let path = roles[above].path.as_str();
                let weight = if path == "b" { 2.0 } else { 1.0 };
                let own = self.share(&|_, role| roles[role].lineage.contains(&above)) / weight;
                (own, self.times.get(path).copied().unwrap_or(0), path)
            });
            order.push((key.collect::<Vec<_>>(), index));
        }
        order.sort_by(|a, b| a.0.partial_cmp(&b.0).expect("shares are numbers"));
        order.into_iter().map(|(_, role)| role).collect()
    }

    /// The frameworks of a role that want offers, in order.
    fn members(&self, role: u32) -> Vec<PartyId> {
        let tree = self.allocator.roles()[role].frameworks.tree();
        let mut members: Vec<(f64, u64, PartyId)> = Vec::new();
        for (at, framework) in (0_u16..).zip(&self.allocator.frameworks) {
            let Some(framework) = framework.as_ref().filter(|own| own.active) else { continue };
            let Some(member) = framework.member(role).filter(|own| !own.suppressed) else { continue };
            let party = PartyId(at);
            let count = tree.count(member.client) + self.since.get(&(role, party)).copied().unwrap_or(0);
            members.push((self.share(&|one, of| one == party && of == role), count, party));
        }
        members.sort_by(|a, b| a.partial_cmp(b).expect("shares are numbers"));
        members.into_iter().map(|(_, _, party)| party).collect()
    }

    /// Who is offered what of an agent.
    fn offer(&self, now: Time, at: u32, agent: &Agent) -> Vec<Share> {
        let mut plain = agent.free;
        let mut taken: Vec<usize> = Vec::new();
        let mut made = Vec::new();
        for role in self.roles() {
            for party in self.members(role) {
                let framework = self.allocator.framework(party).expect("just seen");
                let member = framework.member(role).expect("just seen");
                let is_ours = |part: &Part| match part.terms {
                    Terms::Reserved { role: owner, .. } => self.allocator.roles()[role].lineage.contains(&owner),
                    Terms::Home { party: owner, role: of } => (owner, of) == (party, role),
                    _ => false,
                };
                let parts: Vec<usize> = (0..agent.parts.len())
                    .filter(|part| !taken.contains(part) && is_ours(&agent.parts[*part]))
                    .collect();
                let on_terms = parts
                    .iter()
                    .fold(Resources::ZERO, |sum, &part| lanewise(&sum, &agent.parts[part].free(), u32::saturating_add));
                let sum = lanewise(&plain, &on_terms, u32::saturating_add);
                let life = (agent.life, member.revivals);
                let offered = filter::Refused { role, agent: at, life, plain, on_terms };
                let enough = sum[CPU] >= 10 || sum[MEMORY] >= 32;
                if enough && framework.filters.hit(now, &offered).is_none() {
                    made.push((party, role, sum));
                    plain = Resources::ZERO;
                    taken.extend(parts);
                }
            }
        }
        made
    }
}
