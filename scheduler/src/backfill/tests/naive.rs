//! The policies as their definitions say, in lists that are rebuilt at every event.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::shape::{Job, Machine, POOL, drive, filled, jobs, within_capacity};
use crate::config::{BackfillOrder, Choice, Config, Instant};

const NONE: u64 = u64::MAX;

/// Which policy, in which convention and orders.
#[derive(Clone, Copy)]
struct Rules {
    policy: &'static str,
    per_event: bool,
    shortest_behind: bool,
    shortest_first: bool,
}

struct Naive<'a> {
    rules: Rules,
    jobs: &'a [Job],
    starts: Vec<u64>,
    /// Reserved starts, for conservative.
    reserved: Vec<u64>,
    ended: Vec<bool>,
    waiting: Vec<usize>,
    /// In the order of starts.
    running: Vec<usize>,
    /// For head-only: who blocks, and its shadow time.
    blocks: Option<(usize, u64)>,
}

impl<'a> Naive<'a> {
    fn run(rules: Rules, jobs: &'a [Job]) -> Vec<u64> {
        let count = jobs.len();
        let mut naive = Naive {
            rules,
            jobs,
            starts: vec![NONE; count],
            reserved: vec![NONE; count],
            ended: vec![false; count],
            waiting: vec![],
            running: vec![],
            blocks: None,
        };
        let mut now = 0;
        while naive.starts.contains(&NONE) {
            naive.instant(now);
            now += 1;
        }
        naive.starts
    }

    fn instant(&mut self, now: u64) {
        let coming: Vec<usize> = (0..self.jobs.len()).filter(|&job| self.jobs[job].submit == now).collect();
        let ends: Vec<usize> =
            self.running.iter().copied().filter(|&job| self.starts[job] + self.jobs[job].run == now).collect();
        if self.rules.per_event || self.rules.policy == "head-only" {
            for job in coming {
                self.waiting.push(job);
                self.pass(now, false);
            }
            for job in ends {
                let early = self.end(now, job);
                self.pass(now, early);
            }
            if self.rules.policy == "conservative" {
                self.pass(now, false);
            }
        } else {
            let early: Vec<bool> = ends.iter().map(|&job| self.end(now, job)).collect();
            self.waiting.extend(coming);
            self.pass(now, early.contains(&true));
        }
    }

    /// True if it ended before its request.
    fn end(&mut self, now: u64, job: usize) -> bool {
        self.running.retain(|&other| other != job);
        self.ended[job] = true;
        now < self.due(job)
    }

    fn due(&self, job: usize) -> u64 {
        self.starts[job] + self.jobs[job].estimate
    }

    fn free(&self, now: u64) -> u64 {
        let counts = |job: &&usize| !self.rules.per_event || self.rules.policy == "head-only" || self.due(**job) > now;
        POOL - self.running.iter().filter(counts).map(|&job| self.jobs[job].procs).sum::<u64>()
    }

    fn start(&mut self, now: u64, job: usize) {
        self.waiting.retain(|&other| other != job);
        self.starts[job] = now;
        self.running.push(job);
    }

    fn pass(&mut self, now: u64, early: bool) {
        match self.rules.policy {
            "easy" => self.easy(now),
            "head-only" => self.head_only(now),
            _ => self.conservative(now, early),
        }
    }

    fn first(&self) -> Option<usize> {
        let key = |job: usize| if self.rules.shortest_first { self.jobs[job].estimate } else { 0 };
        self.waiting.iter().copied().min_by_key(|&job| (key(job), job))
    }

    fn behind(&self, head: usize) -> Vec<usize> {
        let mut behind: Vec<usize> = self.waiting.iter().copied().filter(|&job| job != head).collect();
        let key = |job: usize| if self.rules.shortest_behind { self.jobs[job].estimate } else { 0 };
        behind.sort_unstable_by_key(|&job| (key(job), job));
        behind
    }

    /// When the head fits by what was requested, and what is free then.
    fn shadow(&self, now: u64, head: usize) -> (u64, u64) {
        let mut dues: Vec<u64> = self.running.iter().map(|&job| self.due(job)).collect();
        dues.sort_unstable();
        let free_at = |at: u64| {
            POOL - self.running.iter().filter(|&&job| self.due(job) > at).map(|&job| self.jobs[job].procs).sum::<u64>()
        };
        let fits = |at: &u64| free_at(*at) >= self.jobs[head].procs;
        let shadow = dues.into_iter().filter(|&due| due > now).find(fits).unwrap_or(now);
        (shadow, free_at(shadow))
    }

    fn easy(&mut self, now: u64) {
        let head = loop {
            let Some(head) = self.first() else { return };
            if self.jobs[head].procs > self.free(now) {
                break head;
            }
            self.start(now, head);
        };
        let (shadow, free_then) = self.shadow(now, head);
        let mut extra = free_then - self.jobs[head].procs;
        for job in self.behind(head) {
            let Job { procs, estimate, .. } = self.jobs[job];
            if procs > self.free(now) {
                continue;
            }
            if now + estimate <= shadow {
                self.start(now, job);
            } else if procs <= extra {
                extra -= procs;
                self.start(now, job);
            }
        }
    }

    fn head_only(&mut self, now: u64) {
        let (head, shadow) = loop {
            let (head, shadow) = match (self.blocks, self.first()) {
                (Some((head, shadow)), _) => (head, Some(shadow)),
                (None, Some(head)) => (head, None),
                (None, None) => return,
            };
            if self.jobs[head].procs > self.free(now) {
                break (head, shadow.unwrap_or_else(|| self.shadow_in_loop(head)));
            }
            self.start(now, head);
            self.blocks = None;
        };
        self.blocks = Some((head, shadow));
        for job in self.behind(head) {
            if self.jobs[job].procs <= self.free(now) && now + self.jobs[job].estimate < shadow {
                self.start(now, job);
            }
        }
    }

