//! In steady state a decision needs no heap.

use alloc::vec::Vec;

use allocation_counter::measure;

use super::{Stage, placed_by};
use crate::Scheduler;
use crate::config::{Config, HeadOfLine, Instant};
use crate::decision::Decision;
use crate::draw::below;
use crate::event::{Ending, Event, JobKind, JobSpec};
use crate::id::{PartyId, TaskId};
use crate::placement::PLACEMENTS;
use crate::resources::Resources;
use crate::time::Span;

/// Tasks that there is room for.
const ROOM: usize = 800;
/// More tasks than there is room for.
const QUEUE: usize = 5_000;

/// Tasks come and go on 300 nodes; those that are there, waiting or running, are kept at `most`.
struct Steady {
    stage: Stage,
    plain: JobSpec,
    running: Vec<u64>,
    there: usize,
    most: usize,
    next: u64,
}

impl Steady {
    fn new(config: Config, most: usize) -> Self {
        let mut stage = Stage::with(config, &[(64_000, 262_144); 300]);
        let plain = stage.task(0, 0);
        Self { stage, plain, running: Vec::with_capacity(1 << 16), there: 0, most, next: 0 }
    }

    /// A task or a gang arrives; if too many are there, one of those that run ends in the same instant.
    fn step(&mut self) {
        let task = self.next;
        let draw = |kind: u64, bound: u64| below(bound, 1, kind, task, 0);
        let cpu = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000][draw(1, 6) as usize];
        let is_gang = draw(3, 20) == 0;
        let job = JobSpec {
            first_task: TaskId(task),
            count: if is_gang { 1 + draw(4, 4) as u32 } else { 1 },
            kind: if is_gang { JobKind::Gang } else { JobKind::Batch },
            request: Resources::new(cpu, (cpu / 1_000 * 1_024) << draw(2, 4)),
            estimate: Some(Span::from_seconds(60)),
            ..self.plain.clone()
        };
        self.next += 1;
        self.there += 1;
        let mut events = [Event::JobSubmitted(job), Event::Woken];
        if self.there > self.most && !self.running.is_empty() {
            events[1] = self.ending();
        }
        self.hear(&events);
    }

    /// One of those that run ends.
    fn end(&mut self) {
        let ended = self.ending();
        self.hear(&[ended]);
    }

    fn ending(&mut self) -> Event {
        let at = below(self.running.len() as u64, 1, 5, self.next, self.there as u64);
        self.there -= 1;
        Event::TaskEnded { task: TaskId(self.running.swap_remove(at as usize)), ending: Ending::Finished }
    }

    fn hear(&mut self, events: &[Event]) {
        self.stage.now = self.stage.now + Span(100_000);
        self.stage.hear(events);
        for decision in &self.stage.decisions {
            if let Decision::Place { task, more: false, .. } = decision {
                self.running.push(task.0);
            }
        }
    }
}

/// The heap is used how often in 10,000 steps, after the tables have seen a crowd so many times as large: what they
/// take is room for the most they ever held.
fn allocations(config: Config, most: usize, times: usize) -> u64 {
    let mut steady = Steady::new(config, times * most);
    (0..20_000).for_each(|_| steady.step());
    while steady.there > most {
        steady.end();
    }
    steady.most = most;
    (0..10_000).for_each(|_| steady.step());
    measure(|| (0..10_000).for_each(|_| steady.step())).count_total
}

#[test]
fn a_decision_allocates_nothing() {
    for policy in PLACEMENTS {
        let config = placed_by(policy.name);
        assert_eq!(allocations(config.clone(), ROOM, 4), 0, "{}", policy.name);
        let per_event = Config { instant: Instant::PerEvent, ..config };
        assert_eq!(allocations(per_event, ROOM, 4), 0, "{} where estimates are kept", policy.name);
    }
}

/// A table of waiting tasks grows whenever it holds more than ever before, which chance brings about now and then.
#[test]
fn a_queue_that_does_not_grow_allocates_next_to_nothing() {
    for head_of_line in [HeadOfLine::Skip, HeadOfLine::Block] {
        let count = allocations(Config { head_of_line, ..placed_by("best-fit") }, QUEUE, 2);
        assert!(count < 50, "{count} allocations in 10,000 steps, {head_of_line:?}");
    }
}

#[test]
fn the_counter_counts() {
    let mut stage = Stage::with(placed_by("best-fit"), &[(1_000, 0)]);
    let spec = stage.task(1_000, 0);
    let mut decisions = Vec::new();
    let info = measure(|| {
        stage.core.step(PartyId::FIRST, stage.now, &[Event::JobSubmitted(spec)], &mut decisions).expect("never gone");
    });
    assert!(info.count_total > 0, "the first decision fills tables");
}
