//! What triggers see of the world, and what they do to it.

use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::event::Event;
use windtunnel_scheduler::resources::Totals;
use windtunnel_scheduler::time::Time;
use windtunnel_traces::model::{Groups, Job as TraceJob, Name};

use super::truth::Leaving;
use super::{UNSTARTED, World};
use crate::error::SimError;
use crate::experiment::{Stop, Workload};
use crate::trigger::gauge::Level;
use crate::trigger::watch::{Firing, Service, Watch, lane};
use crate::trigger::{Action, Change, Submit, Trigger, set};

/// Firings that are told one by one.
const TOLD_MOST: usize = 1_000;

impl World {
    /// What triggers and rules see before anything happens. What is due already is so in an instant of its own.
    pub(crate) fn look_first(&mut self) {
        let now = self.now;
        for at in 0..self.watch.as_ref().map_or(0, |watch| watch.armed.len()) {
            let level = self.watch.as_ref().and_then(|watch| watch.armed[at].reads()).map(|level| self.read(level));
            if let Some(watch) = &mut self.watch
                && watch.armed[at].is_due(now, level).is_some()
            {
                watch.armed[at].wake(now);
            }
        }
        if let Some(trouble) = self.trouble.as_mut().filter(|_| self.comings.as_ref().is_some_and(|all| all.is_ruled()))
        {
            trouble.crew.look = Some(now);
        }
    }

    /// Lets every trigger fire that is due, in file order: all of them look before any acts. False if none is due: then
    /// the instant is over.
    pub(crate) fn pull(&mut self) -> Result<bool, SimError> {
        if self.watch.is_none() && self.comings.is_none() {
            return Ok(false);
        }
        let now = self.now;
        let count = self.watch.as_ref().map_or(0, |watch| watch.armed.len());
        let mut due = Vec::new();
        for at in 0..count {
            let level = self.watch.as_ref().and_then(|watch| watch.armed[at].reads()).map(|level| self.read(level));
            let Some(watch) = &mut self.watch else { break };
            if let Some(value) = watch.armed[at].is_due(now, level) {
                due.push((at, value));
            }
        }
        for &(at, value) in &due {
            let Some(armed) = self.watch.as_mut().map(|watch| &mut watch.armed[at]) else { break };
            if armed.last == Some(now) {
                return Err(self.cycle(at));
            }
            armed.fire(now);
            let actions = armed.trigger.actions.clone();
            let did = actions.iter().map(|action| self.act(at, action)).collect::<Result<_, _>>()?;
            if let Some(watch) = &mut self.watch {
                watch.note(Firing { at: now, trigger: at, value, did }, self.starts);
            }
        }
        let scales = self.scale_groups();
        Ok(scales || !due.is_empty())
    }

    /// A copy that goes on with further triggers, out of workloads that were opened anew.
    pub(crate) fn fork(
        &self,
        workloads: Vec<Workload>,
        triggers: Vec<Trigger>,
        config: &Config,
    ) -> Result<Self, SimError> {
        let mut world = self.clone();
        world.arrivals = self.arrivals.reopened(workloads)?;
        match &mut world.watch {
            Some(watch) => watch.arm(triggers),
            None => world.watch = Watch::new(triggers, config),
        }
        world.is_special |= world.watch.is_some();
        Ok(world)
    }

    /// A trigger would fire a second time in one instant: somebody undoes what it does.
    fn cycle(&self, at: usize) -> SimError {
        let Some(watch) = &self.watch else { return SimError::Cycle { at: self.now, names: String::new() } };
        let since = watch.firings.iter().rposition(|firing| firing.trigger == at).unwrap_or(0);
        let mut involved: Vec<usize> = watch.firings[since..].iter().map(|firing| firing.trigger).collect();
        involved.dedup();
        let names: Vec<String> =
            involved.iter().map(|&trigger| format!("`{}`", watch.armed[trigger].trigger.name)).collect();
        SimError::Cycle { at: self.now, names: names.join(" and ") }
    }

