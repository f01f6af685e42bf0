//! Wiring only: parties, and who of them hears what.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::allocator::shared_state::SharedState;
use crate::allocator::sorter::{SORTERS, SorterEntry};
use crate::allocator::two_level::{Options, TwoLevel};
use crate::backfill::{self, BACKFILLS, Backfill, Fill, Plain};
use crate::config::{Architecture, Choice, Config, HeadOfLine, Unplaceable};
use crate::decision::Decision;
use crate::event::Event;
use crate::framework::{Batch, Holding, KINDS, Kind, Offered, Policies, Sharing};
use crate::id::{NodeId, PartyId, TaskId};
use crate::ledger::{Ledger, Shape};
use crate::placement::{self, PLACEMENTS, Placement};
use crate::preemption::{self, PREEMPTIONS, Preemption};
use crate::queue::{self, QUEUES, Queue};
use crate::registry::{Entry, OptionNote};
use crate::time::Time;
use crate::veto::Veto;
use crate::{Gone, Scheduler, Step};

/// The policies a core may be told to use: values passed down, so that a team can add its own.
#[derive(Clone)]
pub struct Registries {
    /// Placement policies.
    pub placements: Vec<Placement>,
    /// Queue orders.
    pub queues: Vec<Queue>,
    /// Backfill policies.
    pub backfills: Vec<Backfill>,
    /// Sorters of the two-level allocator.
    pub sorters: Vec<SorterEntry>,
    /// Preemption policies.
    pub preemptions: Vec<Preemption>,
    /// Kinds of frameworks that run their tasks inside holders.
    pub kinds: Vec<Kind>,
}

impl Default for Registries {
    /// Everything that is built in.
    fn default() -> Self {
        Self {
            placements: PLACEMENTS.to_vec(),
            queues: QUEUES.to_vec(),
            backfills: BACKFILLS.to_vec(),
            sorters: SORTERS.to_vec(),
            preemptions: PREEMPTIONS.to_vec(),
            kinds: KINDS.to_vec(),
        }
    }
}

/// A configuration that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No policy has this name.
    #[error("`{key}` names no known policy: `{name}`")]
    UnknownPolicy {
        /// The key of the configuration.
        key: &'static str,
        /// The name that was given.
        name: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// A policy has no option of this name.
    #[error("`{key} = \"{policy}\"` has no option `{option}`")]
    UnknownOption {
        /// The key of the configuration.
        key: &'static str,
        /// The policy.
        policy: String,
        /// The option that was given.
        option: String,
        /// The options that exist.
        known: Vec<&'static str>,
    },
    /// An option of a policy has a value that means nothing.
    #[error("`{key} = \"{policy}\"`: `{option}` has no such value; {fix}")]
    BadOption {
        /// The key of the configuration.
        key: &'static str,
        /// The policy.
        policy: String,
        /// The option.
        option: &'static str,
        /// What to write instead.
        fix: &'static str,
    },
}

impl Registries {
    fn placement(&self, choice: &Choice) -> Result<&Placement, ConfigError> {
        let found = self.placements.iter().find(|entry| entry.is_called(&choice.name));
        let found = found.ok_or_else(|| unknown("placement", choice, &self.placements))?;
        check_options("placement", choice, found.options)?;
        let bad = |(option, fix)| ConfigError::BadOption { key: "placement", policy: choice.name.clone(), option, fix };
        if let Some(misuse) = placement::misuse(choice) {
            return Err(bad(misuse));
        }
        for part in placement::parts(choice).map_err(bad)? {
            let found = self.placement(&part)?;
            if found.part.is_none() && placement::parts(&part).is_ok_and(|parts| parts.is_empty()) {
                let fix = "a part of a mix ranks nodes one by one, and this one does not; take it out";
                return Err(ConfigError::BadOption { key: "placement", policy: part.name, option: "mix", fix });
            }
        }
        Ok(found)
    }

    fn queue(&self, choice: &Choice) -> Result<&Queue, ConfigError> {
        let is_it = |entry: &&Queue| entry.name == choice.name || entry.aliases.contains(&choice.name.as_str());
        let found = self.queues.iter().find(is_it).ok_or_else(|| unknown("queue", choice, &self.queues))?;
        check_options("queue", choice, found.options)?;
        match queue::misuse(choice) {
            None => Ok(found),
            Some((option, fix)) => {
                let (policy, option) = (choice.name.clone(), option);
                Err(ConfigError::BadOption { key: "queue", policy, option, fix })
            }
        }
    }

