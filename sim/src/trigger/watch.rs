//! Triggers while a run goes on: which are armed, when to look again, what they did.

use windtunnel_outcome::limit::Limit;
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::resources::{LANES, Resources};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Job;

use super::gauge::{Gauge, Level};
use super::{Action, Trigger, When};

/// Firings without a start in between that a waiting task is waited for.
const IN_VAIN_MOST: u32 = 100;

/// All triggers of a run.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub armed: Vec<Armed>,
    /// What the parties were told last.
    pub config: Config,
    pub firings: Vec<Firing>,
    /// Jobs that an action may make more of, as they were handed in.
    pub services: Vec<Service>,
    /// Firings since the last start, and how many starts there were then.
    in_vain: (u32, u64),
}

/// A service that may be scaled.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub name: String,
    pub class: String,
    pub job: Job,
    pub workload: usize,
}

/// One trigger and what it sees.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    pub trigger: Trigger,
    gauge: Option<Gauge>,
    /// Since when the limit has held.
    holds_since: Option<Time>,
    /// It fired since then.
    is_spent: bool,
    pub fired: u64,
    pub last: Option<Time>,
    /// When to look again, if nothing happens before.
    alarm: Option<Time>,
}

/// A trigger fired.
#[derive(Clone, Debug)]
pub(crate) struct Firing {
    pub at: Time,
    pub trigger: usize,
    /// Why.
    pub value: Option<f64>,
    /// What came of its actions.
    pub did: Vec<String>,
}

impl Watch {
    /// None if there is nothing to watch.
    pub(crate) fn new(triggers: Vec<Trigger>, config: &Config) -> Option<Box<Self>> {
        if triggers.is_empty() {
            return None;
        }
        let armed = triggers.into_iter().map(Armed::new).collect();
        let (config, firings, services) = (config.clone(), Vec::new(), Vec::new());
        Some(Box::new(Self { armed, config, firings, services, in_vain: (0, 0) }))
    }

    /// Adds triggers.
    pub(crate) fn arm(&mut self, triggers: Vec<Trigger>) {
        self.armed.extend(triggers.into_iter().map(Armed::new));
    }

    /// The next instant at which a trigger may fire of its own.
    pub(crate) fn alarm(&self) -> Option<Time> {
        self.armed.iter().filter_map(|armed| armed.alarm).min()
    }

    /// True if a trigger may yet help tasks that wait and that nothing else helps.
    pub(crate) fn may_help(&self) -> bool {
        let helps = |armed: &Armed| armed.alarm.is_some() && armed.trigger.actions.iter().any(Action::may_help);
        self.in_vain.0 < IN_VAIN_MOST && self.armed.iter().any(helps)
    }

    /// A trigger fired, after so many starts in all.
    pub(crate) fn note(&mut self, firing: Firing, starts: u64) {
        let before = if self.in_vain.1 == starts { self.in_vain.0 } else { 0 };
        self.in_vain = (before + 1, starts);
        self.firings.push(firing);
    }

    /// True if a job is one that a trigger may make more of.
    pub(crate) fn scales(&self, name: &str, class: &str) -> bool {
        let scaled =
            |action: &Action| matches!(action, Action::Scale { service, .. } if service == name || service == class);
        self.armed.iter().any(|armed| armed.trigger.actions.iter().any(scaled))
    }

    /// Tasks of a class and team started for the first time.
    pub(crate) fn started(&mut self, now: Time, class: &str, role: &str, wait: Span, count: u32) {
        for armed in &mut self.armed {
            if let Some(Gauge::Waits { whose, waits }) = &mut armed.gauge
                && whose.counts(class, role)
            {
                waits.add(now, wait, u64::from(count));
            }
        }
    }

    /// Tasks of a class and team take room, or give it back.
    pub(crate) fn hold(&mut self, class: &str, role: &str, row: &Resources, count: u32, takes: bool) {
        for armed in &mut self.armed {
            if let Some((whose, totals)) = armed.gauge.as_mut().and_then(Gauge::held_mut)
                && whose.counts(class, role)
            {
                if takes { totals.add(row, u64::from(count)) } else { totals.sub(row, u64::from(count)) }
            }
        }
    }
}

impl Armed {
    fn new(trigger: Trigger) -> Self {
        let gauge = match &trigger.when {
            When::At(_) => None,
            When::Holds(limit) => Gauge::new(limit),
        };
        let alarm = match trigger.when {
            When::At(at) => Some(at),
            When::Holds(_) => None,
        };
        Self { trigger, gauge, holds_since: None, is_spent: false, fired: 0, last: None, alarm }
    }

    /// What must be read of the world before [`Armed::is_due`].
    pub(crate) fn reads(&self) -> Option<&Level> {
        self.gauge.as_ref().and_then(Gauge::reads)
    }

    /// Whether it fires now, and for which value; sets the alarm otherwise.
    pub(crate) fn is_due(&mut self, now: Time, level: Option<(u64, u64)>) -> Option<Option<f64>> {
        let limit = match &self.trigger.when {
            When::At(at) => {
                let due = self.fired == 0 && *at <= now;
                self.alarm = Some(*at).filter(|_| self.fired == 0 && !due);
                return due.then_some(None);
            }
            When::Holds(limit) => limit,
        };
        let gauge = self.gauge.as_mut()?;
        if let Some(level) = level {
            gauge.observe(now, level);
        }
        let value = gauge.value(now);
        if value.is_none_or(|value| !limit.holds(value)) {
            (self.holds_since, self.is_spent) = (None, false);
            self.alarm = gauge.next(now, limit);
            return None;
        }
        let since = *self.holds_since.get_or_insert(now);
        let ripe = since + self.trigger.hold;
        let ready = match (self.is_spent, self.trigger.cooldown, self.last) {
            (false, Some(cooldown), Some(last)) => Some(ripe.max(last + cooldown)),
            (false, ..) => Some(ripe),
            (true, Some(cooldown), Some(last)) => Some(ripe.max(last + cooldown)),
            (true, ..) => None,
        };
        if ready.is_some_and(|ready| ready <= now) {
            return Some(value);
        }
        let limit: &Limit = limit;
        self.alarm = [ready, gauge.next(now, limit)].into_iter().flatten().min();
        None
    }

    /// It is to be looked at then.
    pub(crate) fn wake(&mut self, at: Time) {
        self.alarm = Some(at);
    }

    /// It fires.
    pub(crate) fn fire(&mut self, now: Time) {
        self.fired += 1;
        self.last = Some(now);
        self.is_spent = true;
        self.alarm = None;
    }
}

/// The lane of a name.
pub(crate) fn lane(lanes: &[(usize, String)], name: &str) -> Option<usize> {
    lanes.iter().find(|(lane, known)| known == name && *lane < LANES).map(|(lane, _)| *lane)
}
