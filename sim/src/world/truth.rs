//! The truth: jobs, attempts and nodes as they are, whatever anybody believes.

use std::hint::cold_path;

use windtunnel_outcome::conservation::{Conservation, hold};
use windtunnel_outcome::rows::State;
use windtunnel_scheduler::event::{GpuRequest, GpuSet, JobKind};
use windtunnel_scheduler::hint::rarely;
use windtunnel_scheduler::partition::Terms;
use windtunnel_scheduler::resources::{LANES, Resources};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::{Fleet, Groups, Label, Name, Recorded, Run};

use crate::history::Past;

/// The lanes of a request that count, in a form that takes no branch: this is asked several times for each task.
#[derive(Clone, Copy)]
pub(crate) struct Counted {
    /// All bits in the lanes that the fleet names.
    kept: Resources,
    /// One in the lane that counts tasks, if there is one.
    one: Resources,
}

impl Counted {
    pub(crate) fn new(fleet: &Fleet) -> Self {
        let one = Resources(std::array::from_fn(|lane| u32::from(fleet.tasks_lane() == Some(lane))));
        let named = Resources([u32::MAX; LANES]).masked(fleet.lanes);
        Self { kept: Resources(std::array::from_fn(|lane| if one[lane] == 0 { named[lane] } else { 0 })), one }
    }

    /// True for the lane that counts tasks.
    pub(crate) fn is_of_tasks(&self, lane: usize) -> bool {
        self.one[lane] != 0
    }

    /// The same without the lane that counts tasks.
    pub(crate) fn without_tasks(&self, row: Resources) -> Resources {
        Resources(std::array::from_fn(|lane| if self.is_of_tasks(lane) { 0 } else { row[lane] }))
    }

    /// What counts of a request.
    #[inline]
    pub(crate) fn of(&self, request: &Resources) -> Resources {
        Resources(std::array::from_fn(|lane| request[lane] & self.kept[lane] | self.one[lane]))
    }
}

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// A job with tasks that are not over, or whose rows are not written yet. Three lines of the cache.
#[derive(Clone)]
#[repr(align(64))]
pub(crate) struct Job {
    pub name: Name,
    pub digest: u64,
    pub submit: Time,
    pub first_task: u64,
    /// As the scheduler knows it.
    pub id: u64,
    pub priority: i32,
    pub role: Label,
    pub class: Label,
    pub terms: Terms,
    pub workload: u16,
    /// Tasks of a warm start: in allocation and conservation, not in the numbers of jobs and tasks.
    pub background: bool,
    /// Whether its submission falls into the measured span.
    pub measured: bool,
    /// Tasks that are not over; a gang counts as one.
    pub live: u32,
    /// Rows of it that are still to be handed to the recorder, beyond those of live tasks.
    pub rows: u32,
    /// Tasks that never started.
    pub unstarted: u32,
    /// The last first start among its tasks.
    pub last_start: Time,
    /// Its first start.
    pub first_start: Time,
    /// The worst that became of one of its tasks.
    pub worst: State,
    pub parts: Parts,
}

const _: () = assert!(size_of::<Job>() <= 192 && size_of::<Task>() <= 96, "fetched from afar at every end");

impl Job {
    /// Looks at each line of the cache that it fills, see [`super::foresight`].
    #[inline]
    pub(crate) fn fetch(&self) -> u64 {
        let part = self.parts.as_slice().first();
        let part = part.map_or(0, |part| part.request[0] ^ part.request[LANES - 1] ^ part.count);
        self.digest ^ self.submit.0 ^ u64::from(self.live ^ self.rows ^ part)
    }
}

/// The groups of equal tasks of a job.
#[derive(Clone)]
pub(crate) enum Parts {
    One(Part),
    Many(Box<[Part]>),
}

