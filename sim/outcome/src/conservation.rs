//! Conservation: what a fleet could have given is busy, lost, idle or down, to the last lane-microsecond.

use windtunnel_scheduler::resources::{CPU, GPU, LANES, Resources, Totals};
use windtunnel_scheduler::time::Span;

use crate::summary::Summary;

/// Lane-microseconds per lane: millicore-microseconds, MiB-microseconds, thousandths of a gpu times microseconds.
pub type LaneTime = [u128; LANES];

/// Five sums that come from five places, none of them derived from the others, so that a mistake in any shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conservation {
    /// What the fleet is, up or down, after reserve and overcommit: from the fleet.
    pub capacity: LaneTime,
    /// Held by attempts whose work counts: from the attempts.
    pub busy: LaneTime,
    /// Held by attempts whose work was thrown away: from the attempts.
    pub lost: LaneTime,
    /// Free on nodes that are up: from the nodes.
    pub idle: LaneTime,
    /// Of nodes that are down: from the outages.
    pub down: LaneTime,
}

/// Adds `row` held for `span`.
#[inline]
pub fn hold(sum: &mut LaneTime, row: &Resources, span: Span) {
    for (sum, amount) in sum.iter_mut().zip(&row.0).filter(|(_, amount)| **amount != 0) {
        *sum += u128::from(*amount) * u128::from(span.0);
    }
}

/// Adds the sums of many nodes or tasks held for `span`.
#[inline]
pub fn hold_totals(sum: &mut LaneTime, totals: &Totals, span: Span) {
    for (sum, amount) in sum.iter_mut().zip(&totals.0).filter(|(_, amount)| **amount != 0) {
        *sum += u128::from(*amount) * u128::from(span.0);
    }
}

/// Lane-microseconds in one resource-second of `lane`: a core, a MiB, a gpu or one of a lane that the scenario names,
/// for a second.
#[must_use]
pub const fn per_resource_second(lane: usize) -> f64 {
    if lane == CPU || lane == GPU { 1e9 } else { 1e6 }
}

/// Lane-microseconds as resource-seconds: core-seconds, MiB-seconds, GPU-seconds.
#[must_use]
pub fn resource_seconds(lane: usize, lane_us: u128) -> f64 {
    lane_us as f64 / per_resource_second(lane)
}

impl Conservation {
    /// Capacity minus busy, lost, idle and down of a lane, in lane-microseconds: exactly 0 if everything is accounted
    /// for.
    ///
    /// # Panics
    /// If there is no such lane.
    #[must_use]
    pub fn residual(&self, lane: usize) -> i128 {
        let spent = self.busy[lane] + self.lost[lane] + self.idle[lane] + self.down[lane];
        let size = i128::try_from(self.capacity[lane].abs_diff(spent)).unwrap_or(i128::MAX);
        if self.capacity[lane] >= spent { size } else { -size }
    }

    /// The lanes that do not add up.
    #[must_use]
    pub fn unbalanced(&self) -> Vec<usize> {
        (0..LANES).filter(|lane| self.residual(*lane) != 0).collect()
    }

    /// Writes `conservation.<lane>.{capacity,busy,lost,idle,down,residual}` in resource-seconds. The residual is
    /// taken before anything is rounded: it is 0 if and only if the whole numbers add up.
    pub fn record(&self, lanes: &[(usize, String)], summary: &mut Summary) {
        for (lane, name) in lanes.iter().filter(|(lane, _)| *lane < LANES) {
            let parts = [
                ("capacity", &self.capacity),
                ("busy", &self.busy),
                ("lost", &self.lost),
                ("idle", &self.idle),
                ("down", &self.down),
            ];
            let path = |part: &str| vec!["conservation".to_owned(), name.clone(), part.to_owned()];
            for (part, sum) in parts {
                summary.set_path(path(part), resource_seconds(*lane, sum[*lane]));
            }
            summary.set_path(path("residual"), self.residual(*lane) as f64 / per_resource_second(*lane));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_scheduler::resources::{DISK, MEMORY};

    /// Two nodes of 4 cores and 8 MiB for 10 s: one works 6 s on 3 cores (2 s of that for nothing), the other is down
    /// for 4 s.
    fn balanced() -> Conservation {
        let node = Resources::new(4_000, 8);
        let task = Resources::new(3_000, 8);
        let free = Resources::new(1_000, 0);
        let mut sums = Conservation::default();
        let mut both = Totals::default();
        both.add(&node, 2);
        hold_totals(&mut sums.capacity, &both, Span::from_seconds(10));
        hold(&mut sums.busy, &task, Span::from_seconds(4));
        hold(&mut sums.lost, &task, Span::from_seconds(2));
        hold(&mut sums.idle, &free, Span::from_seconds(6));
        hold(&mut sums.idle, &node, Span::from_seconds(4 + 6));
        hold(&mut sums.down, &node, Span::from_seconds(4));
        sums
    }

    #[test]
    fn what_adds_up_leaves_nothing() {
        let sums = balanced();
        assert_eq!(sums.unbalanced(), []);
        assert_eq!(resource_seconds(CPU, sums.capacity[CPU]), 80.0);
        assert_eq!(resource_seconds(CPU, sums.busy[CPU]), 12.0);
        assert_eq!(resource_seconds(MEMORY, sums.lost[MEMORY]), 16.0);
    }

    #[test]
    fn a_mistake_in_any_sum_shows_in_its_lane_alone() {
        type Part = fn(&mut Conservation) -> &mut LaneTime;
        let parts: [(Part, i128); 5] = [
            (|sums| &mut sums.capacity, 1),
            (|sums| &mut sums.busy, -1),
            (|sums| &mut sums.lost, -1),
            (|sums| &mut sums.idle, -1),
            (|sums| &mut sums.down, -1),
        ];
        for (part, sign) in parts {
            for lane in 0..LANES {
                let mut sums = balanced();
                part(&mut sums)[lane] += 1;
                assert_eq!((sums.residual(lane), sums.unbalanced()), (sign, vec![lane]));
            }
        }
    }

    #[test]
    fn units_are_cores_mebibytes_and_devices() {
        let one_second = |lane: usize, amount: u32| {
            let mut row = Resources::ZERO;
            row[lane] = amount;
            let mut sum = LaneTime::default();
            hold(&mut sum, &row, Span::from_seconds(1));
            resource_seconds(lane, sum[lane])
        };
        assert_eq!((one_second(CPU, 1_000), one_second(GPU, 1_000)), (1.0, 1.0));
        assert_eq!((one_second(MEMORY, 1), one_second(DISK, 1), one_second(7, 1)), (1.0, 1.0, 1.0));
    }

    #[test]
    fn a_residual_far_below_what_a_float_can_tell_is_still_written() {
        let mut sums = Conservation::default();
        sums.capacity[CPU] = 1 << 100;
        sums.busy[CPU] = (1 << 100) + 1;
        let mut summary = Summary::default();
        sums.record(&[(CPU, "cpu".into()), (7, "licence.a".into())], &mut summary);
        assert_eq!(summary.number("conservation.cpu.residual"), Some(-1e-9));
        assert_eq!(summary.number("conservation.cpu.capacity"), summary.number("conservation.cpu.busy"));
        assert_eq!(summary.number("conservation.licence.a.residual"), Some(0.0));
        assert_eq!(summary.iter().count(), 12);
    }
}