    fn backfill(&self, choice: &Choice) -> Result<&Backfill, ConfigError> {
        let found = self.backfills.iter().find(|entry| entry.name == choice.name);
        let found = found.ok_or_else(|| unknown("backfill", choice, &self.backfills))?;
        check_options("backfill", choice, found.options)?;
        match backfill::misuse(choice) {
            None => Ok(found),
            Some((option, fix)) => {
                Err(ConfigError::BadOption { key: "backfill", policy: choice.name.clone(), option, fix })
            }
        }
    }

    /// What the placement policy of a configuration thinks of a task on a node: why it cannot go there, or how much the
    /// policy likes it there, if it has a number for that.
    ///
    /// # Errors
    /// The reason of the node.
    pub fn opinion(&self, config: &Config, ledger: &Ledger, shape: &Shape, node: NodeId) -> Result<Option<i64>, Veto> {
        match ledger.veto(shape, node) {
            Some(veto) => Err(veto),
            None => Ok(placement::build(&self.placements, config).and_then(|policy| policy.score(ledger, shape, node))),
        }
    }

    fn preemption(&self, choice: &Choice) -> Result<&Preemption, ConfigError> {
        let found = self.preemptions.iter().find(|entry| entry.name == choice.name);
        let found = found.ok_or_else(|| unknown("preemption", choice, &self.preemptions))?;
        check_options("preemption", choice, found.options)?;
        match preemption::misuse(choice) {
            None => Ok(found),
            Some((option, fix)) => {
                Err(ConfigError::BadOption { key: "preemption", policy: choice.name.clone(), option, fix })
            }
        }
    }

    fn kind(&self, name: &str) -> Result<&Kind, ConfigError> {
        let found = self.kinds.iter().find(|entry| entry.name == name);
        found.ok_or_else(|| unknown("kind", &Choice::named(name), &self.kinds))
    }

    /// The policies that a configuration names; None if it cannot be followed.
    fn policies(&self, config: &Config) -> Option<Policies> {
        self.placement(&config.placement).ok()?;
        let place = placement::build(&self.placements, config)?;
        let queue = self.queue(&config.queue).ok()?;
        let backfill = self.backfill(&config.backfill).ok()?;
        let preemption = self.preemption(&config.preemption).ok()?;
        let order = (queue.build)(config);
        let blocks = config.head_of_line == HeadOfLine::Block;
        let by_job = order.ages() || config.has_terms();
        let plain = || by_job.then(|| Box::new(Plain { blocks }) as Box<dyn Fill>);
        let waits = config.unplaceable == Unplaceable::Wait || config.has_terms();
        let fill = (backfill.build)(config).or_else(plain).filter(|_| waits);
        let knows_how = match config.architecture {
            Architecture::Monolithic => true,
            // Whoever hands out room knows nothing of terms.
            Architecture::SharedState | Architecture::TwoLevel => !config.has_terms(),
        };
        let preemption = (preemption.build)(config).filter(|_| waits && knows_how);
        Some(Policies { order, place, fill, preemption })
    }

    /// Says whether a configuration can be followed. Drivers ask before they send it.
    ///
    /// # Errors
    /// What is unknown, and what is known instead.
    pub fn check(&self, config: &Config) -> Result<(), ConfigError> {
        self.placement(&config.placement)?;
        self.queue(&config.queue)?;
        self.backfill(&config.backfill)?;
        self.preemption(&config.preemption)?;
        if let Some(holders) = &config.holders {
            self.kind(&holders.kind)?;
        }
        let Some(options) = &config.allocator else { return Ok(()) };
        for name in [&options.role_sorter, &options.framework_sorter] {
            if self.sorters.iter().all(|entry| entry.name != name) {
                return Err(unknown("sorter", &Choice::named(name), &self.sorters));
            }
        }
        Ok(())
    }
}

fn unknown<E: Entry>(key: &'static str, choice: &Choice, entries: &[E]) -> ConfigError {
    let known = entries.iter().map(Entry::name).collect();
    ConfigError::UnknownPolicy { key, name: choice.name.clone(), known }
}

fn check_options(key: &'static str, choice: &Choice, notes: &[OptionNote]) -> Result<(), ConfigError> {
    match choice.options.keys().find(|option| notes.iter().all(|note| note.name != option.as_str())) {
        None => Ok(()),
        Some(option) => Err(ConfigError::UnknownOption {
            key,
            policy: choice.name.clone(),
            option: option.to_string(),
            known: notes.iter().map(|note| note.name).collect(),
        }),
    }
}

/// Our scheduler: the state of every party it hosts.
#[derive(Clone)]
pub struct Core {
    registries: Registries,
    parties: Vec<Option<Party>>,
}

