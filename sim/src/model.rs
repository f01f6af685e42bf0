//! How the world behaves besides the machines and the work: what breaks, what news take, what a launch takes.

use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Ask;

use crate::elastic::Elastic;
use crate::fault::Faults;
use crate::launch::Launch;
use crate::trigger::Trigger;

/// Everything about the world that is off unless a scenario asks for it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// What chance and calendars break.
    pub faults: Faults,
    /// When a silent machine is noticed; left out: at once.
    pub detection: Option<Detection>,
    /// What news of tasks take to arrive.
    pub link: Link,
    /// What passes between placing a task and its running; left out: nothing.
    pub launch: Option<Launch>,
    /// What a call of the scheduler costs in simulated time.
    pub decision_time: DecisionTime,
    /// Of what and when the radius of a blast is taken.
    pub blast: Blast,
    /// What tasks really use is held against what nodes have; left out: it is not.
    pub overload: Option<Overload>,
    /// Groups of which nodes come and go.
    pub elastic: Vec<Elastic>,
    /// What is done when a number, or the clock, says so.
    pub triggers: Vec<Trigger>,
    /// The holders of the frameworks that run their tasks inside some, in the order of [`Config::inner`].
    ///
    /// [`Config::inner`]: windtunnel_scheduler::Config::inner
    pub holders: Vec<HolderSource>,
}

/// What the holders of a framework are: tasks that it holds in the fleet to run its own tasks in.
#[derive(Clone, Debug, PartialEq)]
pub struct HolderSource {
    /// What the framework is called in results.
    pub framework: String,
    /// What its holders are reported under.
    pub name: String,
    /// The team that they belong to.
    pub role: String,
    /// How important they are.
    pub priority: i32,
    /// The workload that they are handed in as; nothing else is.
    pub workload: usize,
    /// What one asks of its node.
    pub ask: Ask,
    /// What one has for tasks.
    pub room: Resources,
}

/// What tasks really use, against what nodes have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overload {
    /// Tasks are killed on a node whose memory has been short for so long; None: never. Not zero, or one that is put
    /// back at once would be killed in the same instant for ever.
    pub kill_after: Option<Span>,
    /// What each node really has for tasks, by its position in the fleet: overcommitment promises more.
    pub room: Vec<Resources>,
}

/// Of what and when it is asked what would be lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blast {
    /// `node`, or kinds of domains.
    pub kinds: Vec<String>,
    /// Before anything happens in these instants.
    pub at: Vec<Time>,
    /// Whether it is asked, too, of where traces say that tasks ran.
    pub recorded: bool,
}

/// What a call of the scheduler costs in simulated time.
#[derive(Clone, Copy, Debug, Default)]
pub enum DecisionTime {
    /// Nothing.
    #[default]
    None,
    /// By what it looked at.
    Modelled {
        /// For each call.
        run: Span,
        /// For each job tried.
        job: Span,
        /// For each task placed or rejected.
        task: Span,
        /// For each node examined.
        node: Span,
    },
    /// What it took on this machine, by a clock that whoever runs the simulation hands in: the run is not repeatable.
    Measured(fn() -> Span),
}

/// Machines are pinged; one that misses several pings in a row is declared lost (Apache Mesos, `SlaveObserver`).
///
/// Pings are computed, never one event each: a machine is pinged at a phase of its own, drawn by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// Time between two pings.
    pub ping: Span,
    /// Pings in a row without an answer.
    pub misses: u32,
    /// At least so long passes between two machines that are declared lost; zero: no limit.
    pub removal_gap: Span,
    /// A machine that comes back registers within this span, evenly drawn; zero: at once.
    pub register: Span,
    /// An attempt to register that fails is repeated within a span that begins at this and doubles.
    pub again: Span,
    /// It doubles up to this.
    pub again_most: Span,
    /// At least so long passes between two registrations that are let in; zero: no limit.
    pub register_gap: Span,
}

impl Default for Detection {
    /// As Apache Mesos ships: 15 s, five misses, no limit; registration at once.
    fn default() -> Self {
        Self {
            ping: Span::from_seconds(15),
            misses: 5,
            removal_gap: Span::ZERO,
            register: Span::ZERO,
            again: Span::from_seconds(2),
            again_most: Span::from_seconds(60),
            register_gap: Span::ZERO,
        }
    }
}

/// Delay and loss between the scheduler and the machines. News of tasks are sent at least once: again after a while
/// until they arrive. The message that launches a task is sent once (Apache Mesos: at most once), so that it takes a
/// question to find out that it was lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// What a message takes.
    pub delay: Span,
    /// How likely a message is lost.
    pub loss: f64,
    /// News that are lost are sent again after this; it doubles with each loss.
    pub retry: Span,
    /// It doubles up to this.
    pub retry_most: Span,
    /// A machine that has not confirmed a launch within this is asked for it, again as for news that are lost. None:
    /// nobody asks, and no launch is lost on its way.
    pub confirm: Option<Span>,
}

impl Default for Link {
    /// At once and without loss.
    fn default() -> Self {
        let (retry, retry_most) = (Span::from_seconds(10), Span::from_seconds(600));
        Self { delay: Span::ZERO, loss: 0.0, retry, retry_most, confirm: None }
    }
}

impl Link {
    /// True if every message arrives at once.
    #[must_use]
    pub fn is_perfect(&self) -> bool {
        self.delay == Span::ZERO && self.loss == 0.0
    }
}

/// What a task saves on the way, so that it need not begin anew when its machine dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Work between two checkpoints.
    pub interval: Span,
    /// What writing one takes.
    pub cost: Span,
    /// What reading one takes when the task begins again.
    pub restart: Span,
}

impl Checkpoint {
    /// How long `work` takes if nothing goes wrong: there is no checkpoint at the end.
    #[must_use]
    pub fn wall(&self, work: Span) -> Span {
        Span(work.0.saturating_add(self.count(work).saturating_mul(self.cost.0)))
    }

    fn count(&self, work: Span) -> u64 {
        if self.interval == Span::ZERO { 0 } else { work.0.div_ceil(self.interval.0).saturating_sub(1) }
    }

    /// How much of `work` is saved after so long.
    #[must_use]
    pub fn saved(&self, work: Span, after: Span) -> Span {
        if self.interval == Span::ZERO {
            return Span::ZERO;
        }
        let written = after.0 / self.interval.0.saturating_add(self.cost.0);
        Span(written.min(self.count(work)).saturating_mul(self.interval.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_by_hand() {
        let seconds = Span::from_seconds;
        let each = Checkpoint { interval: seconds(100), cost: seconds(5), restart: seconds(7) };
        // Two on the way to 300 s of work, none at the end.
        assert_eq!(each.wall(seconds(300)), seconds(310));
        assert_eq!(each.wall(seconds(301)), seconds(316));
        assert_eq!(each.wall(seconds(100)), seconds(100));
        let saved = |after: u64| each.saved(seconds(300), seconds(after)).0 / 1_000_000;
        assert_eq!([saved(104), saved(105), saved(209), saved(210), saved(309)], [0, 100, 100, 200, 200]);
        let never = Checkpoint { interval: Span::ZERO, ..each };
        assert_eq!((never.wall(seconds(300)), never.saved(seconds(300), seconds(299))), (seconds(300), Span::ZERO));
    }
}
