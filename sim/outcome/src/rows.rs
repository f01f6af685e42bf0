//! The rows of the result files, as the world hands them out.

pub use windtunnel_scheduler::cause::Cause;
use windtunnel_scheduler::event::GpuSet;
use windtunnel_scheduler::id::TaskId;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::{Span, Time};

/// A name as the trace writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRef<'a> {
    /// A plain decimal number.
    Number(u64),
    /// Anything else.
    Text(&'a str),
}

/// The state of an attempt at the end of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum State {
    /// It did what it had to do.
    Finished,
    /// It failed of its own.
    Failed,
    /// Somebody asked for its end.
    Killed,
    /// It was preempted or drained.
    Evicted,
    /// Its machine went away.
    Lost,
    /// It was given up without being placed.
    Rejected,
    /// It was still waiting when the run ended.
    Pending,
    /// It was still running when the run ended.
    Running,
}

impl State {
    /// Every state, in the order of `tasks.*` in the summary.
    pub const ALL: [Self; 8] = [
        Self::Finished,
        Self::Failed,
        Self::Killed,
        Self::Evicted,
        Self::Lost,
        Self::Rejected,
        Self::Pending,
        Self::Running,
    ];

    /// The word in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::Evicted => "evicted",
            Self::Lost => "lost",
            Self::Rejected => "rejected",
            Self::Pending => "pending",
            Self::Running => "running",
        }
    }
}

/// A row of `tasks.parquet`: one attempt of one task (or of the equal members of a gang).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaskRow<'a> {
    /// The number that the scheduler knows the task by; not in the file.
    pub id: TaskId,
    /// The job, as the trace names it.
    pub job: NameRef<'a>,
    /// The task's index in its job; the file's `task_id` is `<job>/<index>`.
    pub index: u32,
    /// 0 for the first attempt.
    pub attempt: u32,
    /// Identical members that share the row; 1 unless it is a gang.
    pub count: u32,
    /// What the job is reported under.
    pub class: &'a str,
    /// The team.
    pub role: &'a str,
    /// When the job was handed in.
    pub submit: Time,
    /// When this attempt could first be placed: dependencies met, back-off over.
    pub eligible: Time,
    /// When it was decided where it runs.
    pub place: Option<Time>,
    /// When it was really running.
    pub start: Option<Time>,
    /// When it ended, if it did.
    pub end: Option<Time>,
    /// Where; None if it was not placed or if a gang spreads over nodes.
    pub node: Option<&'a str>,
    /// The task of the framework's holder that it ran in, as its `task_id` names it; None where tasks run on nodes, and
    /// if a gang spreads.
    pub holder: Option<&'a str>,
    /// Which devices.
    pub gpus: GpuSet,
    /// How it stands.
    pub state: State,
    /// What one member asked for.
    pub requested: Resources,
    /// From submit to start, on the first attempt only.
    pub wait: Option<Span>,
    /// Where the wait went, indexed as [`Cause::ALL`]; adds up to `wait`.
    pub causes: [Span; Cause::COUNT],
    /// Work that was thrown away with this attempt.
    pub lost_work: Span,
    /// What it is charged, where nodes have prices: of the price of its nodes the share that it held in its dominant
    /// lane.
    pub cost_usd: Option<f64>,
}

/// A row of `nodes.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow {
    /// As the fleet names it.
    pub name: String,
    /// What could be handed out.
    pub capacity: Resources,
    /// Gpu devices.
    pub gpus: u8,
    /// The gpu model, if the node has one.
    pub gpu_model: Option<String>,
    /// Domains by kind.
    pub domains: Vec<(String, String)>,
    /// Allocated lane-microseconds (millicore-microseconds and so on), by lane.
    pub allocated: [u128; windtunnel_scheduler::resources::LANES],
    /// The same for real usage, where the trace has it.
    pub used: Option<[u128; windtunnel_scheduler::resources::LANES]>,
    /// Time up.
    pub up: Span,
    /// Time down.
    pub down: Span,
    /// How often it failed.
    pub failures: u32,
    /// Attempts that began on it in this run.
    pub starts: u64,
    /// Most tasks that ran on it at once.
    pub tasks_max: u32,
}