/// The state of one party.
#[derive(Clone)]
enum Party {
    /// An allocator and the one framework that it always offers everything: a monolithic scheduler.
    Fused(Box<Fused>),
    /// The allocator of two levels.
    Allocator(Box<TwoLevel>),
    /// A framework that is offered resources.
    Offered(Box<Offered>),
    /// Who settles claims on what everybody sees.
    Settler(Box<SharedState>),
    /// A framework that sees everything.
    Sharing(Box<Sharing>),
    /// A framework that sees the inside of its holders.
    Holding(Box<Holding>),
}

#[derive(Clone)]
struct Fused {
    ledger: Ledger,
    framework: Batch,
}

impl Core {
    /// A core that waits for its configuration.
    #[must_use]
    pub fn new(registries: &Registries) -> Self {
        Self { registries: registries.clone(), parties: Vec::new() }
    }

    /// What the first party believes about nodes; None before it is configured, or if it keeps no such ledger.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        match self.parties.first()?.as_ref()? {
            Party::Fused(fused) => Some(&fused.ledger),
            Party::Settler(settler) => Some(settler.ledger()),
            _ => None,
        }
    }

    /// How many tasks wait with all parties; a gang counts as one.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let waiting = |party: &Party| match party {
            Party::Fused(fused) => fused.framework.waiting(),
            Party::Offered(framework) => framework.waiting(),
            Party::Sharing(framework) => framework.waiting(),
            Party::Holding(framework) => framework.waiting(),
            Party::Allocator(_) | Party::Settler(_) => 0,
        };
        self.parties.iter().flatten().map(waiting).sum()
    }

    /// How things stood with the first party just before it decided `undone`, the last of its latest decisions: what
    /// it believed of the nodes, and what the first task in them needs, if it was placed. None for a party that is not
    /// fused, or before it is configured. Copies the ledger: for explanations.
    #[must_use]
    pub fn before(&self, undone: &[Decision]) -> Option<(Ledger, Option<Shape>)> {
        let Party::Fused(fused) = self.parties.first()?.as_ref()? else { return None };
        let Fused { ledger, framework } = &**fused;
        let mut ledger = ledger.clone();
        let mut first = None;
        for decision in undone {
            let Decision::Place { task, node, count, gpus, .. } = *decision else { continue };
            let Some(shape) = framework.shape_of(task) else { continue };
            let shape = *ledger.shapes().shape(shape);
            ledger.release(&shape, node, count, gpus);
            first.get_or_insert(shape);
        }
        Some((ledger, first))
    }

    /// The allocator of two levels, if the first party is one.
    #[must_use]
    pub fn allocator(&self) -> Option<&TwoLevel> {
        match self.parties.first()?.as_ref()? {
            Party::Allocator(allocator) => Some(allocator),
            _ => None,
        }
    }

    /// A configuration that cannot be followed leaves the one before in force: drivers check before they send it.
    fn configure(&mut self, party: PartyId, now: Time, config: &Config) {
        let before = match self.parties.get_mut(usize::from(party.0)) {
            Some(Some(Party::Fused(fused))) => Some(fused.framework.config()),
            Some(Some(Party::Offered(framework))) => Some(framework.parts().0.config()),
            Some(Some(Party::Sharing(framework))) => Some(framework.config()),
            Some(Some(Party::Holding(framework))) => Some(framework.config()),
            _ => None,
        };
        let mut config = config.on_terms_of(before);
        if config.architecture != Architecture::Monolithic || config.holders.is_some() {
            // A framework that is offered a part of the fleet, or holds one, cannot know that a task fits nowhere.
            config.unplaceable = Unplaceable::Wait;
        }
        let Some(policies) = self.registries.policies(&config) else { return };
        let kind = match &config.holders {
            None => None,
            Some(holders) => match self.registries.kind(&holders.kind) {
                Ok(kind) => Some(*kind),
                Err(_) => return,
            },
        };
        let index = usize::from(party.0);
        if index >= self.parties.len() {
            self.parties.resize_with(index + 1, || None);
        }
        let habits = config.habits.clone();
        match &mut self.parties[index] {
            Some(Party::Fused(fused)) => fused.framework.reconfigure(&mut fused.ledger, now, config, policies),
            Some(Party::Offered(framework)) => {
                framework.set_habits(habits);
                let (batch, ledger) = framework.parts();
                batch.reconfigure(ledger, now, config, policies);
            }
            Some(Party::Sharing(framework)) => framework.reconfigure(now, config, policies),
            Some(Party::Allocator(allocator)) => {
                if let Some(options) = &config.allocator {
                    allocator.reconfigure(options);
                }
            }
            Some(Party::Settler(_)) => {}
            Some(Party::Holding(framework)) => {
                framework.reconfigure(now, &config, &mut || self.registries.policies(&config));
            }
            vacant => *vacant = Some(found(party, config, policies, kind)),
        }
    }
}

