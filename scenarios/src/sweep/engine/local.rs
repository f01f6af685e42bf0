//! All cores of this machine.

use super::{Engine, EngineOptions, Progressed};
use crate::failure::Failure;
use crate::sweep::{Job, Shard};

pub(super) const ENGINE: Engine = Engine {
    name: "local",
    summary: "every core of this machine, one run each",
    options: &[],
    source: "rayon",
    perform,
};

fn perform(job: &Job<'_>, _: &EngineOptions) -> Result<Progressed, Failure> {
    let idle_share = job.perform(Shard::WHOLE)?;
    Ok(Progressed::Done { idle_share })
}
