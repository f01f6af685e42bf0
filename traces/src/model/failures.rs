//! When machines were away, before anything runs on them.

use std::collections::BTreeMap;

use windtunnel_scheduler::time::Time;

use super::Note;
use super::name::Name;

/// A record of failures, read whole. Time 0 is the midnight before the first outage unless the file counts from a
/// start of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failures {
    /// One after the other as recorded, or merged: see [`Failures::merge`].
    pub outages: Vec<Outage>,
    /// Outages that are known by the share of machines alone.
    pub shares: Vec<ShareOutage>,
    /// Rows by system, in the order of the systems' names; one nameless system where the file knows none.
    pub systems: Vec<SystemCount>,
    /// What was skipped or changed, by reason.
    pub notes: Vec<Note>,
}

/// One machine was away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The system it belongs to; an empty text where there is only one.
    pub system: Name,
    /// The machine, unique within its system.
    pub node: Name,
    /// From when on.
    pub begin: Time,
    /// Until when; [`Time::NEVER`] if nobody saw it return.
    pub end: Time,
    /// What ran went on, nothing new could begin.
    pub soft: bool,
}

/// A share of all machines was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareOutage {
    /// From when on.
    pub begin: Time,
    /// Until when.
    pub end: Time,
    /// So many millionths of the machines.
    pub millionths: u32,
}

/// What became of the rows of one system: `records = kept + merged + skipped`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemCount {
    /// As the file names it.
    pub system: Name,
    /// Rows.
    pub records: u64,
    /// Outages that stand alone.
    pub kept: u64,
    /// Rows that overlapped an outage of the same machine and became part of it.
    pub merged: u64,
    /// Rows that were left out: no time passed, or they were malformed.
    pub skipped: u64,
    /// Machines with at least one outage.
    pub nodes: u64,
}

impl Failures {
    /// Makes one outage of those of one machine that overlap or touch, and counts by system.
    pub fn merge(&mut self) {
        let mut of_node: BTreeMap<(Name, Name, bool), Vec<Outage>> = BTreeMap::new();
        for outage in self.outages.drain(..) {
            of_node.entry((outage.system.clone(), outage.node.clone(), outage.soft)).or_default().push(outage);
        }
        for ((system, ..), mut outages) in of_node {
            outages.sort_by_key(|outage| (outage.begin, outage.end));
            let before = outages.len() as u64;
            let mut merged: Vec<Outage> = Vec::with_capacity(outages.len());
            for outage in outages {
                match merged.last_mut() {
                    Some(last) if outage.begin <= last.end => last.end = last.end.max(outage.end),
                    _ => merged.push(outage),
                }
            }
            if let Some(count) = self.systems.iter_mut().find(|count| count.system == system) {
                count.merged += before - merged.len() as u64;
                count.kept -= before - merged.len() as u64;
                count.nodes += 1;
            }
            self.outages.append(&mut merged);
        }
        self.outages.sort_by(|a, b| (a.begin, &a.system, &a.node).cmp(&(b.begin, &b.system, &b.node)));
    }

    /// Keeps the outages of one system, and moves them so that time 0 is the midnight before its first.
    pub fn keep_system(&mut self, system: &Name) {
        const DAY_US: u64 = 86_400_000_000;
        self.outages.retain(|outage| outage.system == *system);
        self.systems.retain(|count| count.system == *system);
        let first = self.outages.iter().map(|outage| outage.begin).min().unwrap_or(Time::ZERO);
        let shift = first.0 / DAY_US * DAY_US;
        for outage in &mut self.outages {
            outage.begin.0 -= shift;
            if outage.end != Time::NEVER {
                outage.end.0 -= shift;
            }
        }
    }

    /// The machines with outages, by system and name: numbers in their order, then texts.
    #[must_use]
    pub fn nodes(&self) -> Vec<(Name, Name)> {
        let mut nodes: Vec<_> =
            self.outages.iter().map(|outage| (outage.system.clone(), outage.node.clone())).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage(node: u64, begin: u64, end: u64) -> Outage {
        let (system, node) = (Name::new(""), Name::Number(node));
        Outage { system, node, begin: Time(begin), end: Time(end), soft: false }
    }

    #[test]
    fn overlapping_outages_of_one_machine_are_one_and_are_counted() {
        let outages = vec![outage(2, 5, 9), outage(1, 10, 20), outage(1, 15, 18), outage(1, 20, 25), outage(1, 30, 31)];
        let count = SystemCount { system: Name::new(""), records: 5, kept: 5, merged: 0, skipped: 0, nodes: 0 };
        let mut failures = Failures { outages, systems: vec![count], ..Failures::default() };
        failures.merge();
        assert_eq!(failures.outages, [outage(2, 5, 9), outage(1, 10, 25), outage(1, 30, 31)]);
        let SystemCount { records, kept, merged, skipped, nodes, .. } = failures.systems[0];
        assert_eq!((records, kept, merged, skipped, nodes), (5, 3, 2, 0, 2));
    }
}
