//! A job is two halves: what was asked, which the scheduler is told, and the truth, which it is not.

use std::sync::Arc;

use windtunnel_scheduler::constraint::Constraint;
use windtunnel_scheduler::event::{GpuRequest, GpuSet, JobKind};
use windtunnel_scheduler::layout::Layout;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::{Span, Time};

use super::name::{Label, Name};

/// One job of a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// As the trace names it.
    pub name: Name,
    /// When it was handed in.
    pub submit: Time,
    /// Larger is more important.
    pub priority: i32,
    /// Whose it is: the team.
    pub role: Label,
    /// Who handed it in.
    pub user: Label,
    /// What it is reported under (`by_class` in the summary).
    pub class: Label,
    /// Its tasks.
    pub groups: Groups,
    /// What it is a part of, if it is not a job on its own.
    pub course: Option<Box<Course>>,
}

/// What a job is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// One run of a schedule of its workload.
    Run {
        /// Which schedule.
        schedule: u32,
    },
    /// One stage of a graph of jobs. The stages of a graph are handed in together, one after the other.
    Stage(Stage),
}

/// Where in its graph a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Which graph of its workload.
    pub graph: u64,
    /// Which stage of it, from 0.
    pub stage: u32,
    /// How many stages it has.
    pub stages: u32,
    /// The stages that must have succeeded before this one begins; all of them stand before it.
    pub after: Arc<[u32]>,
}

/// The tasks of a job: nearly always one group of equal ones, which then needs no heap.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every job is the large variant; a box would cost the heap")]
pub enum Groups {
    /// All tasks are equal.
    One(Group),
    /// Several groups of equal tasks; their indices follow each other.
    Many(Box<[Group]>),
}

impl Groups {
    /// The groups in order of task index.
    #[must_use]
    pub fn as_slice(&self) -> &[Group] {
        match self {
            Self::One(group) => std::slice::from_ref(group),
            Self::Many(groups) => groups,
        }
    }

    /// The groups, to change.
    pub fn as_mut_slice(&mut self) -> &mut [Group] {
        match self {
            Self::One(group) => std::slice::from_mut(group),
            Self::Many(groups) => groups,
        }
    }
}

/// Equal tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// How many; at least 1.
    pub count: u32,
    /// What was asked for each.
    pub ask: Ask,
    /// What is true of them.
    pub truth: Truth,
}

impl Group {
    /// Tasks as a scheduler counts them: a gang is one.
    #[must_use]
    pub fn units(&self) -> u32 {
        if self.ask.kind == JobKind::Gang { 1 } else { self.count }
    }
}

/// What was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// What kind of work.
    pub kind: JobKind,
    /// What one task needs. `request[GPU]` is `gpu.count * gpu.milli`.
    pub request: Resources,
    /// Which devices one task needs.
    pub gpu: GpuRequest,
    /// How long a task is believed to run, if anybody said.
    pub estimate: Option<Span>,
    /// What nodes must be like.
    pub constraints: Option<Arc<[Constraint]>>,
    /// How the tasks are to lie together.
    pub layout: Option<Arc<Layout>>,
    /// Whether no other task may push these out.
    pub protected: bool,
    /// How many of the tasks may at most be missing at once because they were made to leave.
    pub disruption: Option<u32>,
}

/// What is true, which only the world may know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// How long the tasks run.
    pub run: Run,
    /// Whether they fail in the end.
    pub fails: bool,
    /// Whether their end is that of their request, which somebody enforces.
    pub killed: bool,
    /// What they really use of what they asked, if the trace says.
    pub usage: Option<Resources>,
    /// What happened when the trace was recorded.
    pub recorded: Option<Recorded>,
}

/// How long the tasks of a group run once started.
#[derive(Clone, Debug, PartialEq)]
pub enum Run {
    /// All equally long; [`Span::FOREVER`] for those that never end of their own.
    Same(Span),
    /// Each its own, by index within the group.
    Each(Box<[Span]>),
}

impl Default for Run {
    /// No time at all.
    fn default() -> Self {
        Self::Same(Span::ZERO)
    }
}

impl Run {
    /// The run time of the task at `index` within its group.
    #[must_use]
    pub fn of(&self, index: u32) -> Span {
        match self {
            Self::Same(span) => *span,
            Self::Each(spans) => spans.get(index as usize).copied().unwrap_or(Span::FOREVER),
        }
    }
}

/// What happened when the trace was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// When the tasks started.
    pub start: Option<Time>,
    /// On which node, if one is known for all of them.
    pub node: Option<Name>,
    /// On which devices.
    pub gpus: GpuSet,
}
