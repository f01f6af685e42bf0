//! The policies once more, written from their definitions in lists and loops, held against whole logs job by job.
//!
//! Nothing here knows the core: jobs go in, starts come out. Times are in microseconds.

#![expect(clippy::disallowed_methods, reason = "a reference of its own may use the mathematics of the platform")]

use windtunnel_scheduler::config::{BackfillOrder, Choice, Config, Instant};
use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::resources::CPU;
use windtunnel_scheduler::time::Span;
use windtunnel_traces::model::{Name, Run};
use windtunnel_traces::read::{Input, ReadOptions, open_jobs};
use windtunnel_traces::transform::{Boxed, Estimate, Estimated, Limit, Limited, Ratio};

use super::replay_jobs;
use crate::support::data_file;

/// A job of a log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub number: u64,
    pub submit: u64,
    pub run: u64,
    pub request: u64,
    pub procs: u64,
}

/// Who runs: the position of the job, and when it started.
type Running = Vec<(usize, u64)>;

struct Machine<'a> {
    jobs: &'a [Job],
    procs: u64,
    queue: &'a str,
    shortest: bool,
    per_event: bool,
    waiting: Vec<usize>,
    /// In the order of starts.
    running: Running,
    starts: Vec<u64>,
}

impl<'a> Machine<'a> {
    fn new(jobs: &'a [Job], procs: u64, queue: &'a str, shortest: bool, per_event: bool) -> Self {
        let starts = vec![u64::MAX; jobs.len()];
        Self { jobs, procs, queue, shortest, per_event, waiting: vec![], running: vec![], starts }
    }

    fn due(&self, &(job, start): &(usize, u64)) -> u64 {
        start + self.jobs[job].request
    }

    /// What a pass regards as free.
    fn free(&self, now: u64) -> u64 {
        let counts = |runs: &&(usize, u64)| !self.per_event || self.due(runs) > now;
        self.procs - self.running.iter().filter(counts).map(|runs| self.jobs[runs.0].procs).sum::<u64>()
    }

    fn start(&mut self, now: u64, job: usize) {
        self.waiting.retain(|&other| other != job);
        self.running.push((job, now));
        self.starts[job] = now;
    }

    /// The smallest is first.
    fn score(&self, now: u64, job: usize) -> f64 {
        let Job { submit, request, procs, .. } = self.jobs[job];
        let (wait, request, procs) = ((now - submit) as f64 / 1e6, request as f64 / 1e6, procs as f64);
        match self.queue {
            "sjf" => request,
            "ljf" => -request,
            "wfp3" => -(wait / request).powi(3) * procs,
            "unicep" => -(wait + 1e-15) / ((procs + 1e-15).log2() * request),
            "f1" => request.log10() * procs + 870.0 * (submit as f64 / 1e6).max(0.1).log10(),
            _ => 0.0,
        }
    }

    fn head(&self, now: u64) -> Option<usize> {
        let better = |one: usize, other: usize| {
            if self.score(now, other) < self.score(now, one) { other } else { one }
        };
        self.waiting.iter().copied().reduce(better)
    }

    fn pass(&mut self, now: u64, backfills: bool) {
        let head = loop {
            let Some(head) = self.head(now) else { return };
            if self.jobs[head].procs > self.free(now) {
                break head;
            }
            self.start(now, head);
        };
        if backfills {
            self.backfill(now, head);
        }
    }

    /// EASY: the shadow time by requests, the extra processors after all releases of that instant.
    fn backfill(&mut self, now: u64, head: usize) {
        let need = self.jobs[head].procs;
        let mut ends: Vec<(u64, u64)> =
            self.running.iter().map(|runs| (self.due(runs), self.jobs[runs.0].procs)).collect();
        ends.retain(|&(due, _)| due > now);
        ends.sort_unstable();
        let mut free = self.free(now);
        let mut shadow = now;
        for (at, &(due, procs)) in ends.iter().enumerate() {
            free += procs;
            shadow = due;
            if free >= need && ends.get(at + 1).is_none_or(|next| next.0 > due) {
                break;
            }
        }
        let mut extra = free - need;
        let mut behind: Vec<usize> = self.waiting.iter().copied().filter(|&job| job != head).collect();
        if self.shortest {
            behind.sort_by_key(|&job| self.jobs[job].request);
        }
        let mut free = self.free(now);
        for job in behind {
            let Job { procs, request, .. } = self.jobs[job];
            let in_time = now + request <= shadow;
            if procs <= free && (in_time || procs <= extra) {
                extra -= if in_time { 0 } else { procs };
                free -= procs;
                self.start(now, job);
            }
        }
    }

    fn next_end(&self) -> Option<u64> {
        self.running.iter().map(|&(job, start)| start + self.jobs[job].run).min()
    }

