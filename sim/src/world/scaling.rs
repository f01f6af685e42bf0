//! Groups grow and shrink by rule, empty nodes switch themselves off, lent ones are taken away.

use windtunnel_scheduler::draw::{Kind, unit};
use windtunnel_scheduler::id::NodeId;
use windtunnel_scheduler::resources::LANES;
use windtunnel_scheduler::time::{Span, Time};

use super::World;
use super::elastic::Stage;
use crate::elastic::{Rule, Sight, Spot};
use crate::trigger::Leave;

/// How long a node is lent.
const LENT: Kind = u64::from_be_bytes(*b"spotlent");
/// Orders without a start in between that a waiting task is waited for.
const IN_VAIN_MOST: u32 = 100;
/// How long is waited for services that can spare no replica, where a rule sends nodes away.
const DEADLINE: Span = Span::from_seconds(3_600);

impl World {
    /// Lets every group with a rule grow or shrink. False if none does.
    pub(super) fn scale_groups(&mut self) -> bool {
        let now = self.now;
        let waiting = self.levels.waiting > 0;
        let Some(comings) = &mut self.comings else { return false };
        if !comings.is_ruled() {
            return false;
        }
        comings.waits_since = if waiting { comings.waits_since.or(Some(now)) } else { None };
        let groups = comings.groups.len();
        for at in 0..self.dirty.len() {
            self.refresh(self.dirty[at]);
        }
        let mut any = false;
        let mut look = None;
        for group in 0..groups {
            let (changes, next) = self.scale_group(group);
            any |= changes;
            look = [look, next].into_iter().flatten().min();
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.crew.look = [trouble.crew.look, look].into_iter().flatten().min();
        }
        any
    }

    fn scale_group(&mut self, group: usize) -> (bool, Option<Time>) {
        let now = self.now;
        let short = self.short_of(group);
        let Some(comings) = &self.comings else { return (false, None) };
        let mut look = None;
        let mut any = false;
        if let Some(idle) = comings.groups[group].idle {
            let ripe = |since: Time| since + idle;
            let due: Vec<u32> =
                comings.empty[group].iter().take_while(|(since, _)| ripe(*since) <= now).map(|&(_, at)| at).collect();
            look = comings.empty[group].iter().map(|&(since, _)| ripe(since)).find(|&at| at > now);
            // The last of the group first.
            for &at in due.iter().rev() {
                any |= self.spare(group) > 0 && self.dismiss_node(group, at, Span::ZERO, DEADLINE, true);
            }
        }
        let Some(comings) = &self.comings else { return (any, look) };
        let Some(rule) = comings.groups[group].rule else { return (any, look) };
        let unneeded = match rule {
            Rule::ClusterAutoscaler { unneeded, .. } => unneeded,
            Rule::Fenzo { .. } => Span::FOREVER,
        };
        let low: Vec<u32> =
            comings.low[group].iter().take_while(|(since, _)| *since + unneeded <= now).map(|&(_, at)| at).collect();
        let next_low = comings.low[group].iter().map(|&(since, _)| since + unneeded).find(|&at| at > now);
        let is_empty = |at: &&u32| comings.members[group][**at as usize].empty_since.is_some();
        let sight = Sight {
            now,
            idle: comings.empty[group].len() as u32 + comings.booting_of(group),
            short,
            waits_since: comings.waits_since,
            rose: comings.rose[group],
            fell: comings.fell[group],
            unneeded: low.len() as u32,
            unneeded_empty: low.iter().filter(is_empty).count() as u32,
        };
        let wish = rule.wish(&sight);
        let looks = [look, wish.look, next_low.filter(|_| unneeded != Span::FOREVER)];
        look = looks.into_iter().flatten().filter(|&at| at > now).min();
        if wish.add > 0 && self.order(group, wish.add) > 0 {
            any = true;
            self.note_rise(group);
        }
        let remove = wish.remove.min(self.spare(group));
        if remove > 0 {
            any = true;
            if let Some(comings) = &mut self.comings {
                comings.fell[group] = Some(now);
            }
            match rule {
                Rule::Fenzo { .. } => {
                    let leave = Leave { group, count: remove, grace: Span::ZERO, deadline: DEADLINE };
                    self.dismiss(leave, true);
                }
                Rule::ClusterAutoscaler { .. } => self.dismiss_unneeded(group, &low, remove),
            }
        }
        (any, look)
    }

