//! The metric registry: every number of `summary.json` by name, with what it means.
//!
//! To add a metric, write it into the file of its family; a new family is a file here and a line in `FAMILIES`.
//! Listings, limits, triggers and verdicts all read [`METRICS`].

mod allocation;
mod availability;
mod conservation;
mod cost;
mod courses;
mod fairness;
mod goodput;
mod history;
mod holders;
mod jobs;
mod measures;
mod offers;
mod packing;
mod scheduler;
mod services;
mod slices;
mod tasks;
mod triggers;
mod trouble;
mod wait;
mod windows;

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// A fact that is neither good nor bad.
    Neither,
}

impl Better {
    /// The word in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::Neither => "neither",
        }
    }
}

/// A number of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// As in `summary.json`, nested objects joined by dots. `<name>` stands for a class or a team, `<lane>` for a
    /// resource.
    pub name: &'static str,
    /// What it is counted in; `share` is between 0 and 1.
    pub unit: &'static str,
    /// Which way is good.
    pub better: Better,
    /// Whether it can be asked for while a run goes on, also over a window: in triggers. What is said of the end of the
    /// run is then said of the instant.
    pub live: bool,
    /// What it is, for a reader of reports: a phrase without a full stop.
    pub meaning: &'static str,
    /// Where the formula comes from, or which file it can be recomputed from.
    pub source: &'static str,
}

/// Mean, percentiles and maximum of a time in seconds, less of which is better.
macro_rules! seconds {
    ($name:literal, $what:literal, $source:literal) => {
        seconds!(@all false, $name, $what, $source)
    };
    (live $name:literal, $what:literal, $source:literal) => {
        seconds!(@all true, $name, $what, $source)
    };
    (@all $live:literal, $name:literal, $what:literal, $source:literal) => {
        &[
            seconds!(@one $live, $name, ".mean", "mean of ", $what, $source),
            seconds!(@one $live, $name, ".p50", "median of ", $what, $source),
            seconds!(@one $live, $name, ".p90", "90th percentile of ", $what, $source),
            seconds!(@one $live, $name, ".p99", "99th percentile of ", $what, $source),
            seconds!(@one $live, $name, ".p999", "99.9th percentile of ", $what, $source),
            seconds!(@one $live, $name, ".max", "greatest of ", $what, $source),
        ]
    };
    (@one $live:literal, $name:literal, $statistic:literal, $of:literal, $what:literal, $source:literal) => {
        $crate::metric::Metric {
            name: concat!($name, $statistic),
            unit: "s",
            better: $crate::metric::Better::Lower,
            live: $live,
            meaning: concat!($of, $what),
            source: $source,
        }
    };
}

/// Time-weighted mean, percentiles and the end of a share of capacity, more of which is better.
macro_rules! shares {
    ($name:literal, $what:literal, $source:literal) => {
        &[
            shares!(@one $name, ".mean", true, "time-weighted mean of ", $what, $source),
            shares!(@one $name, ".p50", false, "time-weighted median of ", $what, $source),
            shares!(@one $name, ".p99", false, "time-weighted 99th percentile of ", $what, $source),
            shares!(@one $name, ".at_end", true, "at the end of the run, ", $what, $source),
        ]
    };
    (@one $name:literal, $statistic:literal, $live:literal, $of:literal, $what:literal, $source:literal) => {
        $crate::metric::Metric {
            name: concat!($name, $statistic),
            unit: "share",
            better: $crate::metric::Better::Higher,
            live: $live,
            meaning: concat!($of, $what),
            source: $source,
        }
    };
}

/// How many tasks were handed in, and how they stand at the end.
macro_rules! task_counts {
    ($name:literal, $which:literal) => {
        task_counts!(@all false, $name, $which)
    };
    (live $name:literal, $which:literal) => {
        task_counts!(@all true, $name, $which)
    };
    (@all $live:literal, $name:literal, $which:literal) => {
        &[
            task_counts!(@one $live, $name, ".submitted", Neither, $which, " handed in"),
            task_counts!(@one $live, $name, ".finished", Higher, $which, " that did what they had to do"),
            task_counts!(@one $live, $name, ".failed", Lower, $which, " that failed of their own in the end"),
            task_counts!(@one $live, $name, ".killed", Neither, $which, " that somebody asked to end"),
            task_counts!(@one $live, $name, ".evicted", Lower, $which, " preempted or drained and not started again"),
            task_counts!(@one $live, $name, ".lost", Lower, $which, " whose machine went away, not started again"),
            task_counts!(@one $live, $name, ".rejected", Lower, $which, " given up without being placed"),
            task_counts!(@one $live, $name, ".pending_at_end", Lower, $which, " still waiting when the run ended"),
            task_counts!(@one $live, $name, ".running_at_end", Neither, $which, " still running when the run ended"),
        ]
    };
    (@one $live:literal, $name:literal, $state:literal, $better:ident, $which:literal, $that:literal) => {
        $crate::metric::Metric {
            name: concat!($name, $state),
            unit: "tasks",
            better: $crate::metric::Better::$better,
            live: $live,
            meaning: concat!($which, $that),
            source: "tasks.parquet: state of the last attempt",
        }
    };
}

pub(crate) use {seconds, shares, task_counts};

