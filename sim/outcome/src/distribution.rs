//! Distributions of whole numbers: exact up to a stated count, sketched with a stated error beyond.

/// One bar: values in `from <= value < to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin {
    /// Lower edge, included.
    pub from: u64,
    /// Upper edge, excluded.
    pub to: u64,
    /// How many values.
    pub count: u64,
}

/// Each power of two is cut into this many buckets (as a power of two) once a distribution is sketched, so that a
/// quantile is never below the true one and less than one part in `2^SUB_BUCKET_BITS` (0.05 %) above it.
pub const SUB_BUCKET_BITS: u32 = 11;

const SUB_BUCKETS: usize = 1 << SUB_BUCKET_BITS;
/// The values below `SUB_BUCKETS` one by one, then each power of two up to 2^63.
const OCTAVES: usize = 1 + (u64::BITS - SUB_BUCKET_BITS) as usize;
/// 2^(0/4) to 2^(3/4) in units of 2^-11: on edges of buckets, so that bars are exact even if sketched.
const QUARTERS: [u64; 4] = [2048, 2435, 2896, 3444];
const QUARTER_COUNT: usize = 4 * u64::BITS as usize;

/// Counts, sum, greatest value and quantiles of a stream of whole numbers.
///
/// Zeros are only counted: most waits are zero. Up to a limit the other values are kept one by one and quantiles are
/// exact; beyond it they fall into a histogram that is linear within each power of two (the idea of `HdrHistogram`
/// and of Hartmann and Schlossnagle, "Circllhist", 2020), whose rows are only made for powers of two that occur: 16
/// KiB each.
#[derive(Clone, Debug)]
pub struct Distribution {
    exact_limit: usize,
    count: u64,
    zeros: u64,
    sum: u128,
    max: u64,
    kept: Kept,
}

#[derive(Clone, Debug)]
enum Kept {
    Exact { values: Vec<u64>, sorted: bool },
    Sketch(Sketch),
}

impl Default for Distribution {
    /// Sketched from the first value on.
    fn default() -> Self {
        Self::new(0)
    }
}

impl Distribution {
    /// Exact up to `exact_limit` values that are not zero.
    #[must_use]
    pub fn new(exact_limit: usize) -> Self {
        let kept = Kept::Exact { values: Vec::new(), sorted: true };
        Self { exact_limit, count: 0, zeros: 0, sum: 0, max: 0, kept }
    }

    /// Takes in `value`.
    #[inline]
    pub fn add(&mut self, value: u64) {
        self.count += 1;
        if value == 0 {
            self.zeros += 1;
            return;
        }
        self.sum += u128::from(value);
        self.max = self.max.max(value);
        match &mut self.kept {
            Kept::Sketch(sketch) => sketch.add(value, 1),
            Kept::Exact { values, sorted } if values.len() < self.exact_limit => {
                values.push(value);
                *sorted = false;
            }
            Kept::Exact { .. } => self.turn_to_sketch(value, 1),
        }
    }

    /// Takes in `value` as often as `times` says: the members of a gang, or a level by the microseconds that it held
    /// (which makes time-weighted quantiles; use a limit of 0 for that).
    pub fn add_times(&mut self, value: u64, times: u64) {
        self.count += times;
        if value == 0 {
            self.zeros += times;
            return;
        }
        if times == 0 {
            return;
        }
        self.sum += u128::from(value) * u128::from(times);
        self.max = self.max.max(value);
        match &mut self.kept {
            Kept::Sketch(sketch) => sketch.add(value, times),
            Kept::Exact { values, sorted } => {
                let room = self.exact_limit - values.len();
                if let Ok(copies) = usize::try_from(times)
                    && copies <= room
                {
                    values.extend(core::iter::repeat_n(value, copies));
                    *sorted = false;
                } else {
                    self.turn_to_sketch(value, times);
                }
            }
        }
    }

    /// `value` does not fit beside the exact values any more.
    #[cold]
    fn turn_to_sketch(&mut self, value: u64, times: u64) {
        let mut sketch = Sketch::new();
        if let Kept::Exact { values, .. } = &self.kept {
            values.iter().for_each(|value| sketch.add(*value, 1));
        }
        sketch.add(value, times);
        self.kept = Kept::Sketch(sketch);
    }

    /// How many values.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// How many of them are zero.
    #[must_use]
    pub const fn zeros(&self) -> u64 {
        self.zeros
    }

