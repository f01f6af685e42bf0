//! Partitions, qualities of service and advance reservations, as operators of batch systems (Slurm, PBS, LSF) set them
//! up, and what a job says about them.
//!
//! They are part of the first configuration of a party; a later configuration does not change them.

use alloc::borrow::Cow;
use alloc::sync::Arc;

use crate::config::Config;
use crate::constraint::Constraint;
use crate::event::{JobSpec, NodeSpec};
use crate::hint::rarely;
use crate::queue::Waiter;
use crate::resources::{CPU, Resources};
use crate::time::{Span, Time};

/// On what terms a job was handed in; positions in the lists of the configuration. What is out of range is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Terms {
    /// Who handed it in, by number.
    pub user: u16,
    /// The nodes it may use and the limits it is under; all nodes if none.
    pub partition: Option<u16>,
    /// Further limits, and a priority.
    pub qos: Option<u16>,
    /// The advance reservation that it runs in.
    pub reservation: Option<u16>,
}

/// What jobs of a partition or of a quality of service may take. Only what is some is limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// Millicores that a job asks for at least.
    pub job_cpu_least_milli: Option<u64>,
    /// Millicores that a job asks for at most.
    pub job_cpu_milli: Option<u64>,
    /// The longest run time that a job may ask for. A job that names none is taken to ask for it.
    pub time: Option<Span>,
    /// What all of its running jobs hold.
    pub all: Cap,
    /// What the running jobs of one account (the role of a job) hold.
    pub account: Cap,
    /// What the running jobs of one user hold.
    pub user: Cap,
}

/// How much running jobs may hold at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Cap {
    /// Millicores.
    pub cpu_milli: Option<u64>,
    /// Jobs; every task that starts on its own counts as one.
    pub jobs: Option<u64>,
}

impl Limits {
    /// True if a job of so many millicores that asks for so long may be handed in at all.
    #[must_use]
    pub fn admit(&self, cpu_milli: u64, estimate: Option<Span>) -> bool {
        let caps = [self.job_cpu_milli, self.all.cpu_milli, self.account.cpu_milli, self.user.cpu_milli];
        caps.iter().flatten().all(|&most| cpu_milli <= most)
            && self.job_cpu_least_milli.is_none_or(|least| cpu_milli >= least)
            && self.time.zip(estimate).is_none_or(|(most, asked)| asked <= most)
            && [self.all, self.account, self.user].iter().all(|cap| cap.jobs != Some(0))
    }
}

/// A named set of nodes with rules of its own. Sets may overlap.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Partition {
    /// Its nodes: those that meet all of these; all nodes if none.
    pub nodes: Option<Arc<[Constraint]>>,
    /// Jobs of a higher tier are tried before all jobs of a lower one (Slurm: PriorityTier).
    pub tier: i32,
    /// From 0 to 1: what it adds to the priority of its jobs, times a weight (Slurm: PriorityJobFactor).
    pub factor: f64,
    /// The quality of service whose limits hold for all of its jobs, beside their own.
    pub qos: Option<u16>,
    /// What a job asks for that names no run time (Slurm: DefaultTime).
    pub default_time: Option<Span>,
    /// What its jobs may take.
    pub limits: Limits,
}

/// A quality of service.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Qos {
    /// From 0 to 1: what it adds to the priority of its jobs, times a weight.
    pub factor: f64,
    /// What its jobs may take.
    pub limits: Limits,
}

/// Room that is kept for named jobs from one instant to another, once or again and again.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reservation {
    /// The nodes it is on, whole; all nodes if none.
    pub nodes: Option<Arc<[Constraint]>>,
    /// So much of each such node instead of all of it.
    pub amount: Option<Resources>,
    /// When it begins.
    pub start: Time,
    /// How long it is kept.
    pub length: Span,
    /// How long after each beginning the next one is.
    pub every: Span,
    /// How often it comes; at least 1.
    pub times: u32,
}

impl Reservation {
    /// From when until when it is kept, each time.
    pub fn stretches(&self) -> impl Iterator<Item = (Time, Time)> {
        let (start, every, length) = (self.start, self.every, self.length);
        (0..u64::from(self.times)).map(move |turn| {
            let from = start + Span(every.0.saturating_mul(turn));
            (from, from + length)
        })
    }

    /// True if a job that asks for so long could run in it if it began now or later.
    #[must_use]
    pub fn could_hold(&self, now: Time, estimate: Option<Span>) -> bool {
        let last = self.stretches().last();
        estimate.is_some_and(|asked| asked <= self.length && last.is_some_and(|(_, end)| now + asked <= end))
    }