    fn run(mut self, backfills: bool) -> Vec<u64> {
        let mut coming = 0;
        loop {
            let arrival = self.jobs.get(coming).map(|job| job.submit);
            let Some(now) = arrival.into_iter().chain(self.next_end()).min() else { return self.starts };
            let mut arrived = vec![];
            while self.jobs.get(coming).is_some_and(|job| job.submit == now) {
                arrived.push(coming);
                coming += 1;
            }
            let is_over = |&(job, start): &(usize, u64)| start + self.jobs[job].run == now;
            let ended: Running = self.running.iter().copied().filter(is_over).collect();
            if self.per_event {
                for job in arrived {
                    self.waiting.push(job);
                    self.pass(now, backfills);
                }
                for runs in ended {
                    self.running.retain(|other| *other != runs);
                    self.pass(now, backfills);
                }
            } else {
                self.running.retain(|runs| !ended.contains(runs));
                self.waiting.extend(arrived);
                self.pass(now, backfills);
            }
        }
    }
}

/// Conservative: what is free from each instant on, as a list.
struct Slots(Vec<(u64, i64)>);

impl Slots {
    fn cut(&mut self, at: u64) {
        let place = self.0.partition_point(|step| step.0 <= at);
        let (begins, free) = self.0[place - 1];
        if begins < at {
            self.0.insert(place, (at, free));
        }
    }

    fn add(&mut self, from: u64, to: u64, procs: i64) {
        if from < to {
            self.cut(from);
            self.cut(to);
            self.0.iter_mut().filter(|step| step.0 >= from && step.0 < to).for_each(|step| step.1 += procs);
        }
    }

    fn earliest(&self, now: u64, length: u64, procs: i64) -> u64 {
        let mut start = now;
        for (at, &(begins, free)) in self.0.iter().enumerate() {
            let ends = self.0.get(at + 1).map_or(u64::MAX, |next| next.0);
            if ends <= start {
                continue;
            }
            if begins >= start.saturating_add(length) {
                break;
            }
            if free < procs {
                start = ends;
            }
        }
        start
    }

    fn forget(&mut self, now: u64) {
        let keep = self.0.partition_point(|step| step.0 <= now).saturating_sub(1);
        self.0.drain(..keep);
    }
}

fn conservative(jobs: &[Job], procs: u64) -> Vec<u64> {
    let mut slots = Slots(vec![(0, procs as i64)]);
    // A waiting job and its reserved start, in the order of submission.
    let (mut waiting, mut running): (Running, Running) = (vec![], vec![]);
    let (mut starts, mut coming) = (vec![u64::MAX; jobs.len()], 0);
    loop {
        let arrival = jobs.get(coming).map(|job| job.submit);
        let reserved = waiting.iter().map(|&(_, start)| start);
        let ends = running.iter().map(|&(job, start)| start + jobs[job].run);
        let Some(now) = arrival.into_iter().chain(reserved).chain(ends).min() else { return starts };
        slots.forget(now);
        let mut early = false;
        running.retain(|&(job, start)| {
            let Job { run, request, procs, .. } = jobs[job];
            if start + run == now && run < request {
                early = true;
                slots.add(now, start + request, procs as i64);
            }
            start + run != now
        });
        if early {
            for (job, start) in waiting.iter_mut().filter(|(_, start)| *start > now) {
                let Job { request, procs, .. } = jobs[*job];
                slots.add(*start, *start + request, procs as i64);
                *start = slots.earliest(now, request, procs as i64);
                slots.add(*start, *start + request, -(procs as i64));
            }
        }
        while jobs.get(coming).is_some_and(|job| job.submit == now) {
            let Job { request, procs, .. } = jobs[coming];
            let start = slots.earliest(now, request, procs as i64);
            slots.add(start, start + request, -(procs as i64));
            waiting.push((coming, start));
            coming += 1;
        }
        waiting.retain(|&(job, start)| {
            if start <= now {
                starts[job] = now;
                running.push((job, now));
            }
            start > now
        });
    }
}

/// A log as far as it is looked at, with what is believed of its run times.
#[derive(Clone)]
pub(super) struct Log {
    pub file: &'static str,
    pub procs: u32,
    most: u64,
    estimate: Estimate,
}

fn doubled() -> Estimate {
    Estimate::Factor { factor: Ratio::new(2.0).expect("a number"), add: Span::ZERO }
}

impl Log {
    pub(super) const KTH: Self = Self::whole("swf/KTH-SP2-strong.swf", 100, Estimate::AsGiven);
    /// As the archive has it: more jobs, some of which outlive their requests.
    const KTH_RAW: Self = Self::whole("swf/KTH-SP2-1996.swf", 100, Estimate::AsGiven);
    pub(super) const LUBLIN: Self = Self::whole("swf/lublin_256.swf", 256, Estimate::Actual);
    const NASA: Self = Self::whole("swf/NASA-iPSC-1993-3.1-cln.swf.gz", 128, Estimate::Actual);

