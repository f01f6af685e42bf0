//! The end: what still runs is accounted for, the books are closed, the truth is counted once more.

use std::collections::BTreeMap;

use windtunnel_outcome::recorder::{Outcome, Recorder};
use windtunnel_outcome::rows::{NodeRow, State};
use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::id::TaskId;
use windtunnel_scheduler::resources::{CPU, LANES, Resources};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Label;

use super::truth::{NONE, Task};
use super::{UNSTARTED, World};
use crate::error::SimError;
use crate::experiment::Stop;
use crate::measure::{Measures, profile};

/// The version of the keys of `summary.json`.
pub const SCHEMA_VERSION: u64 = 1;
/// Different shapes that are named in warnings about tasks that can never run.
const NEVER_NAMED: usize = 3;

impl World {
    /// Ends the run and hands over everything that came of it.
    pub(crate) fn close(mut self, recorder: &mut dyn Recorder) -> Result<Outcome, SimError> {
        let end = match self.stop {
            Stop::At(end) => end,
            Stop::Drained => self.now,
        };
        self.take_blasts(end);
        self.now = end;
        self.measures.end(end);
        self.wanted.advance(end);
        if self.wanted.is_known() {
            self.sample_stranded();
        }
        self.hear_everything();
        self.write_all_rows(recorder);
        self.count_needy()?;
        let open = self.open_tasks();
        self.recount(&open)?;
        self.settle_holders();
        for task in &open {
            self.close_task(recorder, task);
        }
        self.warn_of_pending(&open);
        self.warn_of_notes();
        self.settle_trouble();
        let Self { nodes, fleet, conservation, .. } = &mut self;
        for (node, spec) in nodes.iter_mut().zip(&fleet.nodes) {
            node.settle(end, conservation);
            windtunnel_outcome::conservation::hold(&mut conservation.capacity, &spec.capacity, end.since(Time::ZERO));
        }
        if self.comings.is_some() {
            self.settle_comings();
        }
        self.warn_of_triggers();
        let mut outcome = Outcome { end, lanes: self.measures.lanes.clone(), ..Outcome::default() };
        outcome.nodes = self.node_rows();
        self.summarise(&mut outcome);
        let Measures { series, heat, slowest, has_usage, .. } = self.measures;
        outcome.series = series.finish(end);
        Measures::without_unused(has_usage, &mut outcome.series);
        outcome.heat = Some(heat.finish(end));
        outcome.slowest = slowest;
        outcome.blasts = self.radius.rows;
        outcome.warnings = self.warnings;
        Ok(outcome)
    }

    /// Every task that is not over, in order of id.
    fn open_tasks(&self) -> Vec<Task> {
        let known = self.of_task.iter();
        known
            .map(|(id, slot)| {
                if slot & UNSTARTED == 0 {
                    return self.tasks[slot];
                }
                let job = slot & !UNSTARTED;
                let index = self.index_of(job, TaskId(id));
                let eligible = self.jobs[job].submit;
                let running = None;
                let (causes, leaving, flags) = (NONE, None, 0);
                Task { id, job, index, attempt: 0, generation: 0, eligible, running, causes, leaving, flags }
            })
            .collect()
    }

    /// Holds what the nodes are believed to hold against what the tasks say, from scratch.
    fn recount(&self, open: &[Task]) -> Result<(), SimError> {
        let mut used = vec![Resources::ZERO; self.nodes.len()];
        let mut add = |task: &Task, node: u32, count: u32| {
            let request = self.constrained(self.jobs[task.job].parts.of(task.index).request());
            let row = &mut used[node as usize];
            for lane in 0..LANES {
                row[lane] = row[lane].saturating_add(request[lane].saturating_mul(count));
            }
        };
        let mut inside = BTreeMap::new();
        for task in open {
            let Some(attempt) = task.running else { continue };
            if attempt.within == NONE {
                self.parts_of(&attempt).for_each(|(node, count, _)| add(task, node, count));
            }
            for (holder, count) in self.holders_of(&attempt) {
                let request = self.constrained(self.jobs[task.job].parts.of(task.index).request());
                let row: &mut Resources = inside.entry(holder).or_insert(Resources::ZERO);
                for lane in 0..LANES {
                    row[lane] = row[lane].saturating_add(request[lane].saturating_mul(count));
                }
            }
        }
        self.recount_holders(&inside)?;
        match (0..self.nodes.len()).find(|&at| used[at] != self.nodes[at].used) {
            None => Ok(()),
            Some(at) => Err(SimError::Audit {
                at: self.now,
                reason: format!(
                    "node `{}` is booked for {:?}, but its tasks hold {:?}",
                    self.node_names[at], self.nodes[at].used.0, used[at].0
                ),
            }),
        }
    }

