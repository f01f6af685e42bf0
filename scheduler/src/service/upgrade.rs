//! How an app is replaced by its next version while enough of it stays healthy.
//!
//! **Source.** Marathon, `TaskReplaceActor`: of n instances at least n x minimum health stay healthy (rounded up), and
//! at most n x (1 + over-capacity) run (rounded down).

/// What an upgrade keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// So many stay healthy.
    pub healthy_least: u32,
    /// So many run at most, old and new together.
    pub running_most: u32,
    /// So many old ones are killed at once.
    pub kill_now: u32,
}

impl Plan {
    /// For `count` instances of which `healthy` are. Shares are in thousandths. Where nothing could move, an app gets
    /// one more instance for a while; one that is bound to its place gives up one instead.
    #[must_use]
    pub fn new(count: u32, healthy: u32, health_milli: u32, over_milli: u32, resident: bool) -> Self {
        let scaled = |milli: u64| u64::from(count) * milli;
        let healthy_least = u32::try_from(scaled(u64::from(health_milli)).div_ceil(1000)).unwrap_or(u32::MAX);
        let mut running_most = u32::try_from(scaled(1000 + u64::from(over_milli)) / 1000).unwrap_or(u32::MAX);
        let mut kill_now = healthy.saturating_sub(healthy_least);
        if healthy_least >= running_most {
            match resident {
                true => kill_now += 1,
                false => running_most = running_most.saturating_add(1),
            }
        }
        Self { healthy_least, running_most, kill_now }
    }
}

/// An upgrade on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgrade {
    plan: Plan,
    count: u32,
    /// Old instances that run.
    pub old: u32,
    /// New instances that run.
    pub new: u32,
    /// New instances that are healthy, or ready if the app says what that means.
    pub new_healthy: u32,
}

impl Upgrade {
    /// Begins: the first old ones are killed.
    #[must_use]
    pub fn begin(count: u32, plan: Plan) -> Self {
        Self { plan, count, old: count - plan.kill_now.min(count), new: 0, new_healthy: 0 }
    }

    /// How many new instances may be started now; they count as running from now on.
    pub fn start(&mut self) -> u32 {
        let room = self.plan.running_most.saturating_sub(self.old + self.new);
        let started = room.min(self.count - self.new);
        self.new += started;
        started
    }

    /// A new instance is healthy: one old one is killed for it, if any is left. True if one is.
    pub fn healthy(&mut self) -> bool {
        self.new_healthy += 1;
        let kills = self.old > 0;
        self.old -= u32::from(kills);
        kills
    }

    /// True once only healthy new instances run.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.old == 0 && self.new_healthy == self.count
    }
}
