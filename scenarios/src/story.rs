//! A recorder that follows a few tasks and keeps everything that happens to them.

use std::collections::BTreeMap;

use windtunnel_outcome::recorder::RecordError;
use windtunnel_outcome::rows::{NameRef, State, TaskRow};
use windtunnel_outcome::{Outcome, Recorder};
use windtunnel_reports::explain::{Happening, Story};
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::{Event, JobKind, JobSpec};
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::time::Time;
use windtunnel_traces::model::Fleet;

/// Tries of one task that are told; more come to the same.
const TRIES_MOST: usize = 8;

/// Follows tasks by name.
pub struct Follow<'a> {
    fleet: &'a Fleet,
    /// The stories, by the name of the task.
    stories: BTreeMap<String, Story>,
    /// Which tasks are followed: every one of these jobs, or these tasks.
    jobs: Vec<String>,
    /// The followed tasks by number.
    of_task: BTreeMap<u64, String>,
    /// The followed tasks of a job, by its number.
    of_job: BTreeMap<u64, Vec<u64>>,
}

/// Tasks of one job that are followed.
const TASKS_MOST: usize = 50;

impl<'a> Follow<'a> {
    /// Follows the tasks of these names, and every task of these jobs (50 of each at most).
    #[must_use]
    pub fn new(fleet: &'a Fleet, tasks: &[String], jobs: &[String]) -> Self {
        let stories = tasks.iter().map(|task| (task.clone(), Story { task: task.clone(), ..Story::default() }));
        let (of_task, of_job) = (BTreeMap::new(), BTreeMap::new());
        Self { fleet, stories: stories.collect(), jobs: jobs.to_vec(), of_task, of_job }
    }

    /// What happened to each, by name; those that never came are left out.
    #[must_use]
    pub fn stories(self) -> Vec<Story> {
        self.stories.into_values().filter(|story| !story.timeline.is_empty()).collect()
    }

    fn tell(&mut self, task: u64, at: Time, what: Happening) {
        let Some(story) = self.of_task.get(&task).and_then(|name| self.stories.get_mut(name)) else { return };
        if matches!(what, Happening::Tried(_)) {
            let tries = story.timeline.iter().filter(|(_, what)| matches!(what, Happening::Tried(_))).count();
            if tries >= TRIES_MOST {
                story.tries_left_out += 1;
                return;
            }
        }
        story.timeline.push((at, what));
    }

    fn words(&self, spec: &JobSpec) -> String {
        let lanes = self.fleet.named_lanes().filter(|&lane| spec.request[lane] > 0);
        let words = lanes.map(|lane| match lane {
            0 | 3 => format!("{} {}", f64::from(spec.request[lane]) / 1000.0, self.fleet.lane_name(lane)),
            1 | 2 => format!("{} MiB {}", spec.request[lane], self.fleet.lane_name(lane)),
            _ => format!("{} {}", spec.request[lane], self.fleet.lane_name(lane)),
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }
}

impl Recorder for Follow<'_> {
    fn wants_events(&self) -> bool {
        true
    }

    fn wants_decisions(&self) -> bool {
        true
    }

    fn wants_names(&self) -> bool {
        true
    }

    fn named(&mut self, now: Time, spec: &JobSpec, job: NameRef<'_>, index: u32) {
        let job = match job {
            NameRef::Number(number) => number.to_string(),
            NameRef::Text(text) => text.to_owned(),
        };
        let is_gang = spec.kind == JobKind::Gang;
        let units = if is_gang { 1 } else { spec.count };
        let all = self.jobs.contains(&job);
        for unit in 0..units {
            let name = format!("{job}/{}", index + unit);
            if all && self.of_job.get(&spec.job.0).is_none_or(|tasks| tasks.len() < TASKS_MOST) {
                self.stories.entry(name.clone()).or_insert_with(|| Story { task: name.clone(), ..Story::default() });
            }
            let request = self.words(spec);
            let Some(story) = self.stories.get_mut(&name) else { continue };
            story.members = if is_gang { spec.count } else { 1 };
            story.request = request;
            let id = spec.first_task.0 + u64::from(unit);
            self.of_task.insert(id, name);
            self.of_job.entry(spec.job.0).or_default().push(id);
            self.tell(id, now, Happening::Submitted);
        }
    }

    fn heard(&mut self, now: Time, _party: PartyId, events: &[Event]) {
        for event in events {
            if let Event::TaskStarted { task } = event {
                self.tell(task.0, now, Happening::Started);
            }
        }
    }

    fn note(&mut self, now: Time, _party: PartyId, decision: &Decision) {
        match *decision {
            Decision::Place { task, node, count, .. } if self.of_task.contains_key(&task.0) => {
                let node = self.fleet.nodes.get(node.index()).map(|node| node.name.to_string()).unwrap_or_default();
                self.tell(task.0, now, Happening::Placed { node, count });
            }
            Decision::PlaceWithin { task, holder, count, .. } if self.of_task.contains_key(&task.0) => {
                let node = format!("holder {}", holder.0);
                self.tell(task.0, now, Happening::Placed { node, count });
            }
            Decision::Reject { task, count } => {
                let hit: Vec<u64> = self.of_task.range(task.0..task.0 + u64::from(count)).map(|(id, _)| *id).collect();
                for id in hit {
                    self.tell(id, now, Happening::Rejected);
                }
            }
            Decision::Kill { task, .. } => self.tell(task.0, now, Happening::Told("killed".to_owned())),
            Decision::Evict { task, .. } => self.tell(task.0, now, Happening::Told("evicted".to_owned())),
            Decision::Defer { job, vetoes } => {
                for id in self.of_job.get(&job.0).cloned().unwrap_or_default() {
                    self.tell(id, now, Happening::Tried(vetoes));
                }
            }
            _ => {}
        }
    }

    fn task(&mut self, row: &TaskRow<'_>) {
        let Some(name) = self.of_task.get(&row.id.0) else { return };
        let Some(story) = self.stories.get_mut(name) else { return };
        row.class.clone_into(&mut story.class);
        row.role.clone_into(&mut story.role);
        if row.attempt == 0 {
            story.wait = row.wait;
            story.causes = row.causes;
        }
        let what = match (row.end, row.state) {
            (Some(_), State::Rejected) => return,
            (Some(_), state) => Happening::Ended(state.name().to_owned()),
            (None, State::Pending) => Happening::Open("still waiting".to_owned()),
            (None, state) => Happening::Open(format!("still {}", state.name())),
        };
        let last = story.timeline.last().map_or(Time::ZERO, |(at, _)| *at);
        story.timeline.push((row.end.unwrap_or(last), what));
    }

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}
