//! What a plan came to: how the objectives fared, fleet by fleet or period by period.

use windtunnel_outcome::limit::Limit;

/// What the trials of a plan differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Across {
    /// The number of machines.
    Machines,
    /// The load, in per cent of today's.
    Load,
}

impl Across {
    /// What stands under the axis.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Machines => "machines",
            Self::Load => "load in per cent of today's",
        }
    }
}

/// A plan in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanResult {
    /// The scenario.
    pub scenario: String,
    /// The answer in sentences.
    pub sentences: Vec<String>,
    /// What the trials differ in.
    pub across: Across,
    /// What was to hold.
    pub objectives: Vec<Limit>,
    /// Every trial, in ascending order of [`PlanTrial::at`].
    pub trials: Vec<PlanTrial>,
    /// Where the answer lies; None if there is none.
    pub answer: Option<f64>,
}

/// One fleet, or one period.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanTrial {
    /// How many machines, or how much load.
    pub at: f64,
    /// What it is called.
    pub title: String,
    /// Whether every objective holds.
    pub holds: bool,
    /// The same in words, with what it fails without.
    pub told: String,
    /// What it costs in a month, in dollars; None if that is unknown or not the question.
    pub cost_usd_per_month: Option<f64>,
    /// The least, the mean and the most of each objective's number over the seeds; None where it is undefined.
    pub spreads: Vec<Option<[f64; 3]>>,
}
