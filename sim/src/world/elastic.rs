//! Nodes that come and go: ordered, booting, there, leaving, away.
//!
//! A node that is away is one whose outage the scheduler knows of: it is down and declared lost. What makes it
//! different is that this time is none of the fleet: it is taken out of capacity and of what was down.

use std::collections::BTreeSet;

use windtunnel_scheduler::id::NodeId;
use windtunnel_scheduler::time::{Span, Time};

use super::World;
use super::demand::Demand;
use crate::elastic::Elastic;
use crate::trigger::Leave;

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    There,
    Away,
    /// Ordered: it is there from then on.
    Booting(Time),
    /// Its tasks are leaving: from the deadline on they must. Then it goes, or stays closed.
    Leaving {
        grace: Span,
        deadline: Time,
        goes: bool,
    },
    /// Empty and closed.
    Drained,
}

/// One node of a group that comes and goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub stage: Stage,
    /// Since when it is, or is not, of the fleet.
    since: Time,
    away: Span,
    /// Since when it is paid for.
    paid_since: Option<Time>,
    paid: Span,
    /// Since when it holds nothing, or is little used.
    pub empty_since: Option<Time>,
    pub low_since: Option<Time>,
    /// How often it was lent, and whether it is being taken away.
    pub lives: u64,
    pub interrupted: bool,
}

/// All groups of which nodes come and go.
#[derive(Clone, Debug)]
pub(super) struct Comings {
    pub groups: Vec<Elastic>,
    pub members: Vec<Vec<Member>>,
    /// Those that boot or leave: group and position.
    busy: BTreeSet<(usize, u32)>,
    /// By group: how many boot, which are empty or little used and since when, when nodes came and went last.
    booting: Vec<u32>,
    pub empty: Vec<BTreeSet<(Time, u32)>>,
    pub low: Vec<BTreeSet<(Time, u32)>>,
    pub rose: Vec<Option<Time>>,
    pub fell: Vec<Option<Time>>,
    leaving: u32,
    pub demand: Demand,
    /// Since when tasks wait.
    pub waits_since: Option<Time>,
    /// Orders since the last start, and how many starts there were then.
    pub in_vain: (u32, u64),
    /// When which of the nodes that are lent is taken away, and in which of its lives.
    pub interruptions: BTreeSet<(Time, usize, u32, u64)>,
    pub interrupted: u64,
    pub ordered: u64,
    pub removed: u64,
}

impl Comings {
    /// None if every node is there from the beginning to the end.
    pub(super) fn new(groups: Vec<Elastic>) -> Option<Box<Self>> {
        if groups.is_empty() {
            return None;
        }
        let member = |is_there: bool| Member {
            stage: if is_there { Stage::There } else { Stage::Away },
            since: Time::ZERO,
            away: Span::ZERO,
            paid_since: is_there.then_some(Time::ZERO),
            paid: Span::ZERO,
            empty_since: None,
            low_since: None,
            lives: 0,
            interrupted: false,
        };
        let all = |group: &Elastic| (0..group.most).map(|at| member(at < group.begin)).collect();
        let members = groups.iter().map(all).collect();
        let count = groups.len();
        let is_ruled = groups.iter().any(Elastic::is_ruled);
        Some(Box::new(Self {
            groups,
            members,
            busy: BTreeSet::new(),
            booting: vec![0; count],
            empty: vec![BTreeSet::new(); count],
            low: vec![BTreeSet::new(); count],
            rose: vec![None; count],
            fell: vec![None; count],
            leaving: 0,
            demand: Demand::new(if is_ruled { count } else { 0 }),
            waits_since: None,
            in_vain: (0, 0),
            interruptions: BTreeSet::new(),
            interrupted: 0,
            ordered: 0,
            removed: 0,
        }))
    }

    /// What a group is called.
    pub(super) fn name(&self, group: usize) -> String {
        self.groups[group].name.clone()
    }

    pub(super) fn is_booting(&self) -> bool {
        self.booting.iter().any(|&booting| booting > 0)
    }

    pub(super) fn booting_of(&self, group: usize) -> u32 {
        self.booting[group]
    }

    /// True if somebody looks after the size of a group.
    pub(super) fn is_ruled(&self) -> bool {
        self.groups.iter().any(Elastic::is_ruled)
    }

    /// True if a group can grow.
    pub(super) fn has_away(&self, group: usize) -> bool {
        self.members[group].iter().any(|member| member.stage == Stage::Away)
    }

    /// The group of a node and its position there.
    pub(super) fn place_of(&self, node: u32) -> Option<(usize, u32)> {
        let group = self.groups.iter().position(|group| (group.first..group.first + group.most).contains(&node))?;
        Some((group, node - self.groups[group].first))
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving > 0
    }

    fn find(&self, node: u32) -> Option<&Member> {
        let (group, at) = self.place_of(node)?;
        self.members[group].get(at as usize)
    }

    fn is_away(&self, node: u32) -> bool {
        self.find(node).is_some_and(|member| matches!(member.stage, Stage::Away | Stage::Booting(_)))
    }
}

