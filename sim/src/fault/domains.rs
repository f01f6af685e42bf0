//! The nodes of each domain of a kind.

use std::collections::BTreeMap;

use windtunnel_scheduler::digest::of_name;
use windtunnel_traces::model::Fleet;

/// The domains of one kind, in the order of their first nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains {
    /// Names; empty for the kind `node`, where every node is a domain of its own.
    names: Vec<String>,
    /// Positions in the fleet, ascending; empty for the kind `node`.
    members: Vec<Box<[u32]>>,
    /// What keys the draws of each.
    keys: Vec<u64>,
}

impl Domains {
    /// The domains of `kind`; none if no node is in one.
    #[must_use]
    pub fn of(fleet: &Fleet, kind: &str) -> Self {
        if kind == "node" {
            let keys = fleet.nodes.iter().map(|node| node.name.digest()).collect();
            return Self { names: Vec::new(), members: Vec::new(), keys };
        }
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        let mut names: Vec<String> = Vec::new();
        let mut members: Vec<Vec<u32>> = Vec::new();
        for (at, node) in fleet.nodes.iter().enumerate() {
            let Some((_, name)) = node.domains.iter().find(|(known, _)| known == kind) else { continue };
            let place = *known.entry(name).or_insert_with(|| {
                names.push(name.clone());
                members.push(Vec::new());
                names.len() - 1
            });
            members[place].push(at as u32);
        }
        let keys = names.iter().map(|name| of_name(name)).collect();
        Self { names, members: members.into_iter().map(Vec::into_boxed_slice).collect(), keys }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What keys the draws of a domain.
    #[must_use]
    pub fn key(&self, domain: u32) -> u64 {
        self.keys[domain as usize]
    }

    /// The name of a domain; None for the kind `node`.
    #[must_use]
    pub fn name(&self, domain: u32) -> Option<&str> {
        self.names.get(domain as usize).map(String::as_str)
    }

    /// The nodes of a domain, by position in the fleet.
    pub fn nodes(&self, domain: u32) -> impl Iterator<Item = u32> {
        let single = self.members.is_empty().then_some(domain);
        let listed = self.members.get(domain as usize).map_or(&[][..], |members| members);
        single.into_iter().chain(listed.iter().copied())
    }
}
