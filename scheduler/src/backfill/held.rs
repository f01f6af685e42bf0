//! What running jobs hold, by partition and quality of service, in all and by account and user: what limits look at.

use alloc::vec::Vec;

use crate::config::Config;
use crate::id::RoleId;
use crate::partition::{Cap, Limits, Terms};

/// So many jobs and millicores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Use {
    cpu_milli: u64,
    jobs: u64,
}

impl Use {
    fn exceeds(&self, cap: Cap, cpu_milli: u64) -> bool {
        cap.jobs.is_some_and(|most| self.jobs >= most)
            || cap.cpu_milli.is_some_and(|most| self.cpu_milli.saturating_add(cpu_milli) > most)
    }

    fn change(&mut self, cpu_milli: u64, starts: bool) {
        if starts {
            self.cpu_milli = self.cpu_milli.saturating_add(cpu_milli);
            self.jobs += 1;
        } else {
            self.cpu_milli = self.cpu_milli.saturating_sub(cpu_milli);
            self.jobs = self.jobs.saturating_sub(1);
        }
    }
}

/// The books of one partition or quality of service.
#[derive(Clone, Debug, Default)]
struct Scope {
    all: Use,
    of_account: Vec<Use>,
    of_user: Vec<Use>,
}

fn at(uses: &[Use], number: u16) -> Use {
    uses.get(usize::from(number)).copied().unwrap_or_default()
}

fn at_mut(uses: &mut Vec<Use>, number: u16) -> &mut Use {
    let at = usize::from(number);
    if at >= uses.len() {
        uses.resize(at + 1, Use::default());
    }
    &mut uses[at]
}

/// A job as limits see it.
#[derive(Clone, Copy, Debug)]
pub struct Claimant {
    /// Where and by whom it was handed in.
    pub terms: Terms,
    /// Its account.
    pub account: RoleId,
    /// Millicores that one task, or the gang as a whole, takes.
    pub cpu_milli: u64,
}

/// What running jobs hold.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Partitions, then qualities of service.
    scopes: Vec<Scope>,
}

/// The books that a job stands in, and the limits on each.
fn scopes_of<'a>(config: &'a Config, terms: &'a Terms) -> impl Iterator<Item = (usize, &'a Limits)> {
    let partition = config.partition(terms).zip(terms.partition);
    let partition = partition.map(|(partition, at)| (usize::from(at), &partition.limits));
    let qos = config.qos(terms).map(|(at, qos)| (config.partitions.len() + usize::from(at), &qos.limits));
    partition.into_iter().chain(qos)
}

impl Held {
    /// True if a limit forbids that one more task of this kind starts now.
    #[must_use]
    pub fn forbids(&self, config: &Config, job: &Claimant) -> bool {
        scopes_of(config, &job.terms).any(|(number, limits)| {
            let Some(scope) = self.scopes.get(number) else { return false };
            scope.all.exceeds(limits.all, job.cpu_milli)
                || at(&scope.of_account, job.account.0).exceeds(limits.account, job.cpu_milli)
                || at(&scope.of_user, job.terms.user).exceeds(limits.user, job.cpu_milli)
        })
    }

    /// A task starts, or has ended.
    pub fn note(&mut self, config: &Config, job: &Claimant, starts: bool) {
        self.scopes.resize(config.partitions.len() + config.qos.len(), Scope::default());
        for (number, _) in scopes_of(config, &job.terms) {
            let scope = &mut self.scopes[number];
            scope.all.change(job.cpu_milli, starts);
            at_mut(&mut scope.of_account, job.account.0).change(job.cpu_milli, starts);
            at_mut(&mut scope.of_user, job.terms.user).change(job.cpu_milli, starts);
        }
    }
}
