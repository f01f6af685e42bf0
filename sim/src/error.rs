//! Why a run could not be carried out.

use windtunnel_outcome::RecordError;
use windtunnel_scheduler::{Gone, Time};
use windtunnel_traces::model::SourceError;

/// Why a run could not be carried out: one sentence in lower case.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// A workload could not be read on.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A result could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The scheduler left.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// The experiment contradicts itself.
    #[error("{0}")]
    Experiment(String),
    /// A decision contradicts what its party was told.
    #[error("invalid decision at {at} by party {party}: {reason}")]
    Invalid {
        /// When.
        at: Time,
        /// Whose.
        party: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// The truth does not add up: a node holds more than it has, or a task is in two states.
    #[error("audit failed at {at}: {reason}")]
    Audit {
        /// When.
        at: Time,
        /// What does not add up.
        reason: String,
    },
    /// More than 10,000 rounds of messages within one instant.
    #[error("the parties did not come to rest within {rounds} rounds at {at}")]
    Restless {
        /// When.
        at: Time,
        /// How many rounds were made.
        rounds: u32,
    },
    /// Triggers undo each other within one instant, for ever.
    #[error("triggers {names} undo each other at {at}; set their limits further apart, or give them `for`")]
    Cycle {
        /// When.
        at: Time,
        /// Which.
        names: String,
    },
    /// The caller asked for the end.
    #[error("interrupted")]
    Interrupted,
}
