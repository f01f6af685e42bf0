//! Two runs side by side: the first leaves its decisions, the second is held against them while it runs, and where it
//! first decides otherwise both policies are asked what they think of both choices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use windtunnel_outcome::recorder::RecordError;
use windtunnel_outcome::rows::{NameRef, TaskRow};
use windtunnel_outcome::{Outcome, Recorder};
use windtunnel_reports::diverge::{Answer, Choice, Divergence, Opinion, Spread, Start};
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::digest;
use windtunnel_scheduler::event::Event;
use windtunnel_scheduler::id::{NodeId, PartyId, TaskId};
use windtunnel_scheduler::time::Time;
use windtunnel_scheduler::{Gone, Scheduler, Step};
use windtunnel_traces::model::Fleet;

/// A decision that changes the world, in as few words as tell it from any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// When.
    pub at: Time,
    /// Whose.
    pub party: PartyId,
    /// What kind.
    pub name: &'static str,
    /// About which task.
    pub task: TaskId,
    /// On which node.
    pub node: Option<NodeId>,
    /// How many, and on which devices.
    pub rest: [u64; 2],
}

/// The decision as it is compared; None for one that changes nothing but what is known.
#[must_use]
pub fn noted(at: Time, party: PartyId, decision: &Decision) -> Option<Noted> {
    let name = decision.name();
    let one = |task: TaskId, node: Option<NodeId>, rest: [u64; 2]| Some(Noted { at, party, name, task, node, rest });
    match *decision {
        Decision::Place { task, node, count, gpus, .. } => one(task, Some(node), [u64::from(count), gpus.0]),
        Decision::Reject { task, count } => one(task, None, [u64::from(count), 0]),
        Decision::Kill { task, grace } => one(task, None, [grace.0, 0]),
        Decision::Evict { task, grace, requeue } => one(task, None, [grace.0, u64::from(requeue)]),
        Decision::Launch(launch) => one(launch.task, None, [launch.offer.0, launch.gpus.0]),
        Decision::Claim(claim) => one(claim.task, Some(claim.node), [claim.seen.0, claim.gpus.0]),
        Decision::Displace(asked) => one(asked.victim, None, [asked.task.0, asked.grace.0]),
        Decision::Offer { to, offer } => one(TaskId(u64::MAX), Some(offer.node), [u64::from(to.0), offer.offer.0]),
        Decision::Rescind { to, offer } => one(TaskId(u64::MAX), None, [u64::from(to.0), offer.0]),
        Decision::Decline { offer, refuse } => one(TaskId(u64::MAX), None, [offer.0, refuse.0]),
        Decision::Unreserve { task } => one(task, None, [0, 0]),
        Decision::Refuse { to, task } => one(task, None, [u64::from(to.0), 0]),
        Decision::Tell { to, room, .. } => one(room.task, Some(room.node), [u64::from(to.0), room.gpus.0]),
        Decision::InverseOffer { to, node, .. } => one(TaskId(u64::MAX), Some(node), [u64::from(to.0), 0]),
        Decision::AnswerInverse { node, refuse } => one(TaskId(u64::MAX), Some(node), [refuse.0, 0]),
        Decision::Hold { first, count } | Decision::Release { first, count } => {
            one(TaskId(u64::MAX), None, [first.0, u64::from(count)])
        }
        Decision::PlaceWithin { task, holder, count, .. } => one(task, None, [holder.0, u64::from(count)]),
        Decision::Upgraded { service, version } => one(service, None, [u64::from(version), 0]),
        Decision::Suppress | Decision::Revive => one(TaskId(u64::MAX), None, [0, 0]),
        Decision::Defer { .. } | Decision::Waited { .. } => None,
    }
}

/// Where and when every task of a run first started, by its number.
#[derive(Clone, Debug, Default)]
pub struct Starts(pub Vec<Option<Start>>);

impl Starts {
    fn note(&mut self, row: &TaskRow<'_>) {
        if row.attempt != 0 || row.class == "background" {
            return;
        }
        let at = usize::try_from(row.id.0).unwrap_or(usize::MAX);
        if at >= self.0.len() {
            self.0.resize(at + 1, None);
        }
        let node = row.node.map_or(0, digest::of_name);
        self.0[at] = row.start.map(|start| Start { submit: row.submit, start, node });
    }
}