/// Equal tasks of a job.
#[derive(Clone)]
pub(crate) struct Part {
    /// Index of its first task in the job.
    pub first: u32,
    /// Tasks; the members, if it is a gang.
    pub count: u32,
    pub kind: JobKind,
    pub fails: bool,
    pub killed: bool,
    /// What each asks for. Not as a row: their alignment would cost every job a line of the cache.
    request: [u32; LANES],
    pub gpu: GpuRequest,
    pub run: Run,
    /// What a task really uses of what it asked, if the trace says. Apart, as what follows: few traces do, and every
    /// job is fetched from afar.
    pub usage: Option<Box<Resources>>,
    /// What really happened, if the trace says.
    pub past: Option<Box<Past>>,
}

impl Parts {
    /// The parts of a job; `past` finds the node of what was recorded.
    pub(crate) fn new(groups: &Groups, past: impl Fn(&Recorded) -> Past) -> Self {
        let mut first = 0;
        let mut part = |group: &windtunnel_traces::model::Group| {
            let part = Part {
                first,
                count: group.count,
                kind: group.ask.kind,
                fails: group.truth.fails,
                killed: group.truth.killed,
                request: group.ask.request.0,
                gpu: group.ask.gpu,
                run: group.truth.run.clone(),
                usage: group.truth.usage.map(Box::new),
                past: group.truth.recorded.as_ref().map(|recorded| Box::new(past(recorded))),
            };
            first += group.count;
            part
        };
        match groups {
            Groups::One(group) => Self::One(part(group)),
            Groups::Many(groups) => Self::Many(groups.iter().map(part).collect()),
        }
    }

    pub(crate) fn as_slice(&self) -> &[Part] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::Many(parts) => parts,
        }
    }

    /// The part that the task at `index` belongs to.
    #[inline]
    pub(crate) fn of(&self, index: u32) -> &Part {
        match self {
            Self::One(part) => part,
            Self::Many(parts) => {
                cold_path();
                let at = parts.partition_point(|part| part.first <= index);
                &parts[at.saturating_sub(1)]
            }
        }
    }
}

impl Part {
    /// What each of the tasks asks for.
    #[inline]
    pub(crate) fn request(&self) -> Resources {
        Resources(self.request)
    }

    /// Members that start and end together; 1 unless it is a gang.
    pub(crate) fn members(&self) -> u32 {
        if self.kind == JobKind::Gang { self.count } else { 1 }
    }

    /// How much of what a task did since it took its room, `held` ago, is thrown away when it is made to leave. What
    /// has no end has nothing to finish: it did its work all along.
    pub(crate) fn lost_by_leaving(&self, held: Span) -> Span {
        let endless = matches!(self.run, Run::Same(run) if run.is_forever());
        if endless || self.kind.is_kept_running() { Span::ZERO } else { held }
    }

    /// Tasks as the scheduler counts them: a gang is one.
    pub(crate) fn units(&self) -> u32 {
        if self.kind == JobKind::Gang { 1 } else { self.count }
    }
}

/// A task that waits or runs. Two lines of the cache, or parts of them.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub(crate) struct Task {
    /// As the scheduler knows it.
    pub id: u64,
    pub job: u32,
    pub index: u32,
    pub attempt: u32,
    /// Tells apart what was planned for an earlier user of this slot.
    pub generation: u32,
    /// When it could first be placed in this attempt.
    pub eligible: Time,
    pub running: Option<Attempt>,
    /// The slot of where its wait went; none if it did not wait.
    pub causes: u32,
    /// Whether it was told to leave its node, and what becomes of it then.
    pub leaving: Option<Leaving>,
    /// What it is besides: see the constants.
    pub flags: u16,
}

/// What becomes of a task that is made to leave its node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// It is over.
    Killed,
    /// It waits for another place, or is given up.
    Evicted {
        /// Which of the two.
        requeue: bool,
    },
}

/// Its attempt ended and the scheduler has not heard of it; the low byte says how.
const UNHEARD: u16 = 1 << 8;
/// The scheduler gave this attempt up; it runs on.
const GIVEN_UP: u16 = 1 << 9;
/// Its container did not start.
const UNLAUNCHED: u16 = 1 << 10;

impl Task {
    /// How its attempt ended, if the scheduler has not heard of it yet.
    pub(crate) fn unheard_state(&self) -> Option<State> {
        if rarely(self.flags & UNHEARD != 0) { State::ALL.get(usize::from(self.flags & 0xff)).copied() } else { None }
    }