    /// Their sum, always exact.
    #[must_use]
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// Their arithmetic mean; None if there are none.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The greatest, always exact; None if there are none.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// Whether quantiles are exact; otherwise see [`SUB_BUCKET_BITS`].
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        matches!(self.kept, Kept::Exact { .. })
    }

    /// The quantile at `permille` thousandths (500: median; more than 1000 is taken as 1000) by nearest rank: the
    /// least value that at least `permille` thousandths of all values do not exceed, the inverse of the empirical
    /// distribution function (definition 1 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996).
    /// None if there are no values.
    ///
    /// Exact values are put in order first if any came since the last call.
    pub fn quantile(&mut self, permille: u32) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let rank = (u128::from(self.count) * u128::from(permille.min(1000))).div_ceil(1000).max(1);
        let rank = u64::try_from(rank).unwrap_or(self.count);
        let Some(beyond_zeros) = rank.checked_sub(self.zeros).filter(|rank| *rank > 0) else {
            return Some(0);
        };
        match &mut self.kept {
            Kept::Exact { values, sorted } => {
                if !*sorted {
                    values.sort_unstable();
                    *sorted = true;
                }
                usize::try_from(beyond_zeros - 1).ok().and_then(|position| values.get(position).copied())
            }
            Kept::Sketch(sketch) => Some(sketch.upper_end_at(beyond_zeros).min(self.max)),
        }
    }

    /// The median.
    pub fn p50(&mut self) -> Option<u64> {
        self.quantile(500)
    }

    /// The 90th percentile.
    pub fn p90(&mut self) -> Option<u64> {
        self.quantile(900)
    }

    /// The 99th percentile.
    pub fn p99(&mut self) -> Option<u64> {
        self.quantile(990)
    }

    /// The 99.9th percentile.
    pub fn p999(&mut self) -> Option<u64> {
        self.quantile(999)
    }

    /// The values that are not zero as at most `max_bins` bars without gaps, for a picture. The edges grow by a
    /// constant factor (to 2^-11): the least of 2^(1/4), 2^(1/2), 2, 4, 16, 256, ... for which the bars suffice; bars
    /// in which there is no whole number are left out. Counts are exact, sketched or not. An edge beyond `u64::MAX`
    /// is written as `u64::MAX`, which then belongs to its bar.
    #[must_use]
    pub fn bins(&self, max_bins: usize) -> Vec<Bin> {
        let mut quarters = [0_u64; QUARTER_COUNT];
        match &self.kept {
            Kept::Exact { values, .. } => values.iter().for_each(|value| quarters[quarter_of(*value)] += 1),
            Kept::Sketch(sketch) => sketch.each(|lower, count| quarters[quarter_of(lower)] += count),
        }
        let Some(first) = quarters.iter().position(|count| *count > 0) else {
            return Vec::new();
        };
        let last = quarters.iter().rposition(|count| *count > 0).unwrap_or(first);
        let mut wide = 1;
        while wide < QUARTER_COUNT {
            let bins = bars(&quarters, first, last, wide);
            if bins.len() <= max_bins {
                return bins;
            }
            wide *= 2;
        }
        if max_bins == 0 { Vec::new() } else { bars(&quarters, first, last, wide) }
    }
}

/// The quarter of a power of two that holds `value`, which is not zero.
fn quarter_of(value: u64) -> usize {
    let power = value.ilog2();
    let mantissa =
        if power >= SUB_BUCKET_BITS { value >> (power - SUB_BUCKET_BITS) } else { value << (SUB_BUCKET_BITS - power) };
    let quarter = QUARTERS.iter().rposition(|edge| *edge <= mantissa).unwrap_or(0);
    4 * power as usize + quarter
}

/// The least whole number of a quarter; `u64::MAX` beyond the last.
fn edge(quarter: usize) -> u64 {
    if quarter >= QUARTER_COUNT {
        return u64::MAX;
    }
    let edge = u128::from(QUARTERS[quarter % 4]) << (quarter / 4);
    u64::try_from(edge.div_ceil(1 << SUB_BUCKET_BITS)).unwrap_or(u64::MAX)
}

fn bars(quarters: &[u64; QUARTER_COUNT], first: usize, last: usize, wide: usize) -> Vec<Bin> {
    (first / wide..=last / wide)
        .map(|bar| {
            let (begin, end) = (bar * wide, ((bar + 1) * wide).min(QUARTER_COUNT));
            let count = quarters[begin..end].iter().sum();
            Bin { from: edge(begin), to: edge(end), count }
        })
        .filter(|bin| bin.from < bin.to)
        .collect()
}