/// In the order of listings.
const FAMILIES: &[&[&[Metric]]] = &[
    jobs::METRICS,
    tasks::METRICS,
    triggers::METRICS,
    wait::METRICS,
    allocation::METRICS,
    packing::METRICS,
    measures::METRICS,
    goodput::METRICS,
    fairness::METRICS,
    availability::METRICS,
    trouble::METRICS,
    courses::METRICS,
    services::METRICS,
    holders::METRICS,
    cost::METRICS,
    conservation::METRICS,
    history::METRICS,
    scheduler::METRICS,
    offers::METRICS,
    slices::METRICS,
    windows::METRICS,
];

const COUNT: usize = {
    let (mut family, mut count) = (0, 0);
    while family < FAMILIES.len() {
        let mut group = 0;
        while group < FAMILIES[family].len() {
            count += FAMILIES[family][group].len();
            group += 1;
        }
        family += 1;
    }
    count
};

static ALL: [Metric; COUNT] = {
    let mut all = [FAMILIES[0][0][0]; COUNT];
    let (mut family, mut at) = (0, 0);
    while family < FAMILIES.len() {
        let mut group = 0;
        while group < FAMILIES[family].len() {
            let mut metric = 0;
            while metric < FAMILIES[family][group].len() {
                all[at] = FAMILIES[family][group][metric];
                at += 1;
                metric += 1;
            }
            group += 1;
        }
        family += 1;
    }
    all
};

/// The few that stand for all: what verdicts are summed up by, and what a gate holds unless it is told otherwise.
pub const HEADLINE: &[&str] = &[
    "wait_s.mean",
    "wait_s.p99",
    "bounded_slowdown.mean",
    "makespan_s",
    "tasks.finished",
    "tasks.rejected",
    "tasks.lost",
    "tasks.pending_at_end",
    "allocation.cpu.mean",
    "packing.efficiency",
    "stranded.cpu.mean",
    "goodput.cpu",
    "cost.total_usd",
];

/// Every metric.
pub static METRICS: &[Metric] = &ALL;

impl Metric {
    fn segments(&self) -> impl DoubleEndedIterator<Item = &'static str> + Clone {
        self.name.split('.')
    }

    /// Whether the name holds a segment that stands for any.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.segments().any(is_wild)
    }
}

fn is_wild(segment: &str) -> bool {
    segment.starts_with('<')
}

/// The metric that `name` is one of: `by_class.batch.wait_s.p99` is `by_class.<name>.wait_s.p99`. Names of classes
/// and teams may hold dots themselves. That there is such a class in a run is for the run to say.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    let segments: Vec<&str> = name.split('.').collect();
    METRICS.iter().find(|metric| metric.name == name && !metric.is_pattern()).or_else(|| find_path(&segments)).or_else(
        || {
            METRICS.iter().find(|metric| {
                let pattern: Vec<&str> = metric.segments().collect();
                matches(&pattern, &segments)
            })
        },
    )
}

/// The metric of a path of [`crate::Summary`], whose segments are whole names whatever dots they hold.
#[must_use]
pub fn find_path<S: AsRef<str>>(path: &[S]) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| {
        let mut segments = metric.segments();
        let same = path.iter().all(|part| segments.next().is_some_and(|segment| fits(segment, part.as_ref())));
        same && segments.next().is_none()
    })
}

fn fits(segment: &str, part: &str) -> bool {
    if is_wild(segment) { !part.is_empty() } else { segment == part }
}

/// Whether the parts fill the pattern, a wild segment taking one part or more.
fn matches(pattern: &[&str], parts: &[&str]) -> bool {
    let (Some((segment, pattern)), Some((part, parts))) = (pattern.split_first(), parts.split_first()) else {
        return pattern.is_empty() && parts.is_empty();
    };
    fits(segment, part)
        && (matches(pattern, parts)
            || is_wild(segment) && (1..=parts.len()).any(|taken| matches(pattern, &parts[taken..])))
}

/// The known name that is most like a mistyped one, with the classes, teams and resources of the mistyped one put in;
/// None if nothing is much like it. The first of the registry among equals.
#[must_use]
pub fn nearest(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    let candidate = METRICS
        .iter()
        .map(|metric| filled(metric, &parts))
        .map(|candidate| (strsim::osa_distance(name, &candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= (name.chars().count() / 3).max(2))
        .map(|(_, candidate)| candidate);
    candidate.or_else(|| {
        // The beginning of a name is like it too: `wait` for `wait_s.mean`.
        let begins = |metric: &&Metric| !name.is_empty() && metric.name.starts_with(name);
        METRICS.iter().find(begins).map(|metric| metric.name.to_owned())
    })
}

/// The name of a metric with its wild segments taken from `parts`, at the same place; the first wild one takes what
/// is too much, and `<lane>` is cpu if there are too few parts.
fn filled(metric: &Metric, parts: &[&str]) -> String {
    let segments: Vec<&str> = metric.segments().collect();
    let Some(extra) = parts.len().checked_sub(segments.len()) else {
        return metric.name.replace("<lane>", "cpu");
    };
    let mut rest = parts.iter();
    let mut first = true;
    let mut name: Vec<&str> = Vec::new();
    for segment in segments {
        let wild = is_wild(segment);
        let taken = if wild && first { 1 + extra } else { 1 };
        first &= !wild;
        let own = rest.by_ref().take(taken).copied();
        if wild {
            name.extend(own);
        } else {
            own.for_each(drop);
            name.push(segment);
        }
    }
    name.join(".")
}

#[cfg(test)]
mod tests;
