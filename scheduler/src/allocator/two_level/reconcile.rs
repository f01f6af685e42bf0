//! What a master answers to a framework that asks for the state of its tasks (F7), and when a framework asks again.
//!
//! Messages between the two are sent at most once (F6), so that either may believe what is not so: a framework asks for
//! tasks by name (explicit), or for all that the master knows (implicit).
//!
//! **Source.** Apache Mesos, its page on reconciliation and `Master::reconcile`; batches as in Apache Aurora.

use alloc::vec::Vec;

use crate::id::TaskId;
use crate::time::{Span, Time};

/// What a framework is told of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// The master has sent it to an agent, or is about to.
    Staging,
    /// Its executor prepares it.
    Starting,
    /// It runs.
    Running,
    /// It was told to end.
    Killing,
    /// Its agent is silent; it may run.
    Unreachable,
    /// Its agent does not run it.
    Gone,
    /// An operator said that its agent does not come back.
    GoneByOperator,
    /// Nobody knows it, nor its agent; it may run.
    Unknown,
    /// One of the last four, to a framework that does not tell partitions from losses.
    Lost,
}

/// What the master knows of the agent that a task is said to be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It takes part.
    Registered,
    /// It was known before the master failed over and has not registered anew.
    Recovered,
    /// It was declared lost.
    Unreachable,
    /// An operator said that it does not come back.
    Gone,
    /// Never heard of it, or it was not named.
    Unknown,
}

/// What is answered of a task that is asked for by name: its `known` state, else what its agent's standing makes of it.
/// None is silence: as long as the agent may still tell, nothing is said, and the framework has to ask again.
#[must_use]
pub const fn explicit(known: Option<Status>, agent: Standing, partition_aware: bool) -> Option<Status> {
    let status = match (known, agent) {
        (Some(known), _) => known,
        (None, Standing::Recovered) => return None,
        (None, Standing::Registered) => Status::Gone,
        (None, Standing::Unreachable) => Status::Unreachable,
        (None, Standing::Gone) => Status::GoneByOperator,
        (None, Standing::Unknown) => Status::Unknown,
    };
    let is_partition = matches!(status, Status::Gone | Status::GoneByOperator | Status::Unknown | Status::Unreachable);
    Some(if is_partition && !partition_aware { Status::Lost } else { status })
}

/// True if a task of this state is among the answers to a framework that names none: what may be lost is not.
#[must_use]
pub const fn implicit(known: Status) -> bool {
    matches!(known, Status::Staging | Status::Starting | Status::Running | Status::Killing)
}

/// How fast a framework asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Tasks that are asked for at once, at least 1.
    pub batch: usize,
    /// Between two batches.
    pub gap: Span,
    /// After the last batch, until those that are not answered are asked for again; it doubles with each round.
    pub pause: Span,
    /// It doubles up to this.
    pub pause_most: Span,
}

impl Default for Pace {
    /// A thousand tasks every 5 s; again after 10 s, doubling up to 10 min.
    fn default() -> Self {
        let [gap, pause, pause_most] = [5, 10, 600].map(Span::from_seconds);
        Self { batch: 1000, gap, pause, pause_most }
    }
}

/// One explicit reconciliation: every task is asked for until something is heard of it. There is only one at a time:
/// who begins anew drops the one before.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    pace: Pace,
    /// Tasks of which nothing was heard since it began, in order.
    left: Vec<TaskId>,
    /// The first task that was not asked for in this round.
    next: Option<TaskId>,
    /// The pause after this round.
    pause: Span,
    /// When the next batch goes out.
    due: Time,
}

impl Reconciliation {
    /// Begins at `now`, with all tasks of the framework that are not over.
    #[must_use]
    pub fn begin(now: Time, mut tasks: Vec<TaskId>, pace: Pace) -> Self {
        tasks.sort_unstable();
        tasks.dedup();
        let next = tasks.first().copied();
        Self { pace, left: tasks, next, pause: pace.pause, due: now }
    }

    /// Something was heard of a task, in answer or not.
    pub fn heard(&mut self, task: TaskId) {
        if let Ok(at) = self.left.binary_search(&task) {
            self.left.remove(at);
        }
    }

    /// When [`Self::ask`] is to be called; None when all was heard of.
    #[must_use]
    pub fn wake(&self) -> Option<Time> {
        (!self.left.is_empty()).then_some(self.due)
    }

    /// The tasks to ask for at `now`; none before their time.
    pub fn ask(&mut self, now: Time) -> &[TaskId] {
        if self.wake().is_none_or(|due| now < due) {
            return &[];
        }
        let first = self.next.map_or(self.left.len(), |next| self.left.partition_point(|&task| task < next));
        // Where all that was left of a round has answered by itself, the next begins.
        let first = if first == self.left.len() { 0 } else { first };
        let end = first.saturating_add(self.pace.batch.max(1)).min(self.left.len());
        self.next = self.left.get(end).copied();
        self.due = if self.next.is_some() {
            now + self.pace.gap
        } else {
            let pause = self.pause;
            self.next = self.left.first().copied();
            self.pause = Span(pause.0.saturating_mul(2).min(self.pace.pause_most.0));
            now + pause
        };
        &self.left[first..end]
    }
}
