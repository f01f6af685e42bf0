//! Workloads that nobody recorded: arrivals, durations, shapes and the rest, each drawn by the key of its job.
//!
//! Job i of a workload is a function of (seed, workload, i), whatever was drawn before: see [`Key`]. Absent on purpose:
//! a generator with a state that others can disturb, and the mathematics of the platform.

mod ahead;
mod arrivals;
mod background;
mod choice;
mod family;
mod graph;
mod incomplete_gamma;
pub(crate) mod key;
mod law;
mod normal;
mod shape;
mod size;
mod source;
mod spec;
mod terms;

pub use arrivals::{ArrivalLaw, Arrivals, AtOnce, Bursty, DAY, Daily, Poisson, Regular, Renewal, Schedules, Tick};
pub use background::{Residual, background};
pub use choice::Choice;
pub use family::{Family, grid};
pub use graph::{Graphs, StageSpec};
pub use key::Key;
pub use law::{
    Constant, DurationLaw, Empirical, Exponential, Gamma, Hyperexponential, LONGEST, Law, Lognormal, Pareto, Uniform,
    Weibull,
};
pub use shape::Shape;
pub use size::Sizes;
pub use source::Synthetic;
pub use spec::{Runs, SyntheticSpec};
pub use terms::{BadTerm, Choosable, Terms, Unit, Value};

/// A law of arrivals or of durations, as `trace generate` and scenario files know it.
pub struct Generator {
    /// The key in a scenario file; unique among generators of one sort.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The option that a bare value sets (`{ poisson = "2/s" }`); empty if a table is needed.
    pub bare: &'static str,
    /// The options.
    pub options: &'static [Choosable],
    /// Where the method comes from.
    pub source: &'static str,
    /// Makes one.
    pub make: Make,
}

/// What a generator makes, and how.
#[derive(Clone, Copy)]
pub enum Make {
    /// A law of arrivals.
    Arrivals(fn(&Terms) -> Result<Arrivals, BadTerm>),
    /// A law of durations.
    Duration(fn(&Terms) -> Result<Law, BadTerm>),
}

impl Make {
    /// The key under which a scenario file names generators of this sort.
    #[must_use]
    pub const fn sort(&self) -> &'static str {
        match self {
            Self::Arrivals(_) => "arrivals",
            Self::Duration(_) => "duration",
        }
    }
}

/// Every generator: arrivals, then durations.
pub static GENERATORS: [&Generator; 15] = [
    &arrivals::POISSON,
    &arrivals::DAILY,
    &arrivals::BURSTY,
    &arrivals::RENEWAL,
    &arrivals::CONSTANT,
    &arrivals::AT_ONCE,
    &law::EXPONENTIAL,
    &law::LOGNORMAL,
    &law::PARETO,
    &law::WEIBULL,
    &law::GAMMA,
    &law::HYPEREXPONENTIAL,
    &law::UNIFORM,
    &law::CONSTANT,
    &law::EMPIRICAL,
];

impl Generator {
    /// A law of arrivals out of options.
    ///
    /// # Errors
    /// If an option is unknown, missing or out of range, or this is a generator of durations.
    pub fn arrivals(&self, terms: &Terms) -> Result<Arrivals, BadTerm> {
        terms.check(self.name, self.options)?;
        match self.make {
            Make::Arrivals(make) => make(terms),
            Make::Duration(_) => Err(self.of_other_sort("arrivals")),
        }
    }

    /// A law of durations out of options.
    ///
    /// # Errors
    /// If an option is unknown, missing or out of range, or this is a generator of arrivals.
    pub fn duration(&self, terms: &Terms) -> Result<Law, BadTerm> {
        terms.check(self.name, self.options)?;
        match self.make {
            Make::Duration(make) => make(terms),
            Make::Arrivals(_) => Err(self.of_other_sort("duration")),
        }
    }

    fn of_other_sort(&self, wanted: &str) -> BadTerm {
        let (name, sort) = (self.name, self.make.sort());
        BadTerm::new(name, format!("`{name}` is a law of {sort}: choose one of {}", names(wanted).join(", ")))
    }
}

/// The names of the generators of a sort (`arrivals` or `duration`), in order.
#[must_use]
pub fn names(sort: &str) -> Vec<&'static str> {
    of_sort(sort).map(|generator| generator.name).collect()
}

fn of_sort(sort: &str) -> impl Iterator<Item = &'static Generator> {
    GENERATORS.iter().copied().filter(move |generator| generator.make.sort() == sort)
}

/// The generator of a sort (`arrivals` or `duration`) with this name.
///
/// # Errors
/// If there is none; the message lists those there are.
pub fn generator(sort: &str, name: &str) -> Result<&'static Generator, BadTerm> {
    of_sort(sort).find(|generator| generator.name == name).ok_or_else(|| {
        BadTerm::new(name, format!("no law of {sort} is called `{name}`: choose one of {}", names(sort).join(", ")))
    })
}

#[cfg(test)]
mod tests;