    /// Running jobs by requested end, one by one, until there is enough for the head.
    fn shadow_in_loop(&self, head: usize) -> u64 {
        let mut running = self.running.clone();
        running.sort_by_key(|&job| self.due(job));
        let mut free = POOL - running.iter().map(|&job| self.jobs[job].procs).sum::<u64>();
        for job in running {
            free += self.jobs[job].procs;
            if free >= self.jobs[head].procs {
                return self.due(job);
            }
        }
        unreachable!("an empty pool fits every job")
    }

    /// What is reserved or runs at an instant, without one job.
    fn taken(&self, at: u64, without: usize) -> u64 {
        let begin = |job: usize| if self.starts[job] == NONE { self.reserved[job] } else { self.starts[job] };
        let there = |job: &usize| {
            let from = begin(*job);
            *job != without && !self.ended[*job] && from <= at && at - from < self.jobs[*job].estimate
        };
        (0..self.jobs.len()).filter(there).map(|job| self.jobs[job].procs).sum()
    }

    fn earliest(&self, now: u64, job: usize) -> u64 {
        let Job { estimate, procs, .. } = self.jobs[job];
        let fits = |from: &u64| (*from..from + estimate).all(|at| self.taken(at, job) + procs <= POOL);
        (now..).find(fits).unwrap_or(NONE)
    }

    fn conservative(&mut self, now: u64, early: bool) {
        let mut waiting = self.waiting.clone();
        if self.rules.shortest_behind {
            waiting.sort_unstable_by_key(|&job| (self.jobs[job].estimate, job));
        }
        for &job in waiting.iter().filter(|_| early) {
            if self.reserved[job] != NONE && self.reserved[job] > now {
                self.reserved[job] = NONE;
                self.reserved[job] = self.earliest(now, job);
            }
        }
        for job in self.waiting.clone() {
            if self.reserved[job] == NONE {
                self.reserved[job] = self.earliest(now, job);
            }
        }
        for job in self.waiting.clone() {
            if self.reserved[job] <= now {
                self.start(now, job);
            }
        }
    }
}

fn agree(rules: Rules, jobs: &[Job]) -> Result<Vec<u64>, TestCaseError> {
    let instant = if rules.per_event { Instant::PerEvent } else { Instant::Batched };
    let config = Config {
        queue: Choice::named(if rules.shortest_first { "sjf" } else { "fifo" }),
        backfill_order: if rules.shortest_behind { BackfillOrder::Shortest } else { BackfillOrder::Fifo },
        ..filled(rules.policy, instant)
    };
    let ours = drive(&config, jobs, Machine::Pool);
    prop_assert_eq!(&ours, &Naive::run(rules, jobs), "{} {:?}", rules.policy, instant);
    prop_assert!(within_capacity(jobs, &ours));
    Ok(ours)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn easy_is_the_plain_one(
        jobs in jobs(false), per_event: bool, shortest_behind: bool, shortest_first: bool,
    ) {
        agree(Rules { policy: "easy", per_event, shortest_behind, shortest_first }, &jobs)?;
    }

    #[test]
    fn head_only_is_the_plain_one(
        jobs in jobs(false), per_event: bool, shortest_behind: bool, shortest_first: bool,
    ) {
        agree(Rules { policy: "head-only", per_event, shortest_behind, shortest_first }, &jobs)?;
    }

    #[test]
    fn conservative_is_the_plain_one(jobs in jobs(false), per_event: bool, shortest_behind: bool) {
        agree(Rules { policy: "conservative", per_event, shortest_behind, shortest_first: false }, &jobs)?;
    }

    /// With exact estimates nobody starts later than it would if nobody came after it.
    #[test]
    fn conservative_delays_no_reserved_start(jobs in jobs(true), per_event: bool) {
        let rules = Rules { policy: "conservative", per_event, shortest_behind: false, shortest_first: false };
        let all = agree(rules, &jobs)?;
        for known in 1..jobs.len() {
            prop_assert_eq!(all[known - 1], agree(rules, &jobs[..known])?[known - 1]);
        }
    }

    /// With exact estimates the first that cannot start at once starts as if nobody came after it.
    #[test]
    fn easy_does_not_delay_the_head(jobs in jobs(true), per_event: bool) {
        let rules = Rules { policy: "easy", per_event, shortest_behind: false, shortest_first: false };
        let all = agree(rules, &jobs)?;
        if let Some(head) = (0..jobs.len()).find(|&job| all[job] > jobs[job].submit) {
            prop_assert_eq!(all[head], agree(rules, &jobs[..=head])?[head]);
        }
    }

    /// A job is one task of n processors or n tasks of one: the same starts, on any equal nodes.
    #[test]
    fn a_pool_and_equal_nodes_start_alike(
        jobs in jobs(false),
        policy in prop::sample::select(vec!["none", "easy", "conservative", "head-only"]),
        cpus in prop::sample::select(vec![1_u32, 2, 5]),
        per_event: bool,
    ) {
        let config = filled(policy, if per_event { Instant::PerEvent } else { Instant::Batched });
        let config = Config { head_of_line: crate::config::HeadOfLine::Block, ..config };
        prop_assert_eq!(drive(&config, &jobs, Machine::Pool), drive(&config, &jobs, Machine::Nodes { cpus }));
    }
}
