//! One lane: the fewest bins of given sizes that could hold items that must not be cut.

/// Thresholds that are tried at most; more of them could only raise the bound.
const THRESHOLDS_MOST: usize = 4096;

/// How many bins (or items) of one size.
pub type Size = (u64, u64);

/// The fewest bins that could hold all items but `may_wait` of them, whichever these are; all bins if none suffice.
///
/// The bound L2 of Martello and Toth ("Knapsack Problems", 1990, chapter 8), generalised to bins of several sizes. For
/// a threshold K, items below K are left out and items above C - K, C being the largest bin, count as C: such an item
/// leaves no room for another that counts. A bin that could hold one of those counts as C, any other as what it is, and
/// the largest are taken first. Items above C / 2 need a bin each. With bins of one size this is L2 itself, and with
/// K = 0 the continuous bound L1. The `may_wait` largest items are left out, which is the least that any choice leaves.
#[must_use]
pub fn fewest_bins(bins: &[Size], items: &[Size], may_wait: u64) -> u64 {
    let bins = sorted(bins);
    let all: u64 = bins.iter().map(|(_, count)| count).sum();
    let Some(&(largest, _)) = bins.first() else { return 0 };
    let mut items = sorted(items);
    leave_out(&mut items, may_wait);
    if items.first().is_some_and(|(size, _)| *size > largest) {
        return all;
    }
    let sums = Sums::of(&items);
    let alone = sums.count_above(largest / 2);
    let halves = &items[items.partition_point(|(size, _)| *size > largest / 2)..];
    let stride = halves.len().div_ceil(THRESHOLDS_MOST).max(1);
    let thresholds = halves.iter().step_by(stride).map(|(size, _)| *size).chain([0]);
    let cover = |threshold: u64| sums.cover(&bins, largest, threshold).unwrap_or(all);
    thresholds.map(cover).max().unwrap_or(0).max(alone).min(all)
}

/// The largest first, equal sizes once, nothing of no size.
fn sorted(sizes: &[Size]) -> Vec<Size> {
    let mut sizes: Vec<Size> = sizes.iter().copied().filter(|(size, count)| *size > 0 && *count > 0).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup_by(|next, kept| {
        let equal = next.0 == kept.0;
        kept.1 += if equal { next.1 } else { 0 };
        equal
    });
    sizes
}

fn leave_out(items: &mut Vec<Size>, mut count: u64) {
    let mut gone = 0;
    for item in items.iter_mut() {
        let taken = item.1.min(count);
        item.1 -= taken;
        count -= taken;
        gone += usize::from(item.1 == 0);
    }
    items.drain(..gone);
}

/// Items, the largest first, with what they come to.
struct Sums<'a> {
    items: &'a [Size],
    /// Count and total of the first so many sizes.
    first: Vec<(u64, u128)>,
}

impl<'a> Sums<'a> {
    fn of(items: &'a [Size]) -> Self {
        let mut first = vec![(0, 0)];
        let (mut number, mut total) = (0, 0);
        for (size, count) in items {
            number += count;
            total += u128::from(*size) * u128::from(*count);
            first.push((number, total));
        }
        Self { items, first }
    }

    /// How many are larger than `size`.
    fn count_above(&self, size: u64) -> u64 {
        self.first[self.items.partition_point(|item| item.0 > size)].0
    }

