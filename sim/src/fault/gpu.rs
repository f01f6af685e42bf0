//! A machine loses some of its gpus.

use windtunnel_traces::synthetic::{BadTerm, Choosable, Unit};

use super::{Effect, FaultModel};

/// The registry entry.
pub static GPU_LOSS: FaultModel = FaultModel {
    name: "gpu",
    summary: "gpu devices are gone, with the tasks on them; the rest of the node works on",
    bare: "count",
    options: &[Choosable { name: "count", unit: Unit::Number, default: "1", summary: "how many devices" }],
    source: "own",
    make: |terms| {
        let count = terms.number("count")?.unwrap_or(1.0);
        if !(1.0..=64.0).contains(&count) || libm::trunc(count) != count {
            let message = format!("`count` is {count}: give a whole number from 1 to 64");
            return Err(BadTerm { key: "count".into(), message });
        }
        Ok(Effect::Gpu { count: count as u8 })
    },
};
