//! Slots: trackers are launched as demand asks, and given back when they were without a task for some time.
//!
//! When it is bad: short jobs one after the other pay for trackers that are idle in between, and the next job for
//! trackers that were just given back.

use super::kind::Kind;
use crate::registry::OptionNote;

pub(super) const ENTRY: Kind = Kind {
    name: "slots",
    summary: "all jobs share trackers: as many as their tasks fill, given back after `idle` without a task",
    options: &[
        OptionNote { name: "most", default: "what the fleet has room for", meaning: "trackers at a time" },
        OptionNote { name: "idle", default: "60s", meaning: "a tracker without a task for so long is given back" },
    ],
    source: "Hadoop on Mesos: TaskTrackers, MesosScheduler of mesos/hadoop",
    per_job: false,
    wants: |holders, sight, _| sight.need.min(holders.most),
    idle: |holders| holders.idle,
};
