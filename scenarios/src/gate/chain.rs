//! A chain of digests over the decisions of a run: where two chains of the same length end alike, all decisions before
//! are alike.

use std::fmt;
use std::str::FromStr;

use windtunnel_outcome::recorder::RecordError;
use windtunnel_outcome::rows::TaskRow;
use windtunnel_outcome::{Outcome, Recorder};
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::digest::Digest;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::time::Time;

use crate::compare::follow::noted;

/// A recorder that keeps nothing but the chain.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    digest: Digest,
    links: Vec<(u64, u64)>,
}

/// The chain up to some decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// How many decisions.
    pub count: u64,
    /// When the last of them was made, in microseconds.
    pub at_us: u64,
    /// The digest over all of them.
    pub digest: u64,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:016x}", self.count, self.at_us, self.digest)
    }
}

impl FromStr for Link {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ');
        let mut next = || words.next().ok_or(());
        let link = Self {
            count: next()?.parse().map_err(|_| ())?,
            at_us: next()?.parse().map_err(|_| ())?,
            digest: u64::from_str_radix(next()?, 16).map_err(|_| ())?,
        };
        Ok(link)
    }
}

impl Chain {
    /// How many decisions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// True if nothing was decided.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// When the last decision was made, in microseconds.
    #[must_use]
    pub fn end_us(&self) -> u64 {
        self.links.last().map_or(0, |link| link.0)
    }

    /// The chain over the first `count` decisions; None if there are fewer.
    #[must_use]
    pub fn at(&self, count: u64) -> Option<Link> {
        let last = usize::try_from(count.checked_sub(1)?).ok()?;
        self.links.get(last).map(|&(at_us, digest)| Link { count, at_us, digest })
    }

    /// At most `most` links, evenly apart, the last decision among them.
    #[must_use]
    pub fn links(&self, most: usize) -> Vec<Link> {
        let apart = self.links.len().div_ceil(most.max(1)).max(1) as u64;
        let count = self.links.len() as u64;
        let counts = (1..).map(|step| step * apart).take_while(|&at| at < count).chain((count > 0).then_some(count));
        counts.filter_map(|at| self.at(at)).collect()
    }
}

impl Recorder for Chain {
    fn wants_decisions(&self) -> bool {
        true
    }

    fn note(&mut self, now: Time, party: PartyId, decision: &Decision) {
        let Some(noted) = noted(now, party, decision) else { return };
        self.digest.text(noted.name);
        let node = noted.node.map_or(u64::MAX, |node| u64::from(node.0));
        for word in [now.0, u64::from(party.0), noted.task.0, node, noted.rest[0], noted.rest[1]] {
            self.digest.word(word);
        }
        self.links.push((now.0, self.digest.value() as u64));
    }

    fn task(&mut self, _row: &TaskRow<'_>) {}

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_scheduler::event::GpuSet;
    use windtunnel_scheduler::id::{NodeId, TaskId};

    fn chain(nodes: &[u32]) -> Chain {
        let mut chain = Chain::default();
        for (at, &node) in nodes.iter().enumerate() {
            let place = Decision::Place {
                task: TaskId(at as u64),
                node: NodeId(node),
                count: 1,
                gpus: GpuSet::NONE,
                more: false,
            };
            chain.note(Time(at as u64 * 10), PartyId::FIRST, &place);
        }
        chain
    }

    #[test]
    fn chains_agree_up_to_the_first_difference() {
        let (one, other) = (chain(&[1, 2, 3, 4, 5]), chain(&[1, 2, 9, 4, 5]));
        for count in 1..=5 {
            assert_eq!(one.at(count) == other.at(count), count < 3, "{count}");
        }
        assert_eq!((one.at(0), one.at(6), one.end_us()), (None, None, 40));
        let counts: Vec<u64> = one.links(3).iter().map(|link| link.count).collect();
        assert_eq!(counts, [2, 4, 5]);
        assert_eq!(one.at(3).map(|link| link.to_string().parse()), one.at(3).map(Ok));
    }
}
