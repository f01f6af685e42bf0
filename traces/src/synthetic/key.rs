//! Who draws, and what for. Every purpose has a kind of its own, so that no two purposes ever share a stream.

use windtunnel_scheduler::draw::{self, Kind};

use crate::model::Name;

/// Gaps between arrivals.
pub(crate) const GAP: Kind = u64::from_be_bytes(*b"work.gap");
/// Whether a burst goes on.
pub(crate) const BURST: Kind = u64::from_be_bytes(*b"workmore");
/// Which shape a job has.
pub(crate) const SHAPE: Kind = u64::from_be_bytes(*b"workform");
/// Whether a job of a shape carries the shape's constraints.
pub(crate) const CONSTRAINED: Kind = u64::from_be_bytes(*b"workcond");
/// How many tasks a job has.
pub(crate) const SIZE: Kind = u64::from_be_bytes(*b"worksize");
/// How long a task runs.
pub(crate) const RUN: Kind = u64::from_be_bytes(*b"work.run");
/// What kind of work a job is.
pub(crate) const KIND: Kind = u64::from_be_bytes(*b"workkind");
/// How important a job is.
pub(crate) const PRIORITY: Kind = u64::from_be_bytes(*b"workprio");
/// Whose a job is.
pub(crate) const ROLE: Kind = u64::from_be_bytes(*b"workrole");
/// Who handed a job in.
pub(crate) const USER: Kind = u64::from_be_bytes(*b"workuser");
/// What a job is reported under.
pub(crate) const CLASS: Kind = u64::from_be_bytes(*b"workclas");
/// What is believed about run times.
pub(crate) const ESTIMATE: Kind = u64::from_be_bytes(*b"work.est");
/// Whether a job fails.
pub(crate) const FAILS: Kind = u64::from_be_bytes(*b"workfail");
/// How many shapes of a family look.
pub(crate) const FAMILY: Kind = u64::from_be_bytes(*b"workfaml");
/// The shape of a background task.
pub(crate) const WARM_SHAPE: Kind = u64::from_be_bytes(*b"warmform");
/// What is left of the life of a background task.
pub(crate) const WARM_RUN: Kind = u64::from_be_bytes(*b"warm.run");
/// What kind of work a background task is.
pub(crate) const WARM_KIND: Kind = u64::from_be_bytes(*b"warmkind");
/// Whether a background task carries its shape's constraints.
pub(crate) const WARM_CONSTRAINED: Kind = u64::from_be_bytes(*b"warmcond");
/// What is believed about a background task.
pub(crate) const WARM_ESTIMATE: Kind = u64::from_be_bytes(*b"warm.est");
/// Whether a background task fails.
pub(crate) const WARM_FAILS: Kind = u64::from_be_bytes(*b"warmfail");
/// Whether a job of a trace is kept or cloned.
pub(crate) const LOAD: Kind = u64::from_be_bytes(*b"tracload");
/// How long a task of a trace runs instead.
pub(crate) const LIFETIME: Kind = u64::from_be_bytes(*b"traclife");
/// Which job or stretch of a trace comes next when it is drawn again.
pub(crate) const RESAMPLE: Kind = u64::from_be_bytes(*b"tracsamp");
/// What is believed about a job of a trace instead.
pub(crate) const BELIEF: Kind = u64::from_be_bytes(*b"trac.est");

/// The largest number below 1.
const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

/// One entity that draws: a job of a workload, under the seed of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    seed: u64,
    entity: u64,
}

impl Key {
    /// How many jobs of one workload have keys of their own.
    pub const MOST_JOBS: u64 = 1 << 40;

    /// The key of job number `job` of workload number `workload` (by position in the scenario).
    #[must_use]
    #[inline]
    pub const fn new(seed: u64, workload: u32, job: u64) -> Self {
        Self { seed, entity: ((workload as u64) << 40) | (job & (Self::MOST_JOBS - 1)) }
    }

    /// The key of the job after this one.
    #[must_use]
    #[inline]
    pub const fn following(self) -> Self {
        Self { seed: self.seed, entity: self.entity.wrapping_add(1) }
    }

    /// The key of a job by its name: the same wherever the job stands in its trace.
    #[must_use]
    pub(crate) fn named(seed: u64, workload: u32, name: &Name) -> Self {
        Self { seed, entity: name.digest() ^ draw::mix(u64::from(workload)) }
    }

    /// The key of anything else that has a number.
    #[must_use]
    pub(crate) const fn of(seed: u64, entity: u64) -> Self {
        Self { seed, entity }
    }

    /// 64 uniform bits.
    #[must_use]
    #[inline]
    pub const fn bits(self, kind: Kind, index: u64) -> u64 {
        draw::bits(self.seed, kind, self.entity, index)
    }

    /// A uniform number in the open interval (0, 1).
    #[must_use]
    #[inline]
    pub fn unit(self, kind: Kind, index: u64) -> f64 {
        // Rounding to 53 bits can yield 1 itself, for which a law without a bound has no finite value.
        draw::unit(self.seed, kind, self.entity, index).min(BELOW_ONE)
    }
}
