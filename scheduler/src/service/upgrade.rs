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
        let scaled = |milli: u64| u64::from(count).saturating_mul(milli);
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

    /// How many instances have to be made beyond those there are, `old` of which run while `waiting` are to start: as
    /// many more as may start at once, but for those that take the places of the ones killed.
    #[must_use]
    pub fn fresh(&self, count: u32, old: u32, waiting: u32) -> u32 {
        let killed = self.kill_now.min(old);
        let mut upgrade = Upgrade::begun(count, *self, old, old, waiting);
        upgrade.old -= killed;
        upgrade.start().saturating_sub(killed)
    }
}

/// An upgrade on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgrade {
    plan: Plan,
    count: u32,
    /// So many stay healthy: as many as the plan says, or fewer if there were fewer at the beginning.
    floor: u32,
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
        let mut upgrade = Self::begun(count, plan, count, count, 0);
        upgrade.old -= plan.kill_now.min(count);
        upgrade
    }

    /// The same among `old` instances, of which some may not be healthy, and `waiting` ones that will start as new.
    /// None is killed yet: see [`Upgrade::spare`].
    #[must_use]
    pub fn begun(count: u32, plan: Plan, old: u32, healthy: u32, waiting: u32) -> Self {
        let floor = healthy.saturating_sub(plan.kill_now);
        Self { plan, count, floor, old, new: waiting.min(count), new_healthy: 0 }
    }

    /// How many new instances may be started now; they count as running from now on.
    pub fn start(&mut self) -> u32 {
        let room = self.plan.running_most.saturating_sub(self.old.saturating_add(self.new));
        let started = room.min(self.count.saturating_sub(self.new));
        self.new += started;
        started
    }

    /// A new instance is healthy: one old one is killed for it, if any is left. True if one is.
    pub fn healthy(&mut self) -> bool {
        self.new_healthy += 1;
        let kills = self.spare(self.old) > 0;
        self.old -= u32::from(kills);
        kills
    }

    /// How many old instances may go, of which so many are healthy.
    #[must_use]
    pub fn spare(&self, healthy: u32) -> u32 {
        healthy.saturating_add(self.new_healthy).saturating_sub(self.floor).min(healthy)
    }

    /// An old instance is killed, or was lost. True if it starts again as a new one; else there are enough of them.
    pub fn replace(&mut self) -> bool {
        self.old = self.old.saturating_sub(1);
        let again = self.new < self.count;
        self.new += u32::from(again);
        again
    }

    /// The app is to have one instance less.
    pub fn shrink(&mut self) {
        self.count = self.count.saturating_sub(1);
        self.floor = self.floor.min(self.count);
    }

    /// True once only healthy new instances run.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.old == 0 && self.new_healthy >= self.new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_be_made_beyond_what_there_is() {
        let fresh = |health, over, old, waiting| Plan::new(4, old, health, over, false).fresh(4, old, waiting);
        assert_eq!([fresh(1_000, 0, 4, 0), fresh(1_000, 250, 4, 0), fresh(1_000, 1_000, 4, 0)], [1, 1, 4]);
        assert_eq!([fresh(500, 0, 4, 0), fresh(500, 1_000, 4, 0), fresh(0, 0, 4, 0)], [0, 2, 0]);
        // What waits starts as new; of an upgrade that is superseded there may be more than there are to be.
        assert_eq!([fresh(1_000, 0, 3, 1), fresh(1_000, 0, 0, 4), fresh(1_000, 0, 5, 0)], [1, 0, 0]);
        assert_eq!(Plan::new(4, 4, 1_000, 0, true).fresh(4, 4, 0), 0);
    }

    #[test]
    fn an_old_one_that_was_lost_is_not_killed_once_more() {
        let plan = Plan::new(4, 4, 1_000, 0, false);
        let mut upgrade = Upgrade::begin(4, plan);
        assert_eq!(upgrade.start(), 1);
        assert!(upgrade.replace(), "it starts again as a new one");
        assert_eq!((upgrade.old, upgrade.new), (3, 2));
        assert!(!upgrade.healthy(), "as many are healthy as were before");
        assert!(upgrade.healthy());
        // Whoever has one replica less by now needs no more of the new ones.
        upgrade.shrink();
        assert!(upgrade.replace() && !upgrade.replace());
        assert_eq!((upgrade.old, upgrade.new, upgrade.is_done()), (0, 3, false));
    }
}