    /// The fewest bins for one threshold; None if there are too few.
    fn cover(&self, bins: &[Size], largest: u64, threshold: u64) -> Option<u64> {
        let whole_from = largest - threshold;
        let (whole, whole_total) = self.first[self.items.partition_point(|item| item.0 > whole_from)];
        let (_, counted) = self.first[self.items.partition_point(|item| item.0 >= threshold)];
        let mut demand = u128::from(whole) * u128::from(largest) + (counted - whole_total);
        let mut taken = 0;
        for (size, count) in bins {
            let size = if *size > whole_from { largest } else { *size };
            let needed = demand.div_ceil(u128::from(size));
            if needed <= u128::from(*count) {
                return Some(taken + needed as u64);
            }
            taken += count;
            demand -= u128::from(size) * u128::from(*count);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The specification for bins of one size: the formula as Martello and Toth write it, every threshold tried.
    fn textbook(size: u64, items: &[u64]) -> u64 {
        let of_threshold = |threshold: u64| {
            let whole = items.iter().filter(|&&item| item > size - threshold).count() as u64;
            let large: Vec<u64> = items.iter().copied().filter(|&i| i <= size - threshold && i > size / 2).collect();
            let small: u64 = items.iter().filter(|&&item| item <= size / 2 && item >= threshold).sum();
            let room = large.len() as u64 * size - large.iter().sum::<u64>();
            whole + large.len() as u64 + small.saturating_sub(room).div_ceil(size)
        };
        (0..=size / 2).map(of_threshold).max().unwrap_or(0)
    }

    /// The fewest bins by trying everything; None if the items do not fit.
    fn optimum(bins: &mut Vec<(u64, bool)>, items: &[u64]) -> Option<u64> {
        let Some((item, rest)) = items.split_first() else {
            return Some(bins.iter().filter(|(_, used)| *used).count() as u64);
        };
        let mut best: Option<u64> = None;
        for at in 0..bins.len() {
            let (room, used) = bins[at];
            let seen = bins[..at].contains(&(room, used));
            if *item <= room && !seen {
                bins[at] = (room - item, true);
                let found = optimum(bins, rest);
                bins[at] = (room, used);
                best = match (best, found) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
        }
        best
    }

    fn once(sizes: &[u64]) -> Vec<Size> {
        sizes.iter().map(|&size| (size, 1)).collect()
    }

    proptest! {
        #[test]
        fn with_equal_bins_it_is_the_textbook(size in 1..60_u64, items in prop::collection::vec(1..60_u64, 0..40)) {
            let items: Vec<u64> = items.into_iter().map(|item| 1 + item % size).collect();
            prop_assert_eq!(fewest_bins(&[(size, 1_000)], &once(&items), 0), textbook(size, &items));
        }

        #[test]
        fn it_is_never_above_the_optimum(
            bins in prop::collection::vec(1..30_u64, 1..5),
            items in prop::collection::vec(1..30_u64, 0..7),
            may_wait in 0..3_usize,
        ) {
            // The cheapest items to leave out are found by trying all; the largest cannot be worse than any.
            let mut kept = items.clone();
            kept.sort_unstable();
            kept.truncate(items.len().saturating_sub(may_wait));
            let mut free: Vec<(u64, bool)> = bins.iter().map(|&size| (size, false)).collect();
            let bound = fewest_bins(&once(&bins), &once(&items), may_wait as u64);
            match optimum(&mut free, &kept) {
                Some(optimum) => prop_assert!(bound <= optimum, "{bound} > {optimum}"),
                None => prop_assert!(bound <= bins.len() as u64),
            }
        }
    }

    #[test]
    fn items_above_half_need_a_bin_each() {
        assert_eq!(fewest_bins(&[(100, 9)], &[(51, 4)], 0), 4, "L1 says 3");
        assert_eq!(fewest_bins(&[(100, 9)], &[(51, 4)], 1), 3);
        assert_eq!(fewest_bins(&[(100, 9)], &[(70, 2), (40, 2), (20, 5)], 0), 4, "3.2 bins of stuff");
        // At K = 40 the two of 70 count as whole bins; two of 40 share a third.
        assert_eq!(fewest_bins(&[(100, 9)], &[(70, 2), (40, 2)], 0), 3);
    }

    #[test]
    fn small_bins_hold_less_than_large_ones() {
        assert_eq!(fewest_bins(&[(100, 1), (50, 8)], &[(50, 6)], 0), 5);
        // Two of 90 need bins above 50; there is one.
        assert_eq!(fewest_bins(&[(100, 2), (50, 8)], &[(90, 2), (20, 2)], 0), 3);
        assert_eq!(fewest_bins(&[(50, 8)], &[(51, 1)], 0), 8, "nothing holds it");
        assert_eq!(fewest_bins(&[(50, 8)], &[(51, 1)], 1), 0);
        assert_eq!(fewest_bins(&[], &[(1, 1)], 0), 0);
        assert_eq!(fewest_bins(&[(50, 8)], &[], 0), 0);
    }
}