/// The recorder of the first run: leaves its decisions and starts.
#[derive(Debug, Default)]
pub struct Trail {
    /// Every decision that changes the world, in order.
    pub decisions: Vec<Noted>,
    /// Every first start.
    pub starts: Starts,
}

impl Recorder for Trail {
    fn wants_decisions(&self) -> bool {
        true
    }

    fn note(&mut self, now: Time, party: PartyId, decision: &Decision) {
        self.decisions.extend(noted(now, party, decision));
    }

    fn task(&mut self, row: &TaskRow<'_>) {
        self.starts.note(row);
    }

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Who decides.
enum Inner {
    /// Our own core, which can be asked.
    Core(Box<Core>),
    /// Anybody else.
    Other(Box<dyn Scheduler>),
}

/// What both sides are told and made of.
pub struct Sides<'a> {
    /// Where policies are found.
    pub registries: &'a Registries,
    /// How the base is configured.
    pub base: &'a Config,
    /// How the other side is.
    pub new: &'a Config,
    /// The machines.
    pub fleet: &'a Fleet,
}

/// Where two runs part.
#[derive(Clone, Debug)]
struct Parting {
    at: Time,
    base: Option<Noted>,
    new: Option<Noted>,
    opinions: Vec<(TaskId, NodeId, Answer, Answer)>,
}

/// The scheduler of the second run, held against the decisions of the first.
pub struct Follower<'a> {
    inner: Inner,
    sides: Sides<'a>,
    trail: &'a [Noted],
    alike: usize,
    parting: Option<Parting>,
    wanted: Wanted,
}

impl<'a> Follower<'a> {
    /// A new scheduler that is held against `trail`, and the recorder of its run. Our own core is built here and can be
    /// asked what it thinks; `other` cannot.
    #[must_use]
    pub fn new(other: Option<Box<dyn Scheduler>>, sides: Sides<'a>, trail: &'a [Noted]) -> (Self, Rows) {
        let inner = match other {
            Some(other) => Inner::Other(other),
            None => Inner::Core(Box::new(Core::new(sides.registries))),
        };
        let wanted = Wanted::default();
        let rows = Rows { wanted: wanted.clone(), ..Rows::default() };
        (Self { inner, sides, trail, alike: 0, parting: None, wanted }, rows)
    }

    /// The same for a copy of our own core that has made the first `alike` decisions of `trail` already; `starts` are
    /// those of the rows that were written until then.
    #[must_use]
    pub fn resumed(core: Core, sides: Sides<'a>, trail: &'a [Noted], alike: usize, starts: Starts) -> (Self, Rows) {
        let inner = Inner::Core(Box::new(core));
        let wanted = Wanted::default();
        let rows = Rows { starts, wanted: wanted.clone(), ..Rows::default() };
        (Self { inner, sides, trail, alike, parting: None, wanted }, rows)
    }

    fn follow(&mut self, party: PartyId, now: Time, decisions: &[Decision]) {
        for (position, decision) in decisions.iter().enumerate() {
            let Some(new) = noted(now, party, decision) else { continue };
            let base = self.trail.get(self.alike).copied();
            if base == Some(new) {
                self.alike += 1;
                continue;
            }
            // What the base decides at another instant is no answer to this one.
            let base = base.filter(|base| base.at <= now);
            let opinions = self.ask(&decisions[position..], base, new);
            self.part(Parting { at: now, base, new: Some(new), opinions });
            return;
        }
    }

