//! Room that is free but of no use to the tasks that come: sampled now and then, by the lane that is short.

use windtunnel_scheduler::event::GpuRequest;
use windtunnel_scheduler::resources::{DISK, GPU, LANES, Resources};
use windtunnel_scheduler::time::{Span, Time};

use super::World;
use super::truth::Node;
use crate::measure::STRANDED;

/// Different shapes that are remembered: the first seen.
const SHAPES_MOST: usize = 64;
/// Of these, how many of the most frequent stand for the typical task.
const TYPICAL: usize = 8;
/// Samples before the distance between two of them doubles.
const SAMPLES: u32 = 32;

/// What tasks ask for, and when to look again how much of the free room is of use to them.
#[derive(Clone)]
pub(super) struct Wanted {
    shapes: Vec<(Resources, GpuRequest, u64)>,
    next: Time,
    every: Span,
    left: u32,
    /// Lane-microseconds stranded, and the level since the last sample.
    pub sum: [u128; LANES],
    pub level: [u64; LANES],
    since: Time,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            shapes: Vec::new(),
            next: Time::ZERO,
            every: Span::from_seconds(1),
            left: SAMPLES,
            sum: [0; LANES],
            level: [0; LANES],
            since: Time::ZERO,
        }
    }
}

impl Wanted {
    /// `count` more tasks ask for this.
    pub(super) fn count(&mut self, request: Resources, gpu: GpuRequest, count: u32) {
        if let Some(known) = self.shapes.iter_mut().find(|known| known.0 == request && known.1 == gpu) {
            known.2 += u64::from(count);
        } else if self.shapes.len() < SHAPES_MOST {
            self.shapes.push((request, gpu, u64::from(count)));
        }
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        now >= self.next && self.is_known()
    }

    /// Whether anything was ever asked for.
    pub(super) fn is_known(&self) -> bool {
        !self.shapes.is_empty()
    }

    fn typical(&self) -> Vec<(Resources, GpuRequest)> {
        let mut order: Vec<usize> = (0..self.shapes.len()).collect();
        order.sort_by_key(|&at| (std::cmp::Reverse(self.shapes[at].2), at));
        let mut typical: Vec<_> =
            order.iter().take(TYPICAL).map(|&at| (self.shapes[at].0, self.shapes[at].1)).collect();
        // The smallest first: it is the one that says why a node is of no use.
        typical.sort_by_key(|&(request, _)| (request[0], request));
        typical
    }

    /// Lets the last sample hold until `now`.
    pub(super) fn advance(&mut self, now: Time) {
        let span = now.since(self.since).0;
        for lane in 0..LANES {
            self.sum[lane] += u128::from(self.level[lane]) * u128::from(span);
        }
        self.since = now;
    }
}

/// True if the task fits.
#[inline]
fn has_room(node: &Node, free: &Resources, request: &Resources, gpu: GpuRequest) -> bool {
    request.fits_in(free) && (gpu.count == 0 || has_devices(node, gpu))
}

fn has_devices(node: &Node, gpu: GpuRequest) -> bool {
    node.devices.iter().filter(|&&used| used + gpu.milli <= 1000).count() >= usize::from(gpu.count)
}

/// What a node is short of for one task: an index into [`STRANDED`]; None if the task fits.
fn short_of(node: &Node, free: &Resources, request: &Resources, gpu: GpuRequest) -> Option<usize> {
    if let Some(lane) = (0..LANES).find(|&lane| request[lane] > free[lane]) {
        return Some(if lane <= DISK {
            lane
        } else if lane == GPU {
            3
        } else {
            4
        });
    }
    (!has_devices(node, gpu)).then_some(3)
}

impl World {
    /// Takes a sample of what is stranded.
    pub(super) fn sample_stranded(&mut self) {
        let typical = self.wanted.typical();
        let mut stranded = [[0; STRANDED.len()]; LANES];
        for node in &self.nodes {
            let Some(free) = node.capacity.checked_sub(&node.used) else { continue };
            if typical.iter().any(|(request, gpu)| has_room(node, &free, request, *gpu)) {
                continue;
            }
            let reason = typical.first().and_then(|(request, gpu)| short_of(node, &free, request, *gpu));
            if let Some(reason) = reason {
                for lane in 0..LANES {
                    stranded[lane][reason] += u64::from(free[lane]);
                }
            }
        }
        self.measures.observe_stranded(self.now, &stranded);
        let wanted = &mut self.wanted;
        wanted.advance(self.now);
        wanted.level = stranded.map(|causes| causes.iter().sum());
        wanted.left -= 1;
        if wanted.left == 0 {
            wanted.left = SAMPLES;
            wanted.every = wanted.every + wanted.every;
        }
        wanted.next = self.now + wanted.every;
    }
}
