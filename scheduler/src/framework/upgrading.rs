//! Services that are replaced by their next version while enough of them stays healthy.
//!
//! A replica that is killed starts again as a new one under its own id as long as there are too few of those; what is
//! needed beyond the replicas there are is handed in with the upgrade. So everything in the queue may start at once,
//! and whoever hands the tasks in keeps to what may run together.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::batch::Batch;
use super::running::{Running, RunningTask};
use crate::decision::Decision;
use crate::event::{Ending, ServiceUpgrade};
use crate::id::TaskId;
use crate::ledger::Ledger;
use crate::service::{KillSelection, Plan, Upgrade, choose};
use crate::time::{Span, Time};

/// Where a replica stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It is of the old version and has room, but was not heard to run.
    Pending,
    /// It is of the old version and runs.
    Old,
    /// It was told to leave.
    Leaving {
        /// It starts again as one of the new version.
        again: bool,
    },
    /// It is of the new version and waits, or was not heard to run.
    New,
    /// It is of the new version, runs, and is healthy from this instant on.
    Young(Time),
    /// It is of the new version and healthy.
    Healthy,
}

/// An upgrade that is under way.
#[derive(Clone)]
struct Rolling {
    version: u32,
    upgrade: Upgrade,
    tasks: BTreeMap<TaskId, Stage>,
    /// Old replicas that run.
    old_healthy: u32,
    ready_after: Span,
    kill: KillSelection,
    /// Something has changed since it was looked at.
    is_stirred: bool,
}

/// The upgrades that are under way. Empty in nearly every run.
#[derive(Clone, Default)]
pub(super) struct Upgrades {
    /// By the first task of the service.
    rolling: BTreeMap<TaskId, Rolling>,
    /// The service of each replica that is upgraded.
    of_task: BTreeMap<TaskId, TaskId>,
    /// When new replicas that run are healthy.
    ripe: BTreeSet<(Time, TaskId)>,
    /// Replicas that were heard to run before it was heard that they have room.
    early: BTreeSet<TaskId>,
}

impl Rolling {
    /// A replica ended. True if it starts again.
    fn ended(&mut self, task: TaskId, stage: Stage, again: bool) -> bool {
        self.is_stirred = true;
        let upgrade = &mut self.upgrade;
        let goes_on = match stage {
            Stage::Leaving { again: false } => false,
            Stage::Pending | Stage::Old => {
                self.old_healthy = self.old_healthy.saturating_sub(u32::from(stage == Stage::Old));
                if again {
                    upgrade.replace()
                } else {
                    upgrade.old = upgrade.old.saturating_sub(1);
                    upgrade.shrink();
                    false
                }
            }
            Stage::Leaving { again: true } | Stage::New | Stage::Young(_) | Stage::Healthy => {
                upgrade.new_healthy = upgrade.new_healthy.saturating_sub(u32::from(stage == Stage::Healthy));
                if !again {
                    upgrade.new = upgrade.new.saturating_sub(1);
                    upgrade.shrink();
                }
                again
            }
        };
        if goes_on {
            self.tasks.insert(task, Stage::New);
        } else {
            self.tasks.remove(&task);
        }
        goes_on
    }

    /// Only healthy replicas of the new version are left: whoever was told to leave has left.
    fn is_done(&self) -> bool {
        self.upgrade.is_done() && self.tasks.values().all(|stage| *stage == Stage::Healthy)
    }

    fn becomes_healthy(&mut self, task: TaskId) {
        self.tasks.insert(task, Stage::Healthy);
        self.upgrade.new_healthy += 1;
        self.is_stirred = true;
    }

    /// Tells those to leave that are not needed.
    fn kill_spare(&mut self, running: &Running, decisions: &mut Vec<Decision>) {
        let spare = self.upgrade.spare(self.old_healthy);
        if spare == 0 {
            return;
        }
        let old = self.tasks.iter().filter(|&(_, stage)| *stage == Stage::Old);
        let instances: Vec<(TaskId, Time)> = old
            .filter_map(|(&id, _)| {
                let task = running.task(running.find(id)?);
                (!task.leaving).then_some((id, task.started))
            })
            .collect();
        for task in choose(self.kill, &instances, spare as usize) {
            self.old_healthy = self.old_healthy.saturating_sub(1);
            let again = self.upgrade.replace();
            self.tasks.insert(task, Stage::Leaving { again });
            let grace = Span::ZERO;
            decisions.push(match again {
                true => Decision::Evict { task, grace, requeue: true },
                false => Decision::Kill { task, grace },
            });
        }
    }
}

