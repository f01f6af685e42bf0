//! The one model that every reader yields and every driver consumes.

mod demand;
mod failures;
mod fleet;
mod job;
mod name;

pub use demand::{Demand, Demands, OPERATORS, pattern, shared};
pub use failures::{Failures, Outage, ShareOutage, SystemCount};
pub use fleet::{Fleet, Node, NodeGroup, TASKS, Upkeep};
pub use job::{Ask, Course, Group, Groups, Job, Recorded, Run, Stage, Truth};
pub use name::{Label, Labels, Name};

/// A stream of jobs in submit order.
pub trait Source {
    /// The next job, None at the end. After an error the stream is over.
    ///
    /// # Errors
    /// A bad row, in one sentence that names file, line and column.
    fn next_job(&mut self) -> Result<Option<Job>, SourceError>;

    /// The next job, or the next few where reading them together costs less, at the end of `jobs`. Nothing is added at
    /// the end of the stream.
    ///
    /// # Errors
    /// As [`Source::next_job`]; nothing is added then.
    fn next_jobs(&mut self, jobs: &mut Vec<Job>) -> Result<(), SourceError> {
        jobs.extend(self.next_job()?);
        Ok(())
    }

    /// The words behind the labels that jobs carry (roles, users, classes); grows while the stream is read.
    fn labels(&self) -> &Labels;

    /// What was skipped, clipped or repaired so far, by reason, in the order of the reasons' names.
    fn notes(&self) -> Vec<Note> {
        Vec::new()
    }
}

/// A stream of tasks that run when a run begins, in no particular order.
pub trait Background {
    /// The task number `index`: a group with `count` 1 whose run time is the rest of its life.
    fn task(&mut self, index: u64) -> Group;
}

/// A reason with a count: nothing is dropped in silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Names the rule, for example `run_clipped_to_request`.
    pub reason: String,
    /// Whether the row was left out, rather than changed.
    pub skipped: bool,
    /// How often.
    pub count: u64,
    /// The first lines (1-based) where it happened; at most ten.
    pub lines: Vec<u64>,
}

/// A stream that cannot go on: one sentence, and hints for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// The sentence: lower case, names file, line and column.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
}