#[derive(Clone, Debug)]
struct Sketch {
    /// `octaves[0]` counts the values below [`SUB_BUCKETS`] one by one, `octaves[n]` those from
    /// `SUB_BUCKETS << (n - 1)` on.
    octaves: Vec<Octave>,
}

#[derive(Clone, Debug, Default)]
struct Octave {
    /// Of all its buckets: lets a quantile pass over it.
    count: u64,
    buckets: Option<Box<[u64]>>,
}

impl Sketch {
    fn new() -> Self {
        Self { octaves: vec![Octave::default(); OCTAVES] }
    }

    #[inline]
    fn add(&mut self, value: u64, times: u64) {
        let shift = (u64::BITS - value.leading_zeros()).saturating_sub(SUB_BUCKET_BITS + 1);
        let bucket = (value >> shift) as usize;
        // Below SUB_BUCKETS the bucket is the value; from there on the top bit is always set and only tells the octave.
        let octave = &mut self.octaves[shift as usize + bucket / SUB_BUCKETS];
        octave.count += times;
        let buckets = octave.buckets.get_or_insert_with(|| vec![0; SUB_BUCKETS].into());
        buckets[bucket % SUB_BUCKETS] += times;
    }

    /// The greatest value that the bucket can hold in which the value of `rank` (from 1) lies.
    fn upper_end_at(&self, rank: u64) -> u64 {
        let mut rest = rank;
        for (position, octave) in self.octaves.iter().enumerate() {
            if octave.count < rest {
                rest -= octave.count;
                continue;
            }
            for (bucket, count) in octave.buckets.iter().flatten().enumerate() {
                if *count >= rest {
                    let (lower, width) = extent(position, bucket);
                    return lower + (width - 1);
                }
                rest -= count;
            }
        }
        u64::MAX
    }

    /// Hands out the lower end and the count of every bucket that is not empty.
    fn each(&self, mut visit: impl FnMut(u64, u64)) {
        for (position, octave) in self.octaves.iter().enumerate() {
            for (bucket, count) in octave.buckets.iter().flatten().enumerate().filter(|(_, count)| **count > 0) {
                visit(extent(position, bucket).0, *count);
            }
        }
    }
}