    /// The row and the numbers of a task that is not over.
    fn close_task(&mut self, recorder: &mut dyn Recorder, task: &Task) {
        let part = self.jobs[task.job].parts.of(task.index);
        let (request, members) = (part.request(), part.members());
        let state = if task.running.is_some() { State::Running } else { State::Pending };
        match task.running {
            Some(attempt) if attempt.within != NONE => self.still_inside(self.constrained(request), &attempt),
            Some(attempt) => self.account(task.job, request, members, self.now - attempt.place, false),
            None => {}
        }
        let job = &mut self.jobs[task.job];
        let (class, role, measured) = (job.class.0, job.role.0, job.measured);
        // The last open task of a job closes it: running if any of its tasks runs.
        job.live -= 1;
        if state == State::Running || job.worst != State::Running {
            job.worst = state;
        }
        if measured {
            if job.live == 0 {
                self.measures.jobs[job.worst as usize] += 1;
            }
            self.measures.task_over(class, role, state, members);
        }
        self.write_row(recorder, task, state, Span::ZERO, None);
    }

    /// Nothing is dropped in silence: what readers skipped, clipped or repaired.
    fn warn_of_notes(&mut self) {
        for (at, workload) in self.arrivals.workloads().iter().enumerate() {
            for note in workload.source.notes() {
                let what = if note.skipped { "left out" } else { "changed" };
                let reason = note.reason.replace('_', " ");
                self.warnings.push(format!("workload {at}: {} rows {what}: {reason}", note.count));
            }
        }
    }

    fn warn_of_pending(&mut self, open: &[Task]) {
        let mut never: Vec<(Resources, u64, String)> = Vec::new();
        let mut verdicts: Vec<(Resources, u8, Option<usize>, bool)> = Vec::new();
        for task in open.iter().filter(|task| task.running.is_none()) {
            let job = &self.jobs[task.job];
            let part = job.parts.of(task.index);
            let workload = usize::from(job.workload);
            let (devices, inside) = (part.gpu.count, self.source_of_workload(workload));
            let is_it = |known: &&(Resources, u8, Option<usize>, bool)| {
                (known.0, known.1, known.2) == (part.request(), devices, inside)
            };
            let hopeless = match verdicts.iter().find(is_it) {
                Some(known) => known.3,
                None => {
                    let ask = windtunnel_traces::model::Ask {
                        kind: part.kind,
                        request: part.request(),
                        gpu: part.gpu,
                        ..Default::default()
                    };
                    let verdict = self.can_never_start(workload, &ask, part.count);
                    verdicts.push((part.request(), devices, inside, verdict));
                    verdict
                }
            };
            if hopeless {
                let tasks = u64::from(part.members());
                match never.iter_mut().find(|known| known.0 == part.request()) {
                    Some(known) => known.1 += tasks,
                    None => never.push((part.request(), tasks, format!("{}/{}", job.name, task.index))),
                }
            }
        }
        let count: u64 = never.iter().map(|known| known.1).sum();
        if count > 0 {
            let named: Vec<String> = never
                .iter()
                .take(NEVER_NAMED)
                .map(|(request, _, name)| format!("`{name}` ({})", self.words(request)))
                .collect();
            let what = if self.kinds.holders.is_empty() { "node" } else { "node, or holder of its framework," };
            self.warnings.push(format!(
                "{} can never be placed, since no {what} is large enough even when empty: {}{}",
                tasks(count),
                named.join(", "),
                if never.len() > NEVER_NAMED { ", ..." } else { "" }
            ));
        }
        if self.past.displaced > 0 {
            self.warnings.push(format!(
                "{} queued instead of begun as recorded: the node had no room left",
                tasks(self.past.displaced)
            ));
        }
        if self.past.nowhere > 0 {
            self.warnings.push(format!(
                "{} queued instead of begun as recorded: the fleet has no node of that name",
                tasks(self.past.nowhere)
            ));
        }
    }

