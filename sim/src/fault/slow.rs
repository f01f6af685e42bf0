//! A straggler.

use windtunnel_traces::synthetic::{BadTerm, Choosable, Unit};

use super::{Effect, FaultModel};

/// The registry entry.
pub static SLOW: FaultModel = FaultModel {
    name: "slow",
    summary: "work goes on at a fraction of its pace",
    bare: "pace",
    options: &[Choosable {
        name: "pace",
        unit: Unit::Number,
        default: "0.5",
        summary: "1 is full pace; what is left of a run takes 1 / pace as long",
    }],
    source: "Ananthanarayanan et al., OSDI 2010: stragglers",
    make: |terms| {
        let pace = terms.number("pace")?.unwrap_or(0.5);
        if !(0.001..=1.0).contains(&pace) {
            let key = "pace";
            let message = format!("`pace` is {pace}: give a number from 0.001 to 1");
            return Err(BadTerm { key: key.into(), message });
        }
        Ok(Effect::Slow { permille: (pace * 1000.0 + 0.5) as u32 })
    },
};