/// The least value and the number of values of a bucket.
const fn extent(octave: usize, bucket: usize) -> (u64, u64) {
    match octave.checked_sub(1) {
        None => (bucket as u64, 1),
        Some(shift) => (((SUB_BUCKETS + bucket) as u64) << shift, 1 << shift),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Vec<u64>> {
        let value = prop_oneof![
            3 => Just(0),
            2 => 0..3_000_u64,
            4 => (0..64_u32, any::<u64>()).prop_map(|(shift, bits)| bits >> shift),
            1 => Just(u64::MAX),
        ];
        prop::collection::vec(value, 0..200)
    }

    fn of(values: &[u64], exact_limit: usize) -> Distribution {
        let mut distribution = Distribution::new(exact_limit);
        values.iter().for_each(|value| distribution.add(*value));
        distribution
    }

    /// The definition: the least value v for which at least q * n values are at most v.
    fn naive(values: &[u64], permille: u32) -> Option<u64> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let enough = |value: &&u64| {
            let at_most = values.iter().filter(|other| other <= value).count();
            at_most * 1000 >= values.len() * permille as usize
        };
        sorted.iter().find(enough).copied()
    }

    const PERMILLES: [u32; 9] = [0, 1, 250, 333, 500, 900, 990, 999, 1000];

    proptest! {
        #[test]
        fn quantiles_are_exact_up_to_the_limit(values in values()) {
            let mut distribution = of(&values, 200);
            prop_assert!(distribution.is_exact());
            for permille in PERMILLES {
                prop_assert_eq!(distribution.quantile(permille), naive(&values, permille));
            }
        }

        #[test]
        fn quantiles_stay_within_the_stated_error_beyond(values in values(), limit in 0..5_usize) {
            let mut distribution = of(&values, limit);
            let kept = values.iter().filter(|value| **value > 0).count();
            prop_assert_eq!(distribution.is_exact(), kept <= limit);
            for permille in PERMILLES {
                match (distribution.quantile(permille), naive(&values, permille)) {
                    (Some(sketched), Some(exact)) => {
                        prop_assert!(sketched >= exact);
                        prop_assert!(u128::from(sketched - exact) << SUB_BUCKET_BITS <= u128::from(exact));
                    }
                    (sketched, exact) => prop_assert_eq!(sketched, exact),
                }
            }
        }

        #[test]
        fn the_rest_is_exact_either_way(values in values(), limit in prop_oneof![Just(0_usize), Just(9), Just(200)]) {
            let distribution = of(&values, limit);
            let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
            prop_assert_eq!(distribution.count(), values.len() as u64);
            prop_assert_eq!(distribution.zeros(), values.iter().filter(|value| **value == 0).count() as u64);
            prop_assert_eq!(distribution.sum(), sum);
            prop_assert_eq!(distribution.max(), values.iter().max().copied());
            prop_assert_eq!(distribution.mean(), (!values.is_empty()).then(|| sum as f64 / values.len() as f64));
        }

        #[test]
        fn taken_many_times_is_taken_one_by_one(
            pairs in prop::collection::vec((0..9_000_u64, 0..20_u64), 0..20), limit in 0..200_usize,
        ) {
            let mut at_once = Distribution::new(limit);
            let mut one_by_one = Distribution::new(limit);
            for (value, times) in pairs {
                at_once.add_times(value, times);
                (0..times).for_each(|_| one_by_one.add(value));
            }
            prop_assert_eq!((at_once.count(), at_once.sum()), (one_by_one.count(), one_by_one.sum()));
            prop_assert_eq!((at_once.is_exact(), at_once.bins(40)), (one_by_one.is_exact(), one_by_one.bins(40)));
            for permille in PERMILLES {
                prop_assert_eq!(at_once.quantile(permille), one_by_one.quantile(permille));
            }
        }

        #[test]
        fn bars_are_few_without_gaps_and_count_everything(values in values(), max_bins in 0..300_usize) {
            let exact = of(&values, 200).bins(max_bins);
            prop_assert_eq!(&exact, &of(&values, 0).bins(max_bins));
            prop_assert!(exact.len() <= max_bins);
            prop_assert!(exact.windows(2).all(|pair| pair[0].to == pair[1].from));
            for bin in &exact {
                let within = |value: &&u64| {
                    (bin.from..bin.to).contains(*value) || (bin.to == u64::MAX && **value == u64::MAX)
                };
                prop_assert_eq!(bin.count, values.iter().filter(within).count() as u64);
            }
            let counted: u64 = exact.iter().map(|bin| bin.count).sum();
            let positive = values.iter().filter(|value| **value > 0).count() as u64;
            prop_assert_eq!(counted, if max_bins == 0 { 0 } else { positive });
        }
    }

    #[test]
    fn ranks_are_counted_in_whole_numbers() {
        let thousand: Vec<u64> = (1..=1000).collect();
        let mut distribution = of(&thousand, 1000);
        assert_eq!((distribution.p50(), distribution.p90()), (Some(500), Some(900)));
        assert_eq!((distribution.p99(), distribution.p999()), (Some(990), Some(999)));
        distribution.add(0);
        assert_eq!((distribution.p50(), distribution.p999()), (Some(500), Some(999)));
        distribution.add(2000);
        assert_eq!((distribution.p999(), distribution.quantile(5000)), (Some(1000), Some(2000)));
    }

    #[test]
    fn bars_grow_by_a_fourth_root_of_two() {
        let bins = of(&[1, 1_000, 1_000_000], 9).bins(100);
        assert_eq!(bins.first(), Some(&Bin { from: 1, to: 2, count: 1 }));
        assert_eq!(bins.last().map(|bin| (bin.from, bin.to)), Some((881_664, 1_048_576)));
        for bin in bins.iter().filter(|bin| bin.from > 10_000) {
            let factor = bin.to as f64 / bin.from as f64;
            assert!((factor - 1.189_207).abs() < 2e-3, "{bin:?}");
        }
    }

    #[test]
    fn only_powers_of_two_that_occur_take_memory() {
        let mut distribution = of(&[0; 10_000], 0);
        assert!(distribution.is_exact());
        assert_eq!((distribution.p999(), distribution.zeros()), (Some(0), 10_000));
        (0..10_000).for_each(|value| distribution.add(1_000_000 + value));
        let Kept::Sketch(sketch) = &distribution.kept else { panic!("beyond its limit") };
        // 1,000,000 to 1,009,999 lie in 2^19..2^20 alone.
        assert_eq!(sketch.octaves.iter().filter(|octave| octave.buckets.is_some()).count(), 1);
    }
}
