//! A run held against what really happened, where the trace says when tasks started or where.

use windtunnel_outcome::Summary;
use windtunnel_outcome::distribution::Distribution;
use windtunnel_outcome::recorder::WaitProfile;
use windtunnel_scheduler::time::{Span, Time};

use crate::measure::{EXACT_MOST, profile, record_seconds};

/// What really happened to the tasks of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    /// When they started.
    pub start: Option<Time>,
    /// Where they ran: a node of the fleet, None if the trace does not say.
    pub node: Option<u32>,
}

/// One first start, as it came out here.
pub(crate) struct Start {
    pub past: Past,
    pub submit: Time,
    pub now: Time,
    pub node: u32,
    pub members: u32,
    /// Millicores of one member, and how long it runs.
    pub cpu: u32,
    pub run: Span,
}

/// The books of a comparison with history.
#[derive(Clone)]
pub(crate) struct History {
    tasks: u64,
    errors: Distribution,
    wait_errors: Distribution,
    waits: Distribution,
    /// The sum of starts minus real starts, in microseconds.
    bias: i128,
    placed: u64,
    same_node: u64,
    /// Real millicore-microseconds, from the first submission to the last real end.
    busy: u128,
    first: Time,
    last: Time,
}

impl Default for History {
    fn default() -> Self {
        let distribution = || Distribution::new(EXACT_MOST);
        Self {
            tasks: 0,
            errors: distribution(),
            wait_errors: distribution(),
            waits: distribution(),
            bias: 0,
            placed: 0,
            same_node: 0,
            busy: 0,
            first: Time::NEVER,
            last: Time::ZERO,
        }
    }
}

impl History {
    /// A task of which the trace knows something started.
    pub(crate) fn note(&mut self, start: &Start) {
        let times = u64::from(start.members);
        if let Some(node) = start.past.node {
            self.placed += times;
            self.same_node += times * u64::from(node == start.node);
        }
        let Some(real) = start.past.start else { return };
        self.tasks += times;
        self.errors.add_times(real.0.abs_diff(start.now.0), times);
        // A snapshot has tasks that started before it was taken: they did not wait, as far as it knows.
        let waited = real.since(start.submit).0;
        self.waits.add_times(waited, times);
        self.wait_errors.add_times(waited.abs_diff(start.now.since(start.submit).0), times);
        self.bias += (i128::from(start.now.0) - i128::from(real.0)) * i128::from(times);
        if !start.run.is_forever() {
            self.busy += u128::from(start.cpu) * u128::from(times) * u128::from(start.run.0);
            self.first = self.first.min(start.submit);
            self.last = self.last.max(real + start.run);
        }
    }

    /// Writes every number that is known; none if the trace knows nothing. `all` is how many tasks started,
    /// `capacity` the millicores of the fleet.
    pub(crate) fn record(&mut self, summary: &mut Summary, all: u64, capacity: u64) {
        if self.tasks > 0 {
            summary.set("history.tasks", self.tasks);
            record_seconds(summary, "history.start_error_s", &mut self.errors);
            record_seconds(summary, "history.wait_error_s", &mut self.wait_errors);
            summary.set("history.start_bias_s", self.bias as f64 / self.tasks as f64 / 1e6);
            summary.set("history.wait_s.mean", self.waits.mean().map(|mean| mean / 1e6));
            let span = u128::from(self.last.since(self.first).0) * u128::from(capacity);
            // Of a part of the tasks nobody can say how full the machines were.
            let real = (self.tasks == all && span > 0).then(|| self.busy as f64 / span as f64);
            let here = summary.number("utilization.cpu");
            summary.set("history.utilization.cpu", real);
            summary.set("history.utilization_error", real.zip(here).map(|(real, here)| (here - real).abs()));
        }
        if self.placed > 0 {
            summary.set("history.same_node_share", self.same_node as f64 / self.placed as f64);
        }
    }

    /// The real waits, for a picture.
    pub(crate) fn profile(&mut self) -> Option<WaitProfile> {
        (self.tasks > 0).then(|| profile("history", "", &mut self.waits))
    }
}
