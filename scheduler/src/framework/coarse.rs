//! Coarse: each job is an application with executors of its own, which it keeps until its last task is over.
//!
//! Without `idle` it asks for all that it may have at once, however few tasks it has: greedy. With `idle` it is Spark's
//! dynamic allocation: as long as tasks wait, it asks every second for twice as many more as the second before, up to
//! what its tasks fill, and gives back an executor that had no task for that long.
//!
//! When it is bad: without `most` the first application takes the cluster, and others wait until it is over.

use super::kind::{Kind, Ramp, Sight};
use crate::config::Holders;
use crate::registry::OptionNote;
use crate::time::Span;

/// Tasks wait for so long before more executors are asked for, the first time and every time after.
const BACKLOG: Span = Span::from_seconds(1);

pub(super) const ENTRY: Kind = Kind {
    name: "coarse",
    summary: "each job holds executors until it is over; with `idle` as many as it needs, asked for by doubling",
    options: &[
        OptionNote { name: "most", default: "what the fleet has room for", meaning: "executors of one job" },
        OptionNote { name: "idle", default: "never", meaning: "an executor without a task for so long is given back" },
    ],
    source: "Apache Spark: coarse-grained mode on Mesos, ExecutorAllocationManager",
    per_job: true,
    wants,
    idle: |holders| holders.idle,
};

fn wants(holders: &Holders, sight: &Sight, ramp: &mut Ramp) -> u32 {
    if !sight.has_work {
        return 0;
    }
    if holders.idle.is_none() {
        return holders.most;
    }
    let most = sight.need.min(holders.most);
    ramp.target = ramp.target.min(most);
    if sight.waiting == 0 || ramp.target == most {
        (ramp.add, ramp.next) = (0, None);
        return ramp.target;
    }
    let due = *ramp.next.get_or_insert(sight.now + BACKLOG);
    if due <= sight.now {
        let step = ramp.add.max(1).min(most - ramp.target);
        ramp.target += step;
        (ramp.add, ramp.next) = (step.saturating_mul(2), Some(sight.now + BACKLOG));
    }
    ramp.target
}