impl Upgrades {
    fn of(&mut self, task: TaskId) -> Option<(&mut Rolling, Stage)> {
        let rolling = self.rolling.get_mut(self.of_task.get(&task)?)?;
        let stage = *rolling.tasks.get(&task)?;
        Some((rolling, stage))
    }

    /// True if none is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.rolling.is_empty()
    }

    /// When the next new replica is healthy.
    pub(super) fn wake(&self) -> Option<Time> {
        self.ripe.first().map(|&(at, _)| at)
    }

    /// A replica is heard to run.
    fn started(&mut self, now: Time, task: TaskId) {
        let Some((rolling, stage)) = self.of(task) else { return };
        match stage {
            Stage::Pending => {
                rolling.tasks.insert(task, Stage::Old);
                rolling.old_healthy += 1;
                rolling.is_stirred = true;
            }
            Stage::New if rolling.ready_after == Span::ZERO => rolling.becomes_healthy(task),
            Stage::New => {
                let at = now + rolling.ready_after;
                rolling.tasks.insert(task, Stage::Young(at));
                self.ripe.insert((at, task));
            }
            _ => {}
        }
    }

    /// A replica that was taken for lost runs after all: what it is of is not said, and so it is replaced.
    pub(super) fn adopted(&mut self, task: TaskId) {
        if let Some((rolling, Stage::New)) = self.of(task) {
            rolling.upgrade.new = rolling.upgrade.new.saturating_sub(1);
            rolling.upgrade.old += 1;
            rolling.old_healthy += 1;
            rolling.tasks.insert(task, Stage::Old);
            rolling.is_stirred = true;
        }
    }

    /// Tasks that wait are given up.
    pub(super) fn given_up(&mut self, first: TaskId, count: u32) {
        if self.of_task.is_empty() {
            return;
        }
        for task in (first.0..first.0.saturating_add(u64::from(count))).map(TaskId) {
            let Some((rolling, stage)) = self.of(task) else { continue };
            match stage {
                Stage::Pending => rolling.upgrade.old = rolling.upgrade.old.saturating_sub(1),
                _ => rolling.upgrade.new = rolling.upgrade.new.saturating_sub(1),
            }
            rolling.tasks.remove(&task);
            rolling.is_stirred = true;
            self.of_task.remove(&task);
        }
    }

    /// True once if a task was heard to run before it was heard that it has room.
    pub(super) fn was_early(&mut self, task: TaskId) -> bool {
        self.early.remove(&task)
    }

    fn ripen(&mut self, now: Time) {
        while let Some(&(at, task)) = self.ripe.first().filter(|(at, _)| *at <= now) {
            self.ripe.pop_first();
            if let Some((rolling, stage)) = self.of(task)
                && stage == Stage::Young(at)
            {
                rolling.becomes_healthy(task);
            }
        }
    }

    /// An upgrade is over, or superseded: where its replicas stood.
    fn forget(&mut self, service: TaskId) -> BTreeMap<TaskId, Stage> {
        let tasks = self.rolling.remove(&service).map(|rolling| rolling.tasks).unwrap_or_default();
        for (task, stage) in &tasks {
            self.of_task.remove(task);
            if let Stage::Young(at) = *stage {
                self.ripe.remove(&(at, *task));
            }
        }
        tasks
    }
}

impl Batch {
    /// A task is heard to run.
    pub(super) fn hear_start(&mut self, now: Time, task: TaskId) {
        match self.running.find(task) {
            Some(slot) => self.running.set_reported(slot),
            None if self.asked_at(task).is_some() => _ = self.upgrades.early.insert(task),
            None => {}
        }
        self.upgrades.started(now, task);
    }