/// The beginning of a party.
fn found(party: PartyId, mut config: Config, policies: Policies, kind: Option<Kind>) -> Party {
    if let (Some(holders), Some(kind)) = (config.holders.take(), kind) {
        return Party::Holding(Box::new(Holding::new(kind, *holders, Batch::new(config, policies))));
    }
    let is_first = party == PartyId::FIRST;
    let habits = config.habits.clone();
    match config.architecture {
        Architecture::TwoLevel if is_first => {
            let options = config.allocator.map_or_else(Options::default, |options| *options);
            Party::Allocator(Box::new(TwoLevel::new(options)))
        }
        Architecture::TwoLevel => Party::Offered(Box::new(Offered::new(party, Batch::new(config, policies), habits))),
        Architecture::SharedState if is_first => Party::Settler(Box::new(SharedState::new(config.conflicts))),
        Architecture::SharedState => {
            Party::Sharing(Box::new(Sharing::new(party, Batch::new(config, policies), habits.commit)))
        }
        Architecture::Monolithic => {
            Party::Fused(Box::new(Fused { ledger: Ledger::default(), framework: Batch::new(config, policies) }))
        }
    }
}

impl Fused {
    fn step(&mut self, now: Time, events: &[Event], decisions: &mut Vec<Decision>) -> Step {
        let Self { ledger, framework } = self;
        for event in events {
            match event {
                Event::NodeAdded(spec) => {
                    framework.rejoins(ledger, spec.node);
                    let marked = framework.mark(now, spec);
                    ledger.add_node(marked.as_ref().unwrap_or(spec));
                    framework.grew(ledger, now, spec.node);
                }
                Event::NodeLost { node } => {
                    ledger.lose_node(*node);
                    framework.shrank(ledger, now, *node);
                }
                Event::NodeClosed { node } => {
                    ledger.close_node(*node);
                    framework.shrank(ledger, now, *node);
                }
                Event::NodeOpened { node } => {
                    if ledger.open_node(*node) {
                        framework.grew(ledger, now, *node);
                    }
                }
                Event::DevicesLost { node, gpus } => ledger.lose_devices(*node, *gpus),
                Event::DevicesReturned { node, gpus } => {
                    ledger.return_devices(*node, *gpus);
                    framework.grew(ledger, now, *node);
                }
                event => framework.hear(ledger, now, event),
            }
        }
        framework.pass(ledger, now, decisions)
    }
}

impl Scheduler for Core {
    fn step(
        &mut self,
        party: PartyId,
        now: Time,
        events: &[Event],
        decisions: &mut Vec<Decision>,
    ) -> Result<Step, Gone> {
        let mut rest = events;
        // A configuration holds for the events after it. It comes alone or first in all but odd logs.
        while let Some(at) = rest.iter().position(is_configuration) {
            if at > 0 {
                self.hear(party, now, &rest[..at], decisions);
            }
            if let Event::Configured(config) | Event::Reconfigured(config) = &rest[at] {
                self.configure(party, now, config);
            }
            rest = &rest[at + 1..];
        }
        Ok(self.hear(party, now, rest, decisions))
    }

    fn foresee(&self, party: PartyId, ends: &[TaskId]) {
        if let Some(Some(Party::Fused(fused))) = self.parties.get(usize::from(party.0)) {
            fused.framework.foresee(&fused.ledger, ends);
        }
    }

    fn fork(&self) -> Option<Box<dyn Scheduler>> {
        Some(Box::new(self.clone()))
    }
}

fn is_configuration(event: &Event) -> bool {
    matches!(event, Event::Configured(_) | Event::Reconfigured(_))
}

impl Core {
    fn hear(&mut self, party: PartyId, now: Time, events: &[Event], decisions: &mut Vec<Decision>) -> Step {
        match self.parties.get_mut(usize::from(party.0)) {
            Some(Some(Party::Fused(fused))) if party == PartyId::FIRST => fused.step(now, events, decisions),
            Some(Some(Party::Allocator(allocator))) => allocator.step(now, events, decisions),
            Some(Some(Party::Offered(framework))) => framework.step(now, events, decisions),
            Some(Some(Party::Settler(settler))) => settler.step(now, events, decisions),
            Some(Some(Party::Sharing(framework))) => framework.step(now, events, decisions),
            Some(Some(Party::Holding(framework))) => framework.step(now, events, decisions),
            _ => Step::default(),
        }
    }
}