impl World {
    /// Takes the nodes that are not there yet out of everything, before anybody is told of nodes.
    pub(super) fn begin_comings(&mut self) {
        for node in 0..self.nodes.len() as u32 {
            if !self.is_away(node) {
                continue;
            }
            let truth = &mut self.nodes[node as usize];
            truth.down = true;
            self.levels.capacity.sub(&truth.capacity, 1);
            self.levels.nodes_up -= 1;
            self.measures.heat.up(self.now, node, false);
            self.pay(node, false);
            if let Some(trouble) = &mut self.trouble {
                let health = &mut trouble.health[node as usize];
                (health.planned, health.declared, health.forever) = (1, true, 1);
            }
        }
        for node in 0..self.nodes.len() as u32 {
            let place = self.comings.as_ref().and_then(|comings| comings.place_of(node));
            let Some((group, at)) = place.filter(|_| !self.is_away(node)) else { continue };
            self.plan_interruption(group, at);
            self.refresh(node);
        }
        let look = self.interrupt();
        if let Some(trouble) = &mut self.trouble {
            trouble.crew.look = [trouble.crew.look, look].into_iter().flatten().min();
        }
    }

    /// True if a node is not of the fleet now.
    pub(super) fn is_away(&self, node: u32) -> bool {
        self.comings.as_ref().is_some_and(|comings| comings.is_away(node))
    }

    /// How long a node was not of the fleet.
    pub(super) fn away_of(&self, at: usize) -> Span {
        let member = self.comings.as_ref().and_then(|comings| comings.find(at as u32));
        member.map_or(Span::ZERO, |member| match member.stage {
            Stage::Away | Stage::Booting(_) => member.away + self.now.since(member.since),
            _ => member.away,
        })
    }

    /// How long a node was paid for.
    pub(super) fn paid_of(&self, at: usize) -> Span {
        let member = self.comings.as_ref().and_then(|comings| comings.find(at as u32));
        member.map_or(self.now.since(Time::ZERO), |member| {
            member.paid + member.paid_since.map_or(Span::ZERO, |since| self.now.since(since))
        })
    }

    fn pay(&mut self, node: u32, begins: bool) {
        let price = self.bill.price_of(node);
        self.levels.price = if begins { self.levels.price + price } else { self.levels.price - price };
        self.draw_again(node);
    }

    /// How many nodes of a group can go.
    pub(super) fn spare(&self, group: usize) -> u32 {
        let Some(comings) = &self.comings else { return 0 };
        let stays = |member: &&Member| matches!(member.stage, Stage::There | Stage::Booting(_));
        let there = comings.members[group].iter().filter(stays).count() as u32;
        there.saturating_sub(comings.groups[group].least)
    }

    fn member_mut(&mut self, group: usize, at: u32) -> Option<&mut Member> {
        self.comings.as_mut()?.members.get_mut(group)?.get_mut(at as usize)
    }

    pub(super) fn node_of(&self, group: usize, at: u32) -> u32 {
        self.comings.as_ref().map_or(at, |comings| comings.groups[group].first + at)
    }

    /// Orders nodes: those that are away, the first of the group first. How many there were to be had.
    pub(super) fn order(&mut self, group: usize, count: u32) -> u32 {
        let now = self.now;
        let Some(comings) = &mut self.comings else { return 0 };
        let boot = comings.groups[group].boot;
        let away = comings.members[group].iter().enumerate().filter(|(_, member)| member.stage == Stage::Away);
        let chosen: Vec<u32> = away.map(|(at, _)| at as u32).take(count as usize).collect();
        for &at in &chosen {
            let Some(comings) = &mut self.comings else { break };
            let member = &mut comings.members[group][at as usize];
            member.stage = Stage::Booting(now + boot);
            member.paid_since = Some(now);
            comings.booting[group] += 1;
            comings.ordered += 1;
            comings.busy.insert((group, at));
            self.pay(self.node_of(group, at), true);
        }
        self.look_after_comings();
        chosen.len() as u32
    }

    /// Tells nodes to leave: those with the fewest tasks, the last among equals. How many there were to be had.
    pub(super) fn dismiss(&mut self, leave: Leave, goes: bool) -> u32 {
        let room = if goes { self.spare(leave.group) } else { u32::MAX };
        let Some(comings) = &self.comings else { return 0 };
        let first = comings.groups[leave.group].first;
        let mut candidates: Vec<(u32, std::cmp::Reverse<u32>)> = comings.members[leave.group]
            .iter()
            .enumerate()
            .filter(|(_, member)| member.stage == Stage::There || goes && member.stage == Stage::Drained)
            .map(|(at, _)| (self.nodes[first as usize + at].tasks, std::cmp::Reverse(at as u32)))
            .collect();
        candidates.sort_unstable();
        let mut chosen = 0;
        for (_, std::cmp::Reverse(at)) in candidates.into_iter().take(leave.count.min(room) as usize) {
            self.send_away(leave.group, at, leave.grace, leave.deadline, goes);
            chosen += 1;
        }
        self.look_after_comings();
        chosen
    }

