//! Lanes with weights, as kubernetes' `resources: [{ name: cpu, weight: 1 }]`.

use crate::config::{Choice, Config};
use crate::registry::OptionNote;
use crate::resources::{CPU, DISK, GPU, MEMORY, STANDARD_LANES};

/// Weights of the standard lanes, in order; 0 for a lane that does not count.
pub(super) type Weights = [u64; STANDARD_LANES.len()];

const fn weight(name: &'static str, default: &'static str) -> OptionNote {
    OptionNote { name, default, meaning: "weight of the lane, a whole number from 0 to 100" }
}

pub(super) const WEIGHT_CPU: OptionNote = weight(STANDARD_LANES[CPU], "1");
pub(super) const WEIGHT_MEMORY: OptionNote = weight(STANDARD_LANES[MEMORY], "1");
pub(super) const WEIGHT_DISK: OptionNote = weight(STANDARD_LANES[DISK], "0");
pub(super) const WEIGHT_GPU: OptionNote = weight(STANDARD_LANES[GPU], "0");

/// The weights that a configuration gives; cpu and memory weigh 1 if it says nothing of them, the others 0.
pub(super) fn weights(config: &Config) -> Weights {
    core::array::from_fn(|lane| {
        let usual = if lane == CPU || lane == MEMORY { 1.0 } else { 0.0 };
        config.placement.number(STANDARD_LANES[lane]).unwrap_or(usual) as u64
    })
}

/// Why the weights of a choice cannot be followed; None if they can.
pub(super) fn misuse(choice: &Choice, options: &[OptionNote]) -> Option<(&'static str, &'static str)> {
    let is_lane = |note: &&OptionNote| STANDARD_LANES.contains(&note.name) && choice.options.contains_key(note.name);
    let fine = |number: f64| (0.0..=100.0).contains(&number) && number == f64::from(number as u32);
    let bad = options.iter().filter(is_lane).find(|note| !choice.number(note.name).is_some_and(fine))?;
    Some((bad.name, "write a whole number from 0 to 100"))
}