    /// A service is to be replaced by its next version.
    pub(super) fn upgrade(&mut self, ledger: &mut Ledger, now: Time, asked: &ServiceUpgrade) {
        self.let_on(now, asked.job);
        let before = self.upgrades.forget(asked.service);
        let is_refused = |id: u64| {
            self.refused.iter().any(|&(first, count)| (first.0..first.0.saturating_add(u64::from(count))).contains(&id))
        };
        let ids = asked.tasks.iter().flat_map(|&(first, count)| first.0..first.0.saturating_add(u64::from(count)));
        let mut tasks: BTreeMap<TaskId, Stage> = BTreeMap::new();
        let (mut old, mut old_healthy, mut new, mut is_resident) = (0, 0, 0, false);
        for id in ids.filter(|&id| !is_refused(id)).map(TaskId) {
            if tasks.contains_key(&id) {
                continue;
            }
            let slot = self.running.find(id);
            let running = slot.map(|slot| self.running.task(slot));
            let stage = match (running, before.get(&id)) {
                (Some(_), Some(&leaving @ Stage::Leaving { .. })) => leaving,
                (Some(task), _) if task.reported => Stage::Old,
                (Some(_), _) => Stage::Pending,
                (None, _) => Stage::New,
            };
            is_resident |= running.is_some_and(|task| self.ruled.resident(task.job).is_some());
            // One more of the new ones than there are to be is none of them: it goes when it has started.
            let stage = match stage {
                Stage::New if new >= asked.count => Stage::Pending,
                Stage::Leaving { again: true } if new >= asked.count => Stage::Leaving { again: false },
                stage => stage,
            };
            old += u32::from(matches!(stage, Stage::Old | Stage::Pending));
            old_healthy += u32::from(stage == Stage::Old);
            new += u32::from(matches!(stage, Stage::New | Stage::Leaving { again: true }));
            tasks.insert(id, stage);
        }
        self.plan_layout(ledger, tasks.keys().copied(), tasks.len() as u32);
        let plan = Plan::new(asked.count, old_healthy, asked.health_milli, asked.over_milli, is_resident);
        let upgrade = Upgrade::begun(asked.count, plan, old, old_healthy, new);
        self.upgrades.of_task.extend(tasks.keys().map(|&task| (task, asked.service)));
        let (ready_after, kill, is_stirred) = (asked.ready_after, asked.kill, true);
        let version = asked.version;
        let rolling = Rolling { version, upgrade, tasks, old_healthy, ready_after, kill, is_stirred };
        self.upgrades.rolling.insert(asked.service, rolling);
    }

    /// What a service demands of the places of its replicas together holds for so many of them, old and new.
    fn plan_layout(&self, ledger: &mut Ledger, tasks: impl Iterator<Item = TaskId>, count: u32) {
        let slot = tasks.filter_map(|task| self.running.find(task)).next();
        let shape = slot.map(|slot| self.running.job(self.running.task(slot).job).shape);
        if let Some(layout) = shape.and_then(|shape| ledger.shapes().shape(shape).layout) {
            ledger.layouts_mut().set_planned(layout, count);
        }
    }

    /// How soon a task that ended is tried again; None if it is not. The ending is as if by itself for a replica that
    /// makes room for its own next version: it belongs where it was.
    pub(super) fn again_upgraded(
        &mut self,
        ledger: &Ledger,
        now: Time,
        task: &RunningTask,
        ending: Ending,
    ) -> (Option<Span>, Ending) {
        let again = self.again(ledger, now, task, ending);
        if self.upgrades.of_task.is_empty() {
            return (again, ending);
        }
        let Some((rolling, stage)) = self.upgrades.of(task.id) else { return (again, ending) };
        if rolling.ended(task.id, stage, again.is_some()) {
            let leaves = stage == Stage::Leaving { again: true };
            return (again, if leaves { Ending::Finished } else { ending });
        }
        self.upgrades.of_task.remove(&task.id);
        if again.is_some() {
            // It would be one more than there are to be.
            self.refused.push((task.id, 1));
        }
        (None, ending)
    }

    /// Kills old replicas for new ones that are healthy.
    pub(super) fn roll(&mut self, ledger: &mut Ledger, now: Time, decisions: &mut Vec<Decision>) {
        if self.upgrades.is_idle() {
            return;
        }
        // Ends that were put off came to be known in this pass.
        decisions.extend(self.refused.drain(..).map(|(task, count)| Decision::Reject { task, count }));
        self.upgrades.ripen(now);
        let mut over = Vec::new();
        for (&service, rolling) in self.upgrades.rolling.iter_mut().filter(|(_, rolling)| rolling.is_stirred) {
            rolling.is_stirred = false;
            rolling.kill_spare(&self.running, decisions);
            if rolling.tasks.is_empty() {
                over.push(service);
            } else if rolling.is_done() {
                decisions.push(Decision::Upgraded { service, version: rolling.version });
                over.push(service);
            }
        }
        for service in over {
            let tasks = self.upgrades.forget(service);
            self.plan_layout(ledger, tasks.keys().copied(), tasks.len() as u32);
        }
    }
}