    /// A level as it stands: so much of so much.
    fn read(&self, level: &Level) -> (u64, u64) {
        let of = |totals: &Totals, name: &str| {
            let lane = lane(&self.measures.lanes, name);
            lane.map_or((0, 0), |lane| (totals.0[lane], self.levels.capacity.0[lane]))
        };
        match level {
            Level::Allocated(name) => of(&self.levels.used, name),
            Level::Used(name) => of(&self.levels.usage, name),
            Level::Held(_, name, totals) => of(totals, name),
            Level::Waiting => (self.levels.waiting, 1),
            Level::Running => (self.levels.running, 1),
            Level::Rate => (self.levels.price, 1_000_000),
            Level::EmptyNodes => (self.levels.nodes_up - self.levels.nodes_in_use.min(self.levels.nodes_up), 1),
            Level::Submitted => (self.measures.tasks_submitted, 1),
            Level::Over(state) => (self.measures.states[*state as usize], 1),
        }
    }

    /// Carries an action out; says what came of it.
    fn act(&mut self, trigger: usize, action: &Action) -> Result<String, SimError> {
        let group_name =
            |world: &Self, group: usize| world.comings.as_ref().map_or_else(String::new, |comings| comings.name(group));
        Ok(match action {
            Action::AddNodes { group, count } => {
                let had = self.order(*group, *count);
                format!("ordered {had} of {count} nodes of {}", group_name(self, *group))
            }
            Action::RemoveNodes(leave) => {
                let had = self.dismiss(*leave, true);
                format!("removes {had} of {} nodes of {}", leave.count, group_name(self, leave.group))
            }
            Action::DrainNodes(leave) => {
                let had = self.dismiss(*leave, false);
                format!("drains {had} of {} nodes of {}", leave.count, group_name(self, leave.group))
            }
            Action::Scale { service, change } => self.scale(service, *change)?,
            Action::Submit(what) => self.submit_more(trigger, what)?,
            Action::Set { before, after, words } => {
                let Some(watch) = &mut self.watch else { return Ok(String::new()) };
                set::change(&mut watch.config, before, after);
                let config = watch.config.clone();
                self.blocks_head = config.blocks_head();
                let outer = self.kinds.holders.parties_before(self.inboxes.len());
                for (party, inbox) in self.inboxes.iter_mut().enumerate() {
                    let own = party.checked_sub(1).and_then(|at| config.frameworks.get(at));
                    let inner = party.checked_sub(outer).and_then(|at| config.inner.get(at));
                    let own = own.map(|framework| &framework.config).or(inner.map(|inner| &inner.config));
                    let config = own.unwrap_or(&config);
                    inbox.push(Event::Reconfigured(Box::new(config.clone())));
                }
                format!("set {words}")
            }
            Action::Stop => {
                self.stop = Stop::At(self.now);
                "stopped the run".to_owned()
            }
        })
    }

    /// Hands in the job of a trigger.
    fn submit_more(&mut self, trigger: usize, what: &Submit) -> Result<String, SimError> {
        let fired = self.watch.as_ref().map_or(1, |watch| watch.armed[trigger].fired);
        let mut job = what.job.clone();
        if fired > 1 {
            job.name = Name::Text(format!("{}-{fired}", job.name).into());
        }
        job.submit = self.now;
        job.class = self.arrivals.label(&what.class);
        job.role = self.arrivals.label(&what.role);
        let told = format!("handed in {}", job.name);
        self.submit(&mut job, what.workload)?;
        Ok(told)
    }

    /// A service was handed in that a trigger may make more of.
    pub(super) fn note_service(&mut self, job: &TraceJob, workload: usize) {
        let class = self.arrivals.labels().word(job.class).to_owned();
        let name = job.name.to_string();
        let Some(watch) = &mut self.watch else { return };
        if watch.scales(&name, &class) && watch.services.iter().all(|known| known.name != name) {
            watch.services.push(Service { name, class, job: job.clone(), workload });
        }
    }

    /// Replicas of a service that are not over, by task, the newest last.
    fn replicas(&self, service: &str) -> Vec<u64> {
        let of_service = |job: u32| {
            let job = &self.jobs[job];
            let name = job.name.to_string();
            let own = name == service || name.strip_prefix(service).is_some_and(|rest| rest.starts_with('+'));
            own || self.arrivals.labels().word(job.class) == service
        };
        let job = |slot: u32| if slot & UNSTARTED == 0 { self.tasks[slot].job } else { slot & !UNSTARTED };
        self.of_task.iter().filter(|&(_, slot)| of_service(job(slot))).map(|(id, _)| id).collect()
    }