    /// Empty ones first, the last of the group first among equals.
    fn dismiss_unneeded(&mut self, group: usize, low: &[u32], count: u32) {
        let mut order: Vec<(u32, std::cmp::Reverse<u32>)> =
            low.iter().map(|&at| (self.nodes[self.node_of(group, at) as usize].tasks, std::cmp::Reverse(at))).collect();
        order.sort_unstable();
        for (_, std::cmp::Reverse(at)) in order.into_iter().take(count as usize) {
            self.dismiss_node(group, at, Span::ZERO, DEADLINE, true);
        }
    }

    fn note_rise(&mut self, group: usize) {
        let (now, starts) = (self.now, self.starts);
        if let Some(comings) = &mut self.comings {
            comings.rose[group] = Some(now);
            let before = if comings.in_vain.1 == starts { comings.in_vain.0 } else { 0 };
            comings.in_vain = (before + 1, starts);
        }
    }

    /// True if a rule may yet order nodes for tasks that wait.
    pub(super) fn rules_keep_alive(&self) -> bool {
        let Some(comings) = &self.comings else { return false };
        let is_patient = comings.in_vain.0 < IN_VAIN_MOST || comings.in_vain.1 != self.starts;
        let able = |group: usize| comings.groups[group].rule.is_some() && comings.has_away(group);
        is_patient && (0..comings.groups.len()).any(|group| able(group) && self.short_of(group) > 0)
    }

    /// A node may have become empty or little used, or cease to be. One that holds daemons alone is empty.
    pub(super) fn refresh(&mut self, node: u32) {
        let now = self.now;
        let daemons = self.daemons_on(NodeId(node)).len();
        let Some(comings) = &mut self.comings else { return };
        let Some((group, at)) = comings.place_of(node) else { return };
        let truth = &self.nodes[node as usize];
        let is_there = comings.members[group][at as usize].stage == Stage::There && !truth.down;
        let is_empty = is_there && truth.tasks as usize == daemons;
        let below = match comings.groups[group].rule {
            Some(Rule::ClusterAutoscaler { below, .. }) => u64::from(below),
            _ => 0,
        };
        let used = (0..LANES).map(|lane| {
            (u64::from(truth.used[lane]) * 1_000).checked_div(u64::from(truth.capacity[lane])).unwrap_or(0)
        });
        let is_low = is_there && used.max().unwrap_or(0) < below;
        let member = &mut comings.members[group][at as usize];
        for (is, since, set) in [
            (is_empty, &mut member.empty_since, &mut comings.empty[group]),
            (is_low, &mut member.low_since, &mut comings.low[group]),
        ] {
            match (is, *since) {
                (true, None) => {
                    *since = Some(now);
                    set.insert((now, at));
                }
                (false, Some(begin)) => {
                    *since = None;
                    set.remove(&(begin, at));
                }
                _ => {}
            }
        }
    }

    /// A node that is lent will be taken away.
    pub(super) fn plan_interruption(&mut self, group: usize, at: u32) {
        let (now, seed) = (self.now, self.seed);
        let key = self.node_digests[self.node_of(group, at) as usize];
        let Some(comings) = &mut self.comings else { return };
        let Some(Spot { mean, warning }) = comings.groups[group].spot else { return };
        let member = &mut comings.members[group][at as usize];
        member.lives += 1;
        let life = -(mean.0 as f64) * libm::log(unit(seed, LENT, key, member.lives));
        let life = Span((life as u64).max(1));
        member.interrupted = false;
        comings.interruptions.insert((now + Span(life.0.saturating_sub(warning.0).max(1)), group, at, member.lives));
    }

    /// Takes away what is due; says when the next is.
    pub(super) fn interrupt(&mut self) -> Option<Time> {
        let now = self.now;
        loop {
            let &(when, group, at, life) = self.comings.as_ref()?.interruptions.first()?;
            if when > now {
                return Some(when);
            }
            let comings = self.comings.as_mut()?;
            comings.interruptions.pop_first();
            let warning = comings.groups[group].spot.map_or(Span::ZERO, |spot| spot.warning);
            let member = &mut comings.members[group][at as usize];
            let lives = member.lives == life && matches!(member.stage, Stage::There | Stage::Drained);
            if lives {
                member.interrupted = true;
                comings.interrupted += 1;
                self.dismiss_node(group, at, warning, Span::ZERO, true);
            }
        }
    }
}
