//! Wiring only: parties, and who of them hears what.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::backfill::{self, BACKFILLS, Backfill, Fill, Plain};
use crate::config::{Choice, Config, HeadOfLine, Unplaceable};
use crate::decision::Decision;
use crate::event::Event;
use crate::framework::{Batch, Policies};
use crate::id::{NodeId, PartyId};
use crate::index::Place;
use crate::ledger::{Ledger, Shape};
use crate::placement::{PLACEMENTS, Placement};
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
}

impl Default for Registries {
    /// Everything that is built in.
    fn default() -> Self {
        Self { placements: PLACEMENTS.to_vec(), queues: QUEUES.to_vec(), backfills: BACKFILLS.to_vec() }
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
        let found = self.placements.iter().find(|entry| entry.name == choice.name);
        let found = found.ok_or_else(|| unknown("placement", choice, &self.placements))?;
        check_options("placement", choice, found.options)?;
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
            None => Ok(self.placement(&config.placement).ok().and_then(|policy| {
                let policy = (policy.build)(config);
                policy.score(ledger, shape, node)
            })),
        }
    }

    /// Says whether a configuration can be followed. Drivers ask before they send it.
    ///
    /// # Errors
    /// What is unknown, and what is known instead.
    pub fn check(&self, config: &Config) -> Result<(), ConfigError> {
        self.placement(&config.placement)?;
        self.queue(&config.queue)?;
        self.backfill(&config.backfill)?;
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
    fused: Option<Fused>,
}

/// An allocator and the one framework that it always offers everything: a monolithic scheduler.
#[derive(Clone)]
struct Fused {
    ledger: Ledger,
    framework: Batch,
}

impl Core {
    /// A core that waits for its configuration.
    #[must_use]
    pub fn new(registries: &Registries) -> Self {
        Self { registries: registries.clone(), fused: None }
    }

    /// What the first party believes about nodes; None before it is configured.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.fused.as_ref().map(|fused| &fused.ledger)
    }

    /// How many tasks wait with the first party; a gang counts as one.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.fused.as_ref().map_or(0, |fused| fused.framework.waiting())
    }

    /// How things stood with the first party just before it decided `undone`, the last of its latest decisions: what
    /// it believed of the nodes, and what the first task in them needs, if it was placed. None for a party that is not
    /// fused, or before it is configured. Copies the ledger: for explanations.
    #[must_use]
    pub fn before(&self, undone: &[Decision]) -> Option<(Ledger, Option<Shape>)> {
        let Fused { ledger, framework } = self.fused.as_ref()?;
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

    /// A configuration that cannot be followed leaves the one before in force: drivers check before they send it.
    fn configure(&mut self, now: Time, config: &Config) {
        let before = self.fused.as_ref().map(|fused| fused.framework.config());
        let config = &config.on_terms_of(before);
        let (Ok(placement), Ok(queue), Ok(backfill)) = (
            self.registries.placement(&config.placement),
            self.registries.queue(&config.queue),
            self.registries.backfill(&config.backfill),
        ) else {
            return;
        };
        let place: Box<dyn Place> = (placement.build)(config);
        let order = (queue.build)(config);
        let blocks = config.head_of_line == HeadOfLine::Block;
        let by_job = order.ages() || config.has_terms();
        let plain = || by_job.then(|| Box::new(Plain { blocks }) as Box<dyn Fill>);
        let waits = config.unplaceable == Unplaceable::Wait || config.has_terms();
        let fill = (backfill.build)(config).or_else(plain).filter(|_| waits);
        match &mut self.fused {
            Some(Fused { ledger, framework }) => {
                framework.reconfigure(ledger, now, config.clone(), Policies { order, place, fill });
            }
            None => {
                let framework = Batch::new(config.clone(), Policies { order, place, fill });
                self.fused = Some(Fused { ledger: Ledger::default(), framework });
            }
        }
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
        if party != PartyId::FIRST {
            return Ok(Step::default());
        }
        for event in events {
            if let Event::Configured(config) | Event::Reconfigured(config) = event {
                self.configure(now, config);
                continue;
            }
            let Some(Fused { ledger, framework }) = &mut self.fused else { continue };
            match event {
                Event::NodeAdded(spec) => {
                    let marked = framework.mark(now, spec);
                    ledger.add_node(marked.as_ref().unwrap_or(spec));
                    framework.grew(ledger, now, spec.node);
                }
                Event::NodeLost { node } => {
                    ledger.lose_node(*node);
                    framework.shrank(now, *node);
                }
                event => framework.hear(ledger, now, event),
            }
        }
        let Some(Fused { ledger, framework }) = &mut self.fused else { return Ok(Step::default()) };
        Ok(framework.pass(ledger, now, decisions))
    }

    fn fork(&self) -> Option<Box<dyn Scheduler>> {
        Some(Box::new(self.clone()))
    }
}