    const fn whole(file: &'static str, procs: u32, estimate: Estimate) -> Self {
        Self { file, procs, most: u64::MAX, estimate }
    }

    fn first(self, most: u64) -> Self {
        Self { most, ..self }
    }

    pub(super) fn source(&self) -> Option<Boxed> {
        let options = ReadOptions { max_processors: Some(self.procs), ..ReadOptions::default() };
        let log = open_jobs(vec![Input::file(data_file(self.file)?)], Some("swf"), &options).expect("it is readable");
        let limit = Limit { jobs: Some(self.most), ..Limit::default() };
        let log = Box::new(Limited::new(log, limit).expect("it is a limit"));
        Some(Box::new(Estimated::new(log, self.estimate.clone(), 0, 0).expect("it is an estimate")))
    }

    pub(super) fn jobs_of(mut source: Boxed) -> Vec<Job> {
        let mut jobs = vec![];
        while let Some(job) = source.next_job().expect("every row is sound") {
            let group = &job.groups.as_slice()[0];
            let (Name::Number(number), Run::Same(run)) = (&job.name, &group.truth.run) else {
                unreachable!("it is swf")
            };
            let members = if group.ask.kind == JobKind::Gang { u64::from(group.count) } else { 1 };
            jobs.push(Job {
                number: *number,
                submit: job.submit.0,
                run: run.0,
                request: group.ask.estimate.expect("there is one").0,
                procs: members * u64::from(group.ask.request[CPU]) / 1_000,
            });
        }
        jobs
    }

    /// The core starts every job of the log when the loops above do.
    fn agrees(&self, config: &Config) {
        let Some(jobs) = self.source().map(Self::jobs_of) else { return };
        let procs = u64::from(self.procs);
        let queue = config.queue.name.as_str();
        let shortest = config.backfill_order == BackfillOrder::Shortest;
        let machine = Machine::new(&jobs, procs, queue, shortest, config.instant == Instant::PerEvent);
        let expected = match config.backfill.name.as_str() {
            "conservative" => conservative(&jobs, procs),
            backfill => machine.run(backfill == "easy"),
        };
        let source = self.source().expect("it was there");
        let (mut rows, _) = replay_jobs(source, self.procs, config.clone());
        rows.starts.sort_unstable();
        let mut expected: Vec<(u64, u64)> = jobs.iter().map(|job| job.number).zip(expected).collect();
        expected.sort_unstable();
        let differ: Vec<_> = rows.starts.iter().zip(&expected).filter(|(one, other)| one != other).take(3).collect();
        let what = format!("{} {queue} {} {:?}", self.file, config.backfill.name, config.instant);
        assert_eq!((rows.starts.len(), differ), (expected.len(), vec![]), "{what}: (ours, plain)");
    }
}

pub(super) fn filled(backfill: &str) -> Config {
    Config { backfill: Choice::named(backfill), ..super::strict(Instant::Batched) }
}

#[test]
fn conservative_on_logs() {
    for log in [Log::KTH, Log::KTH_RAW, Log::LUBLIN.first(4_000), Log::NASA.first(6_000)] {
        log.agrees(&filled("conservative"));
    }
    Log { estimate: doubled(), ..Log::KTH }.agrees(&filled("conservative"));
    Log { estimate: Estimate::Actual, ..Log::KTH }.agrees(&filled("conservative"));
}

#[test]
fn easy_on_logs_in_both_conventions() {
    for instant in [Instant::Batched, Instant::PerEvent] {
        let easy = Config { instant, ..filled("easy") };
        for log in [Log::KTH_RAW, Log::NASA.first(6_000)] {
            log.agrees(&easy);
        }
        for estimate in [Estimate::Actual, doubled()] {
            Log { estimate, ..Log::KTH }.agrees(&easy);
        }
    }
}

#[test]
fn shortest_behind_the_head_on_logs_in_both_conventions() {
    for instant in [Instant::Batched, Instant::PerEvent] {
        let shortest = Config { instant, backfill_order: BackfillOrder::Shortest, ..filled("easy") };
        for log in [Log::KTH, Log::LUBLIN.first(4_000), Log { estimate: doubled(), ..Log::KTH.first(9_000) }] {
            log.agrees(&shortest);
        }
    }
}

#[test]
fn orders_on_logs_in_both_conventions() {
    for queue in ["sjf", "ljf", "wfp3", "unicep", "f1"] {
        for instant in [Instant::Batched, Instant::PerEvent] {
            for backfill in ["none", "easy"] {
                let config = Config { instant, queue: Choice::named(queue), ..filled(backfill) };
                Log::KTH.first(6_000).agrees(&config);
                Log::LUBLIN.first(1_500).agrees(&config);
            }
        }
    }
}
