//! In steady state a decision needs no heap.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use allocation_counter::measure;

use super::{Stage, placed_by};
use crate::Scheduler;
use crate::config::{Config, Instant};
use crate::decision::Decision;
use crate::draw::below;
use crate::event::{Ending, Event, JobKind, JobSpec};
use crate::id::{PartyId, TaskId};
use crate::placement::PLACEMENTS;
use crate::resources::Resources;
use crate::time::Span;

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
            let ended = self.running.swap_remove(draw(5, self.running.len() as u64) as usize);
            events[1] = Event::TaskEnded { task: TaskId(ended), ending: Ending::Finished };
            self.there -= 1;
        }
        self.stage.now = self.stage.now + Span(100_000);
        self.stage.hear(&events);
        for decision in &self.stage.decisions {
            if let Decision::Place { task, more: false, .. } = decision {
                self.running.push(task.0);
            }
        }
    }
}

/// The heap is used how often in 10,000 steps, after as many as it takes to warm up.
fn allocations(config: Config, most: usize, warm_up: usize) -> u64 {
    let mut steady = Steady::new(config, most);
    for _ in 0..warm_up {
        steady.step();
    }
    measure(|| (0..10_000).for_each(|_| steady.step())).count_total
}

#[test]
fn a_decision_allocates_nothing() {
    let mut found = vec![];
    for policy in PLACEMENTS {
        // A fleet with room, and one with a queue; the same where estimates are kept.
        for (instant, most) in [(Instant::Batched, 800), (Instant::Batched, 4_000), (Instant::PerEvent, 800)] {
            let count = allocations(Config { instant, ..placed_by(policy.name) }, most, 40_000);
            if count > 0 {
                found.push(format!("{} {instant:?} {most}: {count}", policy.name));
            }
        }
    }
    assert!(found.is_empty(), "allocations in 10,000 steps: {found:?}");
}

#[test]
fn probe() {
    extern crate std;
    for (block, most) in [(true, 4000), (false, 4000), (false, 2_500)] {
        let head_of_line = if block { crate::config::HeadOfLine::Block } else { crate::config::HeadOfLine::Skip };
        let mut steady = Steady::new(Config { head_of_line, ..placed_by("best-fit") }, most);
        let counts: Vec<(u64, i64, u64)> = (0..20).map(|_| { let i = measure(|| (0..10_000).for_each(|_| steady.step())); (i.count_total, i.count_current, steady.stage.core.waiting()) }).collect();
        std::println!("{block} {most} {counts:?}");
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
