//! What an order of the queue is: a number for every waiting job, the smallest first.

use alloc::boxed::Box;

use crate::event::JobSpec;
use crate::id::RoleId;
use crate::time::{Span, Time};

/// What an order may know of a waiting job.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waiter {
    /// When it was handed in.
    pub submit: Time,
    /// How long a task is believed to run, if anybody said.
    pub estimate: Option<Span>,
    /// Millicores that one task, or the gang as a whole, takes.
    pub cpu_milli: u64,
    /// Larger is more important.
    pub priority: i32,
    /// Whose it is.
    pub role: RoleId,
    /// From 0 to 1: how much its partition is preferred.
    pub partition: f32,
    /// Likewise its quality of service.
    pub qos: f32,
}

impl Waiter {
    /// A job that is handed in now.
    #[must_use]
    pub fn new(spec: &JobSpec, submit: Time) -> Self {
        let members = if spec.kind == crate::event::JobKind::Gang { spec.count.max(1) } else { 1 };
        Self {
            submit,
            estimate: spec.estimate,
            cpu_milli: u64::from(spec.request.0[crate::resources::CPU]) * u64::from(members),
            priority: spec.priority,
            role: spec.role,
            partition: 0.0,
            qos: 0.0,
        }
    }

    /// Processors: thousands of millicores.
    #[must_use]
    pub fn procs(&self) -> f64 {
        self.cpu_milli as f64 / 1e3
    }

    /// The believed run time in seconds; infinite if nobody said.
    #[must_use]
    pub fn request_s(&self) -> f64 {
        self.estimate.map_or(f64::INFINITY, seconds)
    }

    /// How long it has waited by `now`, in seconds.
    #[must_use]
    pub fn wait_s(&self, now: Time) -> f64 {
        seconds(now.since(self.submit))
    }

    /// When it was handed in, in seconds of the run's clock.
    #[must_use]
    pub fn submit_s(&self) -> f64 {
        seconds(self.submit.since(Time::ZERO))
    }
}

/// A span in seconds.
#[must_use]
pub fn seconds(span: Span) -> f64 {
    span.0 as f64 / 1e6
}

/// What an order may know besides the job.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// The instant.
    pub now: Time,
    /// Millicores of all open nodes.
    pub cpu_milli: u64,
}

/// An order of the queue, in a party of its own.
pub trait Order: Send {
    /// Where the job stands: the smallest first, the lowest task id among equals.
    fn key(&self, waiter: &Waiter, sight: &Sight) -> u64;

    /// True if keys change while jobs wait, so that the line has to be sorted anew at every pass.
    fn ages(&self) -> bool {
        false
    }

    /// Tasks of a role begin to hold, or no longer hold, so many millicores. Told only to an order that ages.
    fn holds(&mut self, now: Time, role: RoleId, change_milli: i64) {
        let _ = (now, role, change_milli);
    }

    /// A copy in the same state.
    fn copy(&self) -> Box<dyn Order>;
}

/// An order that is a function of the job alone.
#[derive(Clone, Copy)]
pub struct Fixed(pub fn(&Waiter) -> u64);

impl Order for Fixed {
    fn key(&self, waiter: &Waiter, _: &Sight) -> u64 {
        (self.0)(waiter)
    }

    fn copy(&self) -> Box<dyn Order> {
        Box::new(*self)
    }
}

/// An order that is a function of the job and of how long it has waited.
#[derive(Clone, Copy)]
pub struct Aging(pub fn(&Waiter, &Sight) -> u64);

impl Order for Aging {
    fn key(&self, waiter: &Waiter, sight: &Sight) -> u64 {
        (self.0)(waiter, sight)
    }

    fn ages(&self) -> bool {
        true
    }

    fn copy(&self) -> Box<dyn Order> {
        Box::new(*self)
    }
}

/// A score as a key: the order of keys is that of the scores, and what is no number comes last.
#[must_use]
pub fn rising(score: f64) -> u64 {
    if score.is_nan() {
        return u64::MAX;
    }
    // Both zeros are one score.
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The believed run time in microseconds; jobs without one come last.
pub(super) fn estimate_us(waiter: &Waiter) -> u64 {
    waiter.estimate.map_or(u64::MAX, |estimate| estimate.0)
}
