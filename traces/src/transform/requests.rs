//! Requests out of what tasks really use, instead of what was asked.

use std::collections::BTreeMap;

use windtunnel_scheduler::resources::LANES;

use super::{Boxed, noted};
use crate::model::{Job, Labels, Note, Source, SourceError};

/// One hundred per cent.
const WHOLE: u128 = 1_000_000;

/// Which number of what the tasks of a class use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// The mean.
    Mean,
    /// By nearest rank, in thousandths; 1000 is the greatest.
    Permille(u32),
}

/// What is asked for in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizing {
    /// The lane.
    pub lane: usize,
    /// Of what the tasks of a class use in it.
    pub statistic: Statistic,
    /// And so much more, in millionths.
    pub margin: u64,
}

/// What the tasks of each class ask for: by label, then by lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(BTreeMap<u16, [Option<u32>; LANES]>);

impl Requests {
    /// Reads a stream to its end and works out what its tasks should have asked for.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub fn learn(mut source: Boxed, sizings: &[Sizing]) -> Result<Self, SourceError> {
        let mut seen: BTreeMap<(u16, usize), Vec<(u32, u32)>> = BTreeMap::new();
        while let Some(job) = source.next_job()? {
            for group in job.groups.as_slice() {
                let Some(usage) = group.truth.usage else { continue };
                for sizing in sizings {
                    seen.entry((job.class.0, sizing.lane)).or_default().push((usage[sizing.lane], group.count));
                }
            }
        }
        let mut requests = Self::default();
        for sizing in sizings {
            for (&(class, _), used) in seen.iter_mut().filter(|((_, lane), _)| *lane == sizing.lane) {
                used.sort_unstable();
                let amount = sizing.of(used);
                requests.0.entry(class).or_default()[sizing.lane] = Some(amount);
            }
        }
        Ok(requests)
    }

    /// True if nobody used anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Sizing {
    /// Of amounts with their counts, in order; rounded up.
    fn of(&self, used: &[(u32, u32)]) -> u32 {
        let count: u128 = used.iter().map(|&(_, count)| u128::from(count)).sum();
        let with_margin =
            |amount: u128, of: u128| (amount * (WHOLE + u128::from(self.margin))).div_ceil(WHOLE * of.max(1));
        let asked = match self.statistic {
            Statistic::Mean => {
                let sum = used.iter().map(|&(amount, count)| u128::from(amount) * u128::from(count)).sum();
                with_margin(sum, count)
            }
            Statistic::Permille(permille) => {
                let mut rank = (count * u128::from(permille)).div_ceil(1000).max(1);
                let found = used.iter().find(|&&(_, count)| {
                    let is_it = rank <= u128::from(count);
                    rank -= rank.min(u128::from(count));
                    is_it
                });
                with_margin(found.map_or(0, |&(amount, _)| u128::from(amount)), 1)
            }
        };
        u32::try_from(asked).unwrap_or(u32::MAX)
    }
}

/// A source whose tasks ask for what others of their class use. Those of which nobody knows keep what they asked for.
pub struct Resized {
    inner: Boxed,
    requests: Requests,
    changed: u64,
}

impl Resized {
    /// `inner` with these requests.
    #[must_use]
    pub fn new(inner: Boxed, requests: Requests) -> Self {
        Self { inner, requests, changed: 0 }
    }
}

impl Source for Resized {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        let Some(mut job) = self.inner.next_job()? else { return Ok(None) };
        if let Some(lanes) = self.requests.0.get(&job.class.0) {
            for group in job.groups.as_mut_slice() {
                for (lane, amount) in lanes.iter().enumerate() {
                    if let Some(amount) = amount {
                        group.ask.request[lane] = *amount;
                    }
                }
                self.changed += u64::from(group.count);
            }
        }
        Ok(Some(job))
    }

    fn labels(&self) -> &Labels {
        self.inner.labels()
    }

    fn notes(&self) -> Vec<Note> {
        noted(&self.inner, &[("request_from_usage", false, self.changed)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_by_hand() {
        let used = [(100, 1), (200, 98), (1_000, 1)];
        let of = |statistic, margin| Sizing { lane: 0, statistic, margin }.of(&used);
        assert_eq!(of(Statistic::Permille(990), 0), 200, "ninety-nine of a hundred use no more");
        assert_eq!(of(Statistic::Permille(990), 150_000), 230);
        assert_eq!(of(Statistic::Permille(991), 0), 1_000);
        assert_eq!(of(Statistic::Permille(10), 0), 100);
        assert_eq!(of(Statistic::Permille(1_000), 1), 1_001, "never too little");
        assert_eq!(of(Statistic::Mean, 0), 207);
        assert_eq!(of(Statistic::Mean, 500_000), 311);
    }
}
