//! Windows of a log as studies of learning schedulers replay them: their loop, written down step by step, and ours.

#![expect(clippy::disallowed_methods, reason = "a reference of its own may use the mathematics of the platform")]

use windtunnel_scheduler::config::{Choice, Config};
use windtunnel_traces::transform::{Boxed, Window, Windowed};

use super::plain::{Job, Log, filled};
use super::replay_jobs;

/// One machine, a queue, and a clock that goes from arrival to end.
struct Loop<'a> {
    jobs: &'a [Job],
    order: &'a str,
    free: u64,
    now: u64,
    coming: usize,
    queue: Vec<usize>,
    running: Vec<usize>,
    starts: Vec<u64>,
}

impl Loop<'_> {
    fn score(&self, job: usize) -> f64 {
        let Job { submit, request, procs, .. } = self.jobs[job];
        let (submit, request, procs) = (submit as f64 / 1e6, request as f64 / 1e6, procs as f64);
        let wait = -1.0 - submit;
        match self.order {
            "sjf" => request,
            "wfp3-rl" => -(wait / request).powi(3) * procs,
            "unicep-rl" => -(wait + 1e-15) / ((procs + 1e-15).log2() * request),
            "f1" => request.log10() * procs + 870.0 * (if submit > 0.0 { submit } else { 0.1 }).log10(),
            _ => submit,
        }
    }

    /// Its best job; equal ones as submitted.
    fn first(&self) -> usize {
        let better = |one: usize, other: usize| if self.score(other) < self.score(one) { other } else { one };
        self.queue.iter().copied().reduce(better).expect("somebody waits")
    }

    fn start(&mut self, job: usize) {
        self.free -= self.jobs[job].procs;
        self.queue.retain(|&other| other != job);
        self.running.push(job);
        self.starts[job] = self.now;
    }

    /// To the next arrival if it is no later than the next end, else to that end. False if there is neither.
    fn step(&mut self) -> bool {
        let end = |&job: &usize| self.starts[job] + self.jobs[job].run;
        let next_end = self.running.iter().map(end).min();
        match (self.jobs.get(self.coming), next_end) {
            (Some(job), next) if next.is_none_or(|next| job.submit <= next) => {
                self.now = self.now.max(job.submit);
                self.queue.push(self.coming);
                self.coming += 1;
            }
            (_, Some(next)) => {
                let at = self.running.iter().position(|job| end(job) == next).expect("it is one of them");
                let job = self.running.remove(at);
                self.free += self.jobs[job].procs;
                self.now = self.now.max(next);
            }
            _ => return false,
        }
        true
    }

    /// When the job fits by what running jobs asked for, taken one by one.
    fn shadow(&self, job: usize) -> u64 {
        let mut ends: Vec<(u64, u64)> =
            self.running.iter().map(|&job| (self.starts[job] + self.jobs[job].request, self.jobs[job].procs)).collect();
        ends.sort_unstable();
        let mut free = self.free;
        let enough = |(_, procs): &&(u64, u64)| {
            free += procs;
            free >= self.jobs[job].procs
        };
        ends.iter().find(enough).expect("an empty machine fits every job").0
    }

    fn run(mut self) -> Vec<u64> {
        while self.step() {
            while !self.queue.is_empty() {
                let head = self.first();
                if self.jobs[head].procs > self.free {
                    let shadow = self.shadow(head);
                    while self.jobs[head].procs > self.free {
                        for job in self.queue.clone() {
                            let Job { procs, request, .. } = self.jobs[job];
                            if procs <= self.free && self.now + request < shadow {
                                self.start(job);
                            }
                        }
                        self.step();
                    }
                }
                self.start(head);
            }
        }
        self.starts
    }
}

fn agrees(log: &Log, order: &str, start: u64, jobs: u64) {
    let Some(source) = log.source() else { return };
    let cut = |source: Boxed| -> Boxed { Box::new(Windowed::new(source, Window { start, jobs })) };
    let known = Log::jobs_of(cut(source));
    assert_eq!(known.len() as u64, jobs, "the log is long enough");
    let (free, starts) = (u64::from(log.procs), vec![u64::MAX; known.len()]);
    let (queue, running) = (vec![], vec![]);
    let expected = Loop { jobs: &known, order, free, now: 0, coming: 0, queue, running, starts }.run();
    let config = Config { queue: Choice::named(order), ..filled("head-only") };
    let (mut rows, _) = replay_jobs(cut(log.source().expect("it was there")), log.procs, config);
    rows.starts.sort_unstable();
    let mut plain: Vec<(u64, u64)> = known.iter().map(|job| job.number).zip(expected).collect();
    plain.sort_unstable();
    let differ: Vec<_> = rows.starts.iter().zip(&plain).filter(|(one, other)| one != other).take(3).collect();
    assert_eq!((rows.starts.len(), differ), (plain.len(), vec![]), "{} {order} from {start}: (ours, plain)", log.file);
}

#[test]
fn head_only_is_their_loop_on_windows_of_logs() {
    for order in ["fifo", "sjf", "wfp3-rl", "unicep-rl", "f1"] {
        for start in [0, 1_000, 4_321, 7_500] {
            agrees(&Log::LUBLIN, order, start, 256);
            agrees(&Log::KTH, order, start, 256);
        }
        agrees(&Log::LUBLIN, order, 2_000, 1_024);
        agrees(&Log::KTH, order, 20_000, 1_024);
    }
}