    /// A request in words: `4 cpu, 16384 MiB memory`.
    fn words(&self, request: &Resources) -> String {
        let lanes = self.fleet.named_lanes().filter(|&lane| request[lane] > 0);
        let words = lanes.map(|lane| match lane {
            0 | 3 => format!("{} {}", f64::from(request[lane]) / 1000.0, self.fleet.lane_name(lane)),
            1 | 2 => format!("{} MiB {}", request[lane], self.fleet.lane_name(lane)),
            _ => format!("{} {}", request[lane], self.fleet.lane_name(lane)),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    fn node_rows(&self) -> Vec<NodeRow> {
        let run = self.now.since(Time::ZERO);
        let rows = self.fleet.nodes.iter().zip(&self.nodes).enumerate();
        rows.map(|(at, (spec, truth))| NodeRow {
            name: spec.name.to_string(),
            capacity: spec.capacity,
            gpus: spec.gpus,
            gpu_model: spec.attributes.iter().find(|(name, _)| name == "gpu_model").map(|(_, model)| model.clone()),
            domains: spec.domains.clone(),
            allocated: truth.allocated,
            used: None,
            up: Span(run.0 - self.away_of(at).0 - self.down_of(at).0),
            down: self.down_of(at),
            failures: self.trouble.as_ref().map_or(0, |trouble| trouble.health[at].failures),
            starts: truth.starts,
            tasks_max: truth.tasks_most,
        })
        .collect()
    }

    fn summarise(&mut self, outcome: &mut Outcome) {
        let mut summary = Summary::default();
        summary.set("schema_version", SCHEMA_VERSION);
        summary.set("fingerprint", format!("{:032x}", self.fingerprint.value()).as_str());
        summary.set("seed", self.seed);
        self.measures.record(&mut summary);
        self.conservation.record(&outcome.lanes, &mut summary);
        let jobs = &self.overtaking;
        let share = (jobs.started > 0).then(|| jobs.passed as f64 / jobs.started as f64);
        summary.set("backfilled.share", share);
        summary.set("nodes.count", self.ever_there(0..self.nodes.len()));
        summary.set("nodes.touched", self.nodes.iter().filter(|node| node.tasks_most > 0).count() as u64);
        let is_empty = |&at: &usize| self.nodes[at].tasks == 0 && !self.is_away(at as u32);
        summary.set("nodes.empty_at_end", (0..self.nodes.len()).filter(is_empty).count() as u64);
        for (lane, name) in &outcome.lanes {
            let capacity = self.conservation.capacity[*lane];
            let share = |part: u128| (capacity > 0).then(|| part as f64 / capacity as f64);
            summary.set(&format!("stranded.{name}.mean"), share(self.wanted.sum[*lane]));
            let up = self.levels.capacity.0[*lane];
            let at_end = (up > 0 && self.wanted.is_known()).then(|| self.wanted.level[*lane] as f64 / up as f64);
            summary.set(&format!("stranded.{name}.at_end"), at_end);
            let held = self.conservation.busy[*lane] + self.conservation.lost[*lane];
            let useful = (held > 0).then(|| self.conservation.busy[*lane] as f64 / held as f64);
            summary.set(&format!("goodput.{name}"), useful);
        }
        for (at, workload) in self.arrivals.workloads().iter().enumerate() {
            for note in workload.source.notes() {
                summary.set_path(vec!["notes".to_owned(), at.to_string(), note.reason], note.count);
            }
        }
        for (name, count) in self.scheduler_counts() {
            summary.set(&format!("scheduler.{name}"), count);
        }
        self.record_bill(&mut summary);
        self.record_fairness(&mut summary);
        self.offers.record(self.now, &mut summary);
        self.past.history.record(&mut summary, self.measures.waits.count(), self.levels.capacity.0[CPU]);
        if self.thinking.busy > Span::ZERO {
            summary.set("scheduler.busy_s", self.thinking.busy.as_seconds());
        }
        self.record_trouble(&mut summary);
        self.record_launches(&mut summary);
        self.record_blasts(&mut summary);
        self.record_overload(&mut summary);
        self.record_maintenance(&mut summary);
        self.record_triggers(&mut summary);
        self.record_courses(&mut summary);
        self.record_services(&mut summary);
        self.record_upgrades(&mut summary);
        self.record_needs(&mut summary);
        self.record_holders(&mut summary);
        outcome.waits.push(profile("all", "", &mut self.measures.waits));
        outcome.waits.extend(self.past.history.profile());
        let labels = self.arrivals.labels();
        let word = |label: u16| labels.word(Label(label));
        self.measures.record_tallies(&mut summary, "class", word, &mut outcome.waits);
        self.measures.record_tallies(&mut summary, "role", word, &mut outcome.waits);
        outcome.summary = summary;
    }

    fn scheduler_counts(&self) -> [(&'static str, u64); 6] {
        [
            ("steps", self.effort.steps),
            ("events", self.effort.events),
            ("decisions", self.effort.decisions),
            ("jobs_tried", self.effort.work.jobs),
            ("tasks_tried", self.effort.work.tasks),
            ("nodes_examined", self.effort.work.nodes),
        ]
    }

    /// How evenly teams share: Jain's index and the ratio of the largest to the smallest dominant share (time mean).
    fn record_fairness(&self, summary: &mut Summary) {
        let capacity = &self.conservation.capacity;
        let shares: Vec<f64> = self
            .measures
            .by_role
            .iter()
            .flatten()
            .map(|tally| {
                let of_lane = |lane: usize| {
                    if capacity[lane] == 0 { 0.0 } else { tally.allocated[lane] as f64 / capacity[lane] as f64 }
                };
                (0..LANES).map(of_lane).fold(0.0, f64::max)
            })
            .collect();
        let sum: f64 = shares.iter().sum();
        let squares: f64 = shares.iter().map(|share| share * share).sum();
        let several = shares.len() > 1 && squares > 0.0;
        summary.set("fairness.jain", several.then(|| sum * sum / (shares.len() as f64 * squares)));
        let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
        let most = shares.iter().copied().fold(0.0, f64::max);
        summary.set("fairness.max_min_ratio", (several && least > 0.0).then(|| most / least));
    }
}

/// `1 task`, `2 tasks`.
fn tasks(count: u64) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}