    /// What both sides think of the task that was just placed, on its node and on the one that the base chose next.
    fn ask(&self, undone: &[Decision], base: Option<Noted>, new: Noted) -> Vec<(TaskId, NodeId, Answer, Answer)> {
        let Inner::Core(core) = &self.inner else { return Vec::new() };
        let Some((ledger, Some(shape))) = core.before(undone) else { return Vec::new() };
        let mut nodes: Vec<NodeId> = [base.and_then(|base| base.node), new.node].into_iter().flatten().collect();
        nodes.dedup();
        let answer = |config: &Config, node: NodeId| match self.sides.registries.opinion(config, &ledger, &shape, node)
        {
            Err(veto) => Answer { veto: Some(veto.name().to_owned()), score: None },
            Ok(score) => Answer { veto: None, score },
        };
        let both = |node: NodeId| (new.task, node, answer(self.sides.base, node), answer(self.sides.new, node));
        nodes.into_iter().map(both).collect()
    }

    /// What came of it, once the run is over. `rows` is its recorder, `starts` those of the base.
    #[must_use]
    pub fn divergence(self, seed: u64, starts: &Starts, rows: &Rows) -> Option<Divergence> {
        let left = self.trail.get(self.alike).copied();
        let parting = self.parting.or_else(|| {
            let base = left?;
            Some(Parting { at: base.at, base: Some(base), new: None, opinions: Vec::new() })
        })?;
        let node = |node: NodeId| self.sides.fleet.nodes.get(node.index()).map(|node| node.name.to_string());
        let task = |task: TaskId| rows.names.get(&task.0).cloned();
        let choice = |noted: Noted| Choice {
            decision: noted.name.to_owned(),
            task: task(noted.task),
            node: noted.node.and_then(node),
        };
        let opinions = parting.opinions.into_iter().map(|(asked, at, base, new)| Opinion {
            task: task(asked),
            node: node(at).unwrap_or_default(),
            base,
            new,
        });
        Some(Divergence {
            seed,
            at: parting.at,
            alike: self.alike as u64,
            base: parting.base.map(choice),
            new: parting.new.map(choice),
            opinions: opinions.collect(),
            spread: Spread::of(&starts.0, &rows.starts.0),
        })
    }

    fn part(&mut self, parting: Parting) {
        for (wanted, noted) in self.wanted.0.iter().zip([parting.base, parting.new]) {
            wanted.store(noted.map_or(u64::MAX, |noted| noted.task.0), Ordering::Relaxed);
        }
        self.parting = Some(parting);
    }
}

impl Scheduler for Follower<'_> {
    fn step(
        &mut self,
        party: PartyId,
        now: Time,
        events: &[Event],
        decisions: &mut Vec<Decision>,
    ) -> Result<Step, Gone> {
        if self.parting.is_none()
            && let Some(missed) = self.trail.get(self.alike).filter(|missed| missed.at < now)
        {
            let (at, base) = (missed.at, Some(*missed));
            self.part(Parting { at, base, new: None, opinions: Vec::new() });
        }
        let begin = decisions.len();
        let step = match &mut self.inner {
            Inner::Core(core) => core.step(party, now, events, decisions),
            Inner::Other(other) => other.step(party, now, events, decisions),
        }?;
        if self.parting.is_none() {
            self.follow(party, now, &decisions[begin..]);
        }
        Ok(step)
    }

    fn fork(&self) -> Option<Box<dyn Scheduler>> {
        None
    }
}

/// The recorder of the second run: starts, and the names of the tasks that the two part over.
#[derive(Debug, Default)]
pub struct Rows {
    /// Every first start.
    pub starts: Starts,
    /// Names of tasks by number.
    names: BTreeMap<u64, String>,
    wanted: Wanted,
}

/// The numbers of the tasks whose names are wanted, known only while the run goes on.
#[derive(Clone, Debug)]
struct Wanted(Arc<[AtomicU64; 2]>);

impl Default for Wanted {
    fn default() -> Self {
        Self(Arc::new([AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX)]))
    }
}

impl Recorder for Rows {
    fn task(&mut self, row: &TaskRow<'_>) {
        self.starts.note(row);
        // One thread runs both sides of this: any order will do.
        if self.wanted.0.iter().any(|wanted| wanted.load(Ordering::Relaxed) == row.id.0) {
            let name = match row.job {
                NameRef::Number(number) => format!("{number}/{}", row.index),
                NameRef::Text(text) => format!("{text}/{}", row.index),
            };
            self.names.insert(row.id.0, name);
        }
    }

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}
