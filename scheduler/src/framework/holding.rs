//! A framework that runs its tasks inside holders: tasks that it holds in the fleet, which are placed as any others
//! are. Whoever hands out room knows the holders; what runs in them is between the framework and its own books.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Batch;
use super::batch::Policies;
use super::kind::Kind;
use super::pool::{Pool, Terms};
use crate::config::{Config, Holders};
use crate::decision::Decision;
use crate::event::Event;
use crate::id::{HolderId, TaskId};
use crate::time::Time;
use crate::{Step, Work};

/// The one pool of a framework whose jobs share their holders.
const SHARED: u64 = 0;

/// One framework with holders.
#[derive(Clone)]
pub struct Holding {
    kind: Kind,
    holders: Holders,
    /// A queue without jobs, that of every new pool.
    template: Batch,
    /// By job where holders belong to jobs, else one.
    pools: BTreeMap<u64, Pool>,
    /// The pool of each run of tasks, by its first task.
    of_task: BTreeMap<u64, u64>,
    of_holder: BTreeMap<HolderId, u64>,
    /// The next holder.
    next: u64,
}

impl Holding {
    /// A framework that holds nothing. The batch has no jobs.
    #[must_use]
    pub fn new(kind: Kind, holders: Holders, mut template: Batch) -> Self {
        template.count_live();
        let mut pools = BTreeMap::new();
        if !kind.per_job {
            pools.insert(SHARED, Pool::new(template.clone()));
        }
        let (of_task, of_holder) = (BTreeMap::new(), BTreeMap::new());
        Self { kind, holders, template, pools, of_task, of_holder, next: 0 }
    }

    /// How it behaves.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.template.config()
    }

    /// How many tasks wait; a gang counts as one.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.pools.values().map(|pool| pool.batch.waiting()).sum()
    }

    /// Behaves differently from now on; its kind and its holders stay what they are.
    pub fn reconfigure(&mut self, now: Time, config: &Config, policies: &mut dyn FnMut() -> Option<Policies>) {
        let Some(fresh) = policies() else { return };
        self.template = Batch::new(config.clone(), fresh);
        self.template.count_live();
        for pool in self.pools.values_mut() {
            let Some(own) = policies() else { return };
            let (batch, ledger) = pool.parts();
            batch.reconfigure(ledger, now, config.clone(), own);
            pool.stirred = true;
        }
    }

    /// Takes the facts of an instant in, starts tasks in holders, and asks for holders or gives some back.
    pub fn step(&mut self, now: Time, events: &[Event], out: &mut Vec<Decision>) -> Step {
        for event in events {
            self.hear(now, event);
        }
        let (mut work, mut over) = (Work::default(), Vec::new());
        for (&key, pool) in &mut self.pools {
            if !pool.stirred && pool.wake.is_none_or(|wake| wake > now) {
                continue;
            }
            let before = self.next;
            let (kind, holders, next) = (&self.kind, &self.holders, &mut self.next);
            work.add(pool.pass(&mut Terms { now, kind, holders, next }, out));
            self.of_holder.extend((before..self.next).map(|holder| (HolderId(holder), key)));
            if kind.per_job && pool.is_over() {
                over.push(key);
            }
        }
        for key in over {
            let Some(mut pool) = self.pools.remove(&key) else { continue };
            pool.close(now, out);
            for first in &pool.firsts {
                self.of_task.remove(first);
            }
        }
        self.forget_released(out);
        Step { wake: self.pools.values().filter_map(|pool| pool.wake).min(), work }
    }

    fn forget_released(&mut self, out: &[Decision]) {
        for decision in out {
            if let Decision::Release { first, count } = *decision {
                for holder in first.0..first.0 + u64::from(count) {
                    self.of_holder.remove(&HolderId(holder));
                }
            }
        }
    }

    fn hear(&mut self, now: Time, event: &Event) {
        match event {
            Event::HolderStarted { holder, room } => {
                if let Some(pool) = self.pool_of_holder(*holder) {
                    pool.started(now, *holder, room);
                }
            }
            Event::HolderEnded { holder, again } => {
                if let Some(pool) = self.pool_of_holder(*holder) {
                    pool.ended(now, *holder, *again);
                }
                if !again {
                    self.of_holder.remove(holder);
                }
            }
            Event::JobSubmitted(spec) if spec.count > 0 => {
                let key = if self.kind.per_job { spec.job.0 } else { SHARED };
                let template = &self.template;
                let pool = self.pools.entry(key).or_insert_with(|| Pool::new(template.clone()));
                pool.hear(now, event);
                if self.kind.per_job {
                    pool.firsts.push(spec.first_task.0);
                    self.of_task.insert(spec.first_task.0, key);
                }
            }
            Event::TaskEnded { task, .. } | Event::TasksWithdrawn { first: task, .. } => {
                if let Some(pool) = self.pool_of(*task) {
                    pool.hear(now, event);
                }
            }
            Event::LaunchRefused { task } => {
                if let Some(pool) = self.pool_of(*task) {
                    pool.refused(now, *task);
                }
            }
            // Of the machines below it hears nothing, and nobody offers it anything.
            _ => {}
        }
    }

    fn pool_of_holder(&mut self, holder: HolderId) -> Option<&mut Pool> {
        self.pools.get_mut(self.of_holder.get(&holder)?)
    }

    fn pool_of(&mut self, task: TaskId) -> Option<&mut Pool> {
        if !self.kind.per_job {
            return self.pools.get_mut(&SHARED);
        }
        let (_, key) = self.of_task.range(..=task.0).next_back()?;
        self.pools.get_mut(key)
    }
}
