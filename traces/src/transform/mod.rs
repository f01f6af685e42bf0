//! Changes to a stream of jobs on its way from a trace to a run: one file each, every one a [`Source`] around a source.
//!
//! Nothing here but resampling reads ahead or holds more than a job per source. What is dropped or changed is counted
//! in the notes.
//! The draws are keyed by the names of jobs, so that a job meets the same chance whatever is cut from the trace before
//! it; jobs of one workload that share a name share their draws.

mod demand;
mod estimate;
mod lifetime;
mod limit;
mod merge;
mod ratio;
mod relabel;
mod remap;
mod requests;
mod resample;
mod scale;
mod shift;
mod window;

pub use demand::Demanding;
pub use estimate::{Estimate, Estimated};
pub use lifetime::{Lifetime, Relived};
pub use limit::{Limit, Limited};
pub use merge::Merged;
pub use ratio::Ratio;
pub use relabel::{Relabel, Relabelled};
pub use requests::{Requests, Resized, Sizing, Statistic};
pub use resample::{Resample, Resampled};
pub use scale::{Scale, Scaled};
pub use shift::Shifted;
pub use window::{Window, Windowed};

use crate::model::{Demands, Note, Source};
use crate::synthetic::BadTerm;

/// A source as drivers take it.
pub type Boxed = Box<dyn Source + Send>;

/// Everything that a scenario may ask to be done to a trace; the default does nothing.
#[derive(Clone, Debug, Default)]
pub struct Transform {
    /// Which part of the trace, in its own times.
    pub limit: Limit,
    /// So many jobs of that part from one on.
    pub window: Option<Window>,
    /// Whether times are moved so that the first submission is at 0.
    pub shift: bool,
    /// Drawn again out of itself.
    pub resample: Option<Resample>,
    /// More or less of it, denser or longer.
    pub scale: Scale,
    /// How long tasks run.
    pub lifetime: Lifetime,
    /// What the scheduler is told about that.
    pub estimate: Estimate,
    /// Whose it is and what it is reported under.
    pub relabel: Relabel,
    /// What else is demanded of its places.
    pub demands: Demands,
    /// What its tasks ask for instead.
    pub requests: Requests,
}

impl Transform {
    /// Wraps `source` in all that is asked for, in the order of the fields. `workload` is the position of the workload
    /// in the scenario.
    ///
    /// # Errors
    /// If a number is out of range: names the key that is wrong.
    pub fn apply(&self, source: Boxed, seed: u64, workload: u32) -> Result<Boxed, BadTerm> {
        let mut source = source;
        if self.limit != Limit::default() {
            source = Box::new(Limited::new(source, self.limit)?);
        }
        if let Some(window) = self.window {
            source = Box::new(Windowed::new(source, window));
        }
        if self.shift {
            source = Box::new(Shifted::new(source));
        }
        if let Some(how) = self.resample {
            source = Box::new(Resampled::new(source, how, seed, workload));
        }
        if self.scale != Scale::default() {
            source = Box::new(Scaled::new(source, self.scale, seed, workload));
        }
        if !matches!(self.lifetime, Lifetime::Trace) {
            source = Box::new(Relived::new(source, self.lifetime.clone(), seed, workload));
        }
        if self.estimate != Estimate::AsGiven {
            source = Box::new(Estimated::new(source, self.estimate.clone(), seed, workload)?);
        }
        if self.relabel != Relabel::default() {
            source = Box::new(Relabelled::new(source, &self.relabel));
        }
        if !self.demands.is_nothing() {
            source = Box::new(Demanding::new(source, self.demands.clone()));
        }
        if !self.requests.is_empty() {
            source = Box::new(Resized::new(source, self.requests.clone()));
        }
        Ok(source)
    }
}

/// The notes of `inner` and those of a transform (reason, whether jobs were left out, how often), by reason; zeros left
/// out.
fn noted(inner: &Boxed, own: &[(&str, bool, u64)]) -> Vec<Note> {
    let own = own.iter().filter(|(_, _, count)| *count > 0).map(|&(reason, skipped, count)| Note {
        reason: reason.to_owned(),
        skipped,
        count,
        lines: Vec::new(),
    });
    in_order(inner.notes().into_iter().chain(own))
}

/// Notes by reason, those of one reason added up.
fn in_order(notes: impl Iterator<Item = Note>) -> Vec<Note> {
    let mut all: Vec<Note> = notes.collect();
    all.sort_by(|one, other| (&one.reason, one.skipped).cmp(&(&other.reason, other.skipped)));
    all.dedup_by(|next, kept| {
        let same = next.reason == kept.reason && next.skipped == kept.skipped;
        if same {
            kept.count += next.count;
            kept.lines.append(&mut next.lines);
            kept.lines.truncate(10);
        }
        same
    });
    all
}

#[cfg(test)]
mod tests;
