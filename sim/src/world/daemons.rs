//! Daemons on a fleet that grows and shrinks: a node that joins brings a task of each that may run there, and a node
//! that leaves takes its tasks along.

use std::collections::BTreeMap;

use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::id::NodeId;
use windtunnel_traces::model::{Groups, Job as TraceJob, Name};

use super::World;
use super::truth::Leaving;
use crate::error::SimError;

/// A daemon that was handed in.
#[derive(Clone)]
struct Daemon {
    job: TraceJob,
    workload: usize,
    /// Its tasks that wait or run.
    live: u32,
    /// How often nodes brought further tasks.
    brought: u64,
}

/// All daemons of a fleet whose nodes come and go.
#[derive(Clone, Default)]
pub(super) struct Daemons {
    /// By the id that the scheduler knows.
    known: BTreeMap<u64, Daemon>,
    /// A node joined that may bring tasks.
    is_due: bool,
}

impl Daemons {
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// A task of a job is over.
    pub(super) fn over(&mut self, id: u64) {
        if let Some(daemon) = self.known.get_mut(&id) {
            daemon.live = daemon.live.saturating_sub(1);
        }
    }

    /// A node joined.
    pub(super) fn joined(&mut self) {
        self.is_due = !self.is_empty();
    }
}

impl World {
    /// A job was handed in under this id: if it is a daemon, nodes that join are to have it too.
    pub(super) fn note_daemon(&mut self, id: u64, job: &TraceJob, workload: usize) {
        if let (Some(_), Groups::One(group)) = (&self.comings, &job.groups)
            && group.ask.kind == JobKind::Daemon
        {
            let (job, live, brought) = (job.clone(), group.count, 0);
            self.daemons.known.entry(id).or_insert(Daemon { job, workload, live, brought });
        }
    }

    /// Hands in what is missing of every daemon since nodes joined. False if nothing is.
    pub(super) fn bring_daemons(&mut self) -> Result<bool, SimError> {
        if !std::mem::take(&mut self.daemons.is_due) {
            return Ok(false);
        }
        let mut any = false;
        let ids: Vec<u64> = self.daemons.known.keys().copied().collect();
        for id in ids {
            let Some(daemon) = self.daemons.known.get(&id) else { continue };
            let Groups::One(group) = &daemon.job.groups else { continue };
            let count = self.matching_nodes(&group.ask).saturating_sub(daemon.live);
            if count == 0 {
                continue;
            }
            let (mut job, mut group, workload) = (daemon.job.clone(), group.clone(), daemon.workload);
            let brought = daemon.brought + 1;
            group.count = count;
            job.name = Name::Text(format!("{}+{brought}", job.name).into());
            (job.submit, job.groups) = (self.now, Groups::One(group));
            if let Some(daemon) = self.daemons.known.get_mut(&id) {
                (daemon.live, daemon.brought) = (daemon.live + count, brought);
            }
            self.submit_as(&job, workload, Some(id))?;
            any = true;
        }
        Ok(any)
    }

    /// True if a task comes and goes with its node.
    pub(super) fn is_daemon(&self, slot: u32) -> bool {
        !self.daemons.is_empty() && self.daemons.known.contains_key(&self.jobs[self.tasks[slot].job].id)
    }

    /// The tasks of daemons on a node.
    pub(super) fn daemons_on(&self, node: NodeId) -> Vec<u32> {
        if self.daemons.is_empty() {
            return Vec::new();
        }
        let mut slots = self.residents_of(node);
        slots.retain(|&slot| self.is_daemon(slot));
        slots
    }

    /// A node leaves the fleet, and its daemons with it.
    pub(super) fn take_daemons_along(&mut self, node: NodeId) {
        for slot in self.daemons_on(node) {
            if self.tasks[slot].running.is_some() {
                self.tasks[slot].leaving = Some(Leaving::Killed);
                self.leave(slot, Leaving::Killed);
            }
        }
    }
}