    fn scale(&mut self, service: &str, change: Change) -> Result<String, SimError> {
        let replicas = self.replicas(service);
        let by = match change {
            Change::By(by) => i64::from(by),
            Change::To(to) => i64::from(to) - replicas.len() as i64,
        };
        if by < 0 {
            let wanted = by.unsigned_abs() as usize;
            let chosen = self.choose_replicas(&replicas, wanted);
            let killed = chosen.len();
            for id in chosen {
                if let Some(slot) = self.of_task.find(id).filter(|slot| slot & UNSTARTED == 0) {
                    self.leave(slot, Leaving::Killed);
                }
            }
            return Ok(format!("killed {killed} of {wanted} replicas of {service}"));
        }
        let known = self.watch.as_ref().and_then(|watch| {
            watch.services.iter().find(|known| known.class == service || known.name == service).cloned()
        });
        let Some(Service { class, mut job, workload, .. }) = known.filter(|_| by > 0) else {
            return Ok(format!("{service} stays at {} replicas", replicas.len()));
        };
        let again = self.watch.as_ref().map_or(0, |watch| watch.armed.iter().map(|armed| armed.fired).sum::<u64>());
        job.name = Name::Text(format!("{}+{again}", job.name).into());
        job.submit = self.now;
        job.class = self.arrivals.label(&class);
        if let Some(first) = job.groups.as_slice().first() {
            let mut group = first.clone();
            group.count = u32::try_from(by).unwrap_or(u32::MAX);
            job.groups = Groups::One(group);
        }
        self.submit(&mut job, workload)?;
        Ok(format!("{by} more replicas of {service}"))
    }

    /// True if a trigger may yet help tasks that wait, or nodes that were ordered may.
    pub(super) fn triggers_keep_alive(&self) -> bool {
        let helps = self.watch.as_ref().is_some_and(|watch| watch.may_help());
        let boots = self.comings.as_ref().is_some_and(|comings| comings.is_booting());
        self.levels.waiting > 0 && (helps || boots || self.rules_keep_alive())
    }

    /// When a trigger may fire of its own.
    pub(super) fn alarm(&self) -> Option<Time> {
        self.watch.as_ref().and_then(|watch| watch.alarm())
    }

    /// Writes what triggers did.
    pub(super) fn record_triggers(&self, summary: &mut Summary) {
        if let Some(comings) = &self.comings {
            summary.set("nodes.ordered", comings.ordered);
            summary.set("nodes.removed", comings.removed);
            summary.set("nodes.interrupted", comings.interrupted);
        }
        let Some(watch) = &self.watch else { return };
        summary.set("queue.tasks", self.levels.waiting);
        for armed in &watch.armed {
            let path = |last: &str| vec!["triggers".to_owned(), armed.trigger.name.clone(), last.to_owned()];
            summary.set_path(path("fired"), armed.fired);
            summary.set_path(path("last_s"), armed.last.map(Time::as_seconds));
        }
        let digits = watch.firings.len().min(TOLD_MOST).to_string().len();
        for (number, firing) in watch.firings.iter().take(TOLD_MOST).enumerate() {
            let armed = &watch.armed[firing.trigger];
            let why = match (&armed.trigger.when, firing.value) {
                (crate::trigger::When::Holds(limit), Some(value)) => format!("{limit} (it is {value})"),
                _ => "the time has come".to_owned(),
            };
            let path = |last: &str| vec!["firings".to_owned(), format!("{number:0digits$}"), last.to_owned()];
            summary.set_path(path("at_s"), firing.at.as_seconds());
            summary.set_path(path("trigger"), armed.trigger.name.as_str());
            summary.set_path(path("why"), why.as_str());
            summary.set_path(path("did"), firing.did.join("; ").as_str());
        }
    }

    /// Says what is left out of the log, and which triggers never found anything to do.
    pub(super) fn warn_of_triggers(&mut self) {
        let Some(watch) = &self.watch else { return };
        if let Some(more) = watch.firings.len().checked_sub(TOLD_MOST).filter(|&more| more > 0) {
            self.warnings.push(format!("{more} more firings of triggers are not told one by one"));
        }
    }

    /// Tasks of a job take room, or give it back, as triggers that ask for classes and teams must know.
    pub(super) fn note_held(
        &mut self,
        job: u32,
        row: &windtunnel_scheduler::resources::Resources,
        count: u32,
        takes: bool,
    ) {
        let Some(watch) = &mut self.watch else { return };
        let job = &self.jobs[job];
        if job.measured {
            let labels = self.arrivals.labels();
            watch.hold(labels.word(job.class), labels.word(job.role), row, count, takes);
        }
    }
}