    /// Tells one node to leave.
    pub(super) fn dismiss_node(&mut self, group: usize, at: u32, grace: Span, deadline: Span, goes: bool) -> bool {
        self.send_away(group, at, grace, deadline, goes);
        self.look_after_comings();
        true
    }

    fn send_away(&mut self, group: usize, at: u32, grace: Span, deadline: Span, goes: bool) {
        let (now, node) = (self.now, self.node_of(group, at));
        let Some(member) = self.member_mut(group, at) else { return };
        let was_closed = member.stage == Stage::Drained;
        member.stage = Stage::Leaving { grace, deadline: now + deadline, goes };
        if let Some(comings) = &mut self.comings {
            comings.leaving += 1;
            comings.busy.insert((group, at));
        }
        if !was_closed {
            self.soften(NodeId(node), true);
        }
        self.refresh(node);
    }

    /// Those who look after the machines do so in this instant.
    fn look_after_comings(&mut self) {
        let look = self.meet_comings();
        if let Some(trouble) = &mut self.trouble {
            trouble.crew.look = [trouble.crew.look, look].into_iter().flatten().min();
        }
    }

    /// Goes on with every node that boots or leaves; says when to look again.
    pub(super) fn meet_comings(&mut self) -> Option<Time> {
        let busy: Vec<(usize, u32)> = self.comings.as_ref()?.busy.iter().copied().collect();
        let mut look = None;
        for (group, at) in busy {
            let next = self.go_on_with_member(group, at);
            look = [look, next].into_iter().flatten().min();
        }
        let next = self.interrupt();
        [look, next].into_iter().flatten().min()
    }

    fn go_on_with_member(&mut self, group: usize, at: u32) -> Option<Time> {
        let (now, node) = (self.now, self.node_of(group, at));
        match self.member_mut(group, at)?.stage {
            Stage::Booting(until) if now < until => return Some(until),
            Stage::Booting(_) => {
                self.is_done(group, at);
                self.join(group, at);
            }
            Stage::Leaving { grace, deadline, goes } => {
                let is_late = now >= deadline;
                if self.drain(node, grace, is_late, true) > 0 {
                    return Some(if is_late { now + grace.max(Span(1)) } else { deadline });
                }
                self.is_done(group, at);
                if let Some(comings) = &mut self.comings {
                    comings.leaving -= 1;
                }
                if goes {
                    self.depart(group, at);
                } else if let Some(member) = self.member_mut(group, at) {
                    member.stage = Stage::Drained;
                }
            }
            Stage::There | Stage::Away | Stage::Drained => self.is_done(group, at),
        }
        None
    }

    /// Nobody need look after a node any more.
    fn is_done(&mut self, group: usize, at: u32) {
        if let Some(comings) = &mut self.comings {
            comings.busy.remove(&(group, at));
        }
    }

    fn join(&mut self, group: usize, at: u32) {
        let (now, node) = (self.now, self.node_of(group, at));
        let Some(member) = self.member_mut(group, at) else { return };
        member.away += now.since(member.since);
        (member.since, member.stage) = (now, Stage::There);
        if let Some(comings) = &mut self.comings {
            comings.booting[group] -= 1;
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.health[node as usize].forever -= 1;
        }
        self.work_on(NodeId(node), false);
        self.measures.heat.up(now, node, true);
        self.appear(NodeId(node));
        self.plan_interruption(group, at);
        self.refresh(node);
        self.daemons.joined();
    }

    fn depart(&mut self, group: usize, at: u32) {
        let (now, node) = (self.now, self.node_of(group, at));
        let id = NodeId(node);
        let Some(member) = self.member_mut(group, at) else { return };
        (member.since, member.stage) = (now, Stage::Away);
        let paid = member.paid_since.take();
        member.paid += paid.map_or(Span::ZERO, |since| now.since(since));
        if let Some(comings) = &mut self.comings {
            comings.removed += 1;
        }
        self.take_daemons_along(id);
        self.disappear(id);
        self.work_on(id, true);
        self.soften(id, false);
        if let Some(trouble) = &mut self.trouble {
            trouble.health[node as usize].forever += 1;
        }
        self.measures.heat.up(now, node, false);
        self.pay(node, false);
        self.refresh(node);
        let again = self.comings.as_mut().is_some_and(|comings| {
            let member = &mut comings.members[group][at as usize];
            std::mem::take(&mut member.interrupted) && comings.groups[group].rule.is_none()
        });
        if again {
            // Whoever lent it is asked for another one.
            self.order(group, 1);
        }
    }

    /// Takes the time that nodes were away out of what there was and of what was down; nodes must be settled.
    pub(super) fn settle_comings(&mut self) {
        for at in 0..self.nodes.len() {
            let away = self.away_of(at);
            for lane in 0..windtunnel_scheduler::resources::LANES {
                let amount = u128::from(self.fleet.nodes[at].capacity[lane]) * u128::from(away.0);
                self.conservation.down[lane] -= amount;
                self.conservation.capacity[lane] -= amount;
            }
        }
    }
}