    /// What it keeps of a node.
    #[must_use]
    pub fn part_of(&self, capacity: &Resources) -> Resources {
        let Some(amount) = self.amount else { return *capacity };
        let mut part = *capacity;
        for (lane, kept) in part.0.iter_mut().enumerate() {
            // What is not named is kept in the same share as the processors.
            let asked = if amount.0[lane] > 0 { amount.0[lane] } else { share(*kept, amount[CPU], capacity[CPU]) };
            *kept = asked.min(*kept);
        }
        part
    }
}

/// `amount` times `part` over `whole`.
fn share(amount: u32, part: u32, whole: u32) -> u32 {
    let scaled = u64::from(amount) * u64::from(part.min(whole)) / u64::from(whole.max(1));
    u32::try_from(scaled).unwrap_or(amount)
}

/// True if a node meets all conditions on its attributes.
#[must_use]
pub fn includes(nodes: Option<&Arc<[Constraint]>>, node: &NodeSpec) -> bool {
    nodes.is_none_or(|conditions| {
        conditions.iter().all(|constraint| {
            let value = node.attributes.iter().find(|(name, _)| *name == constraint.attribute);
            constraint.condition.is_met(value.map(|(_, value)| value.as_str()))
        })
    })
}

impl Config {
    /// The same on the terms of another configuration, if there is one: they are settled once and for all.
    #[must_use]
    pub fn on_terms_of(&self, other: Option<&Self>) -> Self {
        let Some(Self { partitions, qos, reservations, .. }) = other.cloned() else { return self.clone() };
        Self { partitions, qos, reservations, ..self.clone() }
    }

    /// A job as its terms make it: on the nodes of its partition, and with a run time that it asks for.
    #[must_use]
    pub fn settled<'a>(&self, spec: &'a JobSpec) -> Cow<'a, JobSpec> {
        if !rarely(self.has_terms()) {
            return Cow::Borrowed(spec);
        }
        let estimate = self.estimate(&spec.terms, spec.estimate);
        let nodes = self.partition(&spec.terms).and_then(|partition| partition.nodes.clone());
        let constraints = match (nodes, &spec.constraints) {
            (Some(nodes), Some(own)) => Some(nodes.iter().chain(own.iter()).cloned().collect()),
            (Some(one), None) => Some(one),
            (None, own) => own.clone(),
        };
        Cow::Owned(JobSpec { estimate, constraints, ..spec.clone() })
    }

    /// What orders of the queue may know of a job.
    #[must_use]
    pub fn waiter(&self, spec: &JobSpec, now: Time) -> Waiter {
        if !rarely(self.has_terms()) {
            return Waiter::new(spec, now);
        }
        let partition = self.partition(&spec.terms).map_or(0.0, |partition| partition.factor as f32);
        let qos = self.qos(&spec.terms).next().map_or(0.0, |(_, qos)| qos.factor as f32);
        Waiter { partition, qos, ..Waiter::new(spec, now) }
    }

    /// True if jobs have terms to be held to.
    #[must_use]
    #[inline]
    pub fn has_terms(&self) -> bool {
        !(self.partitions.is_empty() && self.qos.is_empty() && self.reservations.is_empty())
    }

    /// The partition that a job is in.
    #[must_use]
    pub fn partition(&self, terms: &Terms) -> Option<&Partition> {
        self.partitions.get(usize::from(terms.partition?))
    }

    /// The qualities of service that a job is under: its own, then that of its partition if it is another one.
    pub fn qos(&self, terms: &Terms) -> impl Iterator<Item = (u16, &Qos)> {
        let of_partition =
            self.partition(terms).and_then(|partition| partition.qos).filter(|&qos| Some(qos) != terms.qos);
        let both = terms.qos.into_iter().chain(of_partition);
        both.filter_map(|at| Some((at, self.qos.get(usize::from(at))?)))
    }

    /// How long a job is taken to ask for.
    #[must_use]
    pub fn estimate(&self, terms: &Terms, asked: Option<Span>) -> Option<Span> {
        let partition = self.partition(terms);
        let own = partition.and_then(|partition| partition.default_time.or(partition.limits.time));
        asked.or(own).or_else(|| self.qos(terms).filter_map(|(_, qos)| qos.limits.time).min())
    }

    /// True if a job may be handed in on these terms: it is within every limit on single jobs, and fits into the
    /// reservation that it names.
    #[must_use]
    pub fn admits(&self, terms: &Terms, now: Time, cpu_milli: u64, estimate: Option<Span>) -> bool {
        let limits = self.partition(terms).map(|partition| &partition.limits);
        let mut limits = limits.into_iter().chain(self.qos(terms).map(|(_, qos)| &qos.limits));
        let reservation = terms.reservation.and_then(|at| self.reservations.get(usize::from(at)));
        limits.all(|limits| limits.admit(cpu_milli, estimate))
            && reservation.is_none_or(|reservation| reservation.could_hold(now, estimate))
    }
}
