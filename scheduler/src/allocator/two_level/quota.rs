//! Quotas: what a top-level role is promised, and what it may have at most.

use alloc::string::String;

use super::TwoLevel;
use crate::resources::{LANES, Resources, Totals};

/// A quota of a top-level role, over scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Quota {
    /// What must be there for it: 0 in a lane that is not promised.
    pub guarantee: Totals,
    /// What it may have at most: `u64::MAX` in a lane without limit.
    pub limit: Totals,
}

impl Default for Quota {
    fn default() -> Self {
        Self { guarantee: Totals::default(), limit: Totals([u64::MAX; LANES]) }
    }
}

impl Quota {
    /// A guarantee that is also the limit in the lanes that it names: what a quota was before limits existed.
    #[must_use]
    pub fn both(row: &Resources) -> Self {
        let mut quota = Self::default();
        for lane in (0..LANES).filter(|&lane| row[lane] > 0) {
            quota.guarantee.0[lane] = u64::from(row[lane]);
            quota.limit.0[lane] = u64::from(row[lane]);
        }
        quota
    }

    /// Only a guarantee.
    #[must_use]
    pub fn guarantee(row: &Resources) -> Self {
        let mut quota = Self::default();
        quota.guarantee.add(row, 1);
        quota
    }

    /// Only a limit, in the lanes of the mask.
    #[must_use]
    pub fn limit(row: &Resources, lanes: u8) -> Self {
        let mut quota = Self::default();
        for lane in (0..LANES).filter(|lane| lanes & (1 << lane) != 0) {
            quota.limit.0[lane] = u64::from(row[lane]);
        }
        quota
    }

    /// True if it promises something.
    #[must_use]
    pub fn has_guarantee(&self) -> bool {
        self.guarantee != Totals::default()
    }

    /// True if it limits something.
    #[must_use]
    pub fn has_limit(&self) -> bool {
        self.limit.0.iter().any(|&most| most != u64::MAX)
    }
}

/// A quota that is not taken on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// Quotas stand at the top.
    #[error("`{0}` is not a top-level role: give the quota to the first part of its path")]
    Nested(String),
    /// A guarantee over the limit of the same role.
    #[error("the guarantee of `{role}` is above its limit in lane {lane}; raise the limit or lower the guarantee")]
    AboveLimit {
        /// The role.
        role: String,
        /// Where.
        lane: usize,
    },
    /// All guarantees together are more than the registered agents have.
    #[error("the guarantees together need {needed} in lane {lane} and the agents have {capacity}; lower one, or force")]
    Overcommitted {
        /// Where.
        lane: usize,
        /// What all guarantees add up to.
        needed: u64,
        /// What there is.
        capacity: u64,
    },
    /// The role consumes more than it would be allowed.
    #[error("`{role}` consumes {consumed} in lane {lane} and would be limited to {limit}; raise the limit, or force")]
    BelowUse {
        /// The role.
        role: String,
        /// Where.
        lane: usize,
        /// What it consumes.
        consumed: u64,
        /// What it would be limited to.
        limit: u64,
    },
}

impl TwoLevel {
    /// Sets the quota of a top-level role (Q1, Q4). `force` skips the checks against capacity and use.
    ///
    /// # Errors
    /// See [`QuotaError`]; nothing has changed then.
    pub fn set_quota(&mut self, path: &str, quota: Quota, force: bool) -> Result<(), QuotaError> {
        self.check_quota(path, &quota, force)?;
        let role = self.intern(path);
        let old = self.roles[role].quota;
        self.roles.guaranteed -= u32::from(old.has_guarantee());
        self.roles.guaranteed += u32::from(quota.has_guarantee());
        self.roles.limited -= u32::from(old.has_limit());
        self.roles.limited += u32::from(quota.has_limit());
        let consumed = self.roles[role].consumed;
        for lane in 0..LANES {
            let unmet = |quota: &Quota| quota.guarantee.0[lane].saturating_sub(consumed.0[lane]);
            self.roles.required.0[lane] = self.roles.required.0[lane] + unmet(&quota) - unmet(&old);
        }
        self.roles[role].quota = quota;
        Ok(())
    }

    fn check_quota(&self, path: &str, quota: &Quota, force: bool) -> Result<(), QuotaError> {
        if path.contains('/') {
            return Err(QuotaError::Nested(path.into()));
        }
        if let Some(lane) = (0..LANES).find(|&lane| quota.guarantee.0[lane] > quota.limit.0[lane]) {
            return Err(QuotaError::AboveLimit { role: path.into(), lane });
        }
        if force {
            return Ok(());
        }
        for lane in 0..LANES {
            let others = self.roles.iter().filter(|role| role.path != path);
            let needed = others.fold(quota.guarantee.0[lane], |sum, role| sum + role.quota.guarantee.0[lane]);
            let capacity = self.total.0[lane];
            if quota.guarantee.0[lane] > 0 && needed > capacity {
                return Err(QuotaError::Overcommitted { lane, needed, capacity });
            }
            let consumed = self.roles.find(path).map_or(0, |role| self.roles[role].consumed.0[lane]);
            let limit = quota.limit.0[lane];
            if consumed > limit {
                return Err(QuotaError::BelowUse { role: path.into(), lane, consumed, limit });
            }
        }
        Ok(())
    }

    /// What of `row` a role may be given beyond its guarantee: under the limit of its branch, and without what is held
    /// back for guarantees that are not met (Q3).
    /// `before` is what it is given of the guarantee in the same grant.
    pub(super) fn spare(&self, role: u32, row: &Resources, before: &Resources) -> Resources {
        if self.roles.guaranteed == 0 && self.roles.limited == 0 {
            return *row;
        }
        let top = &self.roles[self.roles[role].top];
        let mut spare = *row;
        for lane in (0..LANES).filter(|&lane| row[lane] > 0 && !self.is_set(lane)) {
            let consumed = top.consumed.0[lane] + u64::from(before[lane]);
            let under_limit = top.quota.limit.0[lane].saturating_sub(consumed);
            let surplus = self.idle.0[lane].saturating_sub(self.roles.required.0[lane]);
            let most = u32::try_from(under_limit.min(surplus)).unwrap_or(u32::MAX);
            spare[lane] = spare[lane].min(most);
        }
        spare
    }

    /// What of the guarantee of a role's branch is not met.
    pub(super) fn unmet(&self, role: u32) -> Totals {
        let top = &self.roles[self.roles[role].top];
        let mut unmet = Totals::default();
        for lane in (0..LANES).filter(|&lane| !self.is_set(lane)) {
            unmet.0[lane] = top.quota.guarantee.0[lane].saturating_sub(top.consumed.0[lane]);
        }
        unmet
    }

    /// What is held back for guarantees that are not met (Q3).
    #[must_use]
    pub fn headroom(&self) -> &Totals {
        &self.roles.required
    }
}