    /// True if this is how that attempt of that task ended, and the scheduler has not heard of it yet.
    pub(crate) fn is_unheard(&self, task: u64, attempt: u32) -> bool {
        self.id == task && self.attempt == attempt && self.unheard_state().is_some()
    }

    /// Its attempt ended, and nobody hears of it.
    pub(crate) fn hush(&mut self, state: State) {
        self.flags = UNHEARD | state as u16 | (self.flags & UNLAUNCHED);
    }

    /// Its end is heard of.
    pub(crate) fn speak(&mut self) {
        self.flags &= UNLAUNCHED;
    }

    /// The scheduler gave this attempt up.
    pub(crate) fn is_given_up(&self) -> bool {
        self.flags & GIVEN_UP != 0
    }

    pub(crate) fn give_up(&mut self) {
        self.flags = GIVEN_UP;
    }

    /// Its container did not start.
    pub(crate) fn is_unlaunched(&self) -> bool {
        self.flags & UNLAUNCHED != 0
    }

    pub(crate) fn fail_launch(&mut self) {
        self.flags |= UNLAUNCHED;
    }
}

/// A task on a node.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    pub place: Time,
    /// [`Time::NEVER`] if it never really ran.
    pub start: Time,
    pub node: u32,
    /// Members on that node.
    pub count: u32,
    pub gpus: GpuSet,
    /// The first of the further nodes of a gang that spreads.
    pub rest: u32,
    /// The holder that the members here are in; [`NONE`] if they hold room of the node.
    pub within: u32,
    /// The order of starts.
    pub sequence: u64,
}

/// A further node of a gang.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    pub node: u32,
    pub count: u32,
    pub gpus: GpuSet,
    /// As with [`Attempt::within`].
    pub within: u32,
    pub next: u32,
}

/// A machine. What every start and every end asks for fills the first two lines of the cache, the sums of the two most
/// used lanes included.
#[derive(Clone)]
#[repr(C, align(64))]
pub(crate) struct Node {
    pub capacity: Resources,
    pub used: Resources,
    pub tasks: u32,
    pub tasks_most: u32,
    pub starts: u64,
    /// Its levels are accounted for up to here.
    pub since: Time,
    /// Stands in the list of nodes that changed in this instant.
    pub dirty: bool,
    /// Dead: its free room is accounted for by the outage.
    pub down: bool,
    /// It has gpu devices.
    pub has_devices: bool,
    pub allocated: [u128; LANES],
    /// Devices: used thousandths of each.
    pub devices: Box<[u16]>,
}

impl Node {
    pub(crate) fn new(capacity: Resources, gpus: u8) -> Self {
        Self {
            capacity,
            used: Resources::ZERO,
            tasks: 0,
            tasks_most: 0,
            starts: 0,
            since: Time::ZERO,
            dirty: false,
            down: false,
            has_devices: gpus > 0,
            allocated: [0; LANES],
            devices: vec![0; usize::from(gpus)].into(),
        }
    }

    /// True if it holds no more than it has.
    #[inline]
    pub(crate) fn holds_no_more_than_it_has(&self) -> bool {
        let fits = self.used.fits_in(&self.capacity);
        fits && (!self.has_devices || self.devices.iter().all(|&milli| milli <= 1000))
    }

    /// Looks at each line of the cache that it fills, see [`super::foresight`].
    #[inline]
    pub(crate) fn fetch(&self) -> u64 {
        u64::from(self.used[0]) ^ self.since.0 ^ self.allocated[0] as u64
    }

    /// Accounts for the levels that held until `now`: free room goes to `idle`, from the node's own lanes.
    #[inline]
    pub(crate) fn settle(&mut self, now: Time, conservation: &mut Conservation) {
        if now > self.since {
            let span = now - self.since;
            self.since = now;
            hold(&mut self.allocated, &self.used, span);
            if rarely(self.down) {
                return;
            }
            // Within an instant a node may hold more than it has, but then no time passes.
            if let Some(free) = self.capacity.checked_sub(&self.used) {
                hold(&mut conservation.idle, &free, span);
            }
        }
    }
}
