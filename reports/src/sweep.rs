//! What a sweep came to: a number per point of its axes, and what can be read off them.

/// A sweep in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweepResult {
    /// What it is called.
    pub name: String,
    /// The scenario that was varied.
    pub scenario: String,
    /// What was varied, the axis that turns fastest last.
    pub axes: Vec<SweepAxis>,
    /// How many seeds each point ran with.
    pub seeds: usize,
    /// The numbers that are looked at.
    pub measures: Vec<SweepMeasure>,
}

/// One thing that was varied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweepAxis {
    /// What it is called.
    pub title: String,
    /// Its values, in order.
    pub values: Vec<String>,
}

/// A number at every point: points in the order of the axes, the last of which turns fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepMeasure {
    /// As in `summary.json`.
    pub name: String,
    /// Less of it is better; None if neither is.
    pub less_is_better: Option<bool>,
    /// It is a share.
    pub is_share: bool,
    /// Its mean over the seeds, per point; None where it is undefined.
    pub values: Vec<Option<f64>>,
}

impl SweepMeasure {
    /// A number as people write it.
    #[must_use]
    pub fn shown(&self, value: Option<f64>) -> String {
        match value {
            None => "-".to_owned(),
            Some(value) if self.is_share => crate::human::share(value),
            Some(value) if self.name.contains("_s.") || self.name.ends_with("_s") => crate::human::seconds(value),
            Some(value) => crate::human::three_digits(value),
        }
    }
}

impl SweepResult {
    /// How many points the axes span.
    #[must_use]
    pub fn points(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// The position on each axis of a point.
    #[must_use]
    pub fn at(&self, point: usize) -> Vec<usize> {
        let mut rest = point;
        let mut places: Vec<usize> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let place = rest % axis.values.len();
                rest /= axis.values.len();
                place
            })
            .collect();
        places.reverse();
        places
    }

    /// The point in words: the value of each axis.
    #[must_use]
    pub fn words(&self, point: usize) -> String {
        let places = self.at(point);
        let words: Vec<&str> = self.axes.iter().zip(places).map(|(axis, at)| axis.values[at].as_str()).collect();
        words.join(", ")
    }

    /// How much a measure moves along an axis: the greatest less the least mean over all points that share a value of
    /// the axis, as a share of the mean over all points. None if it is undefined.
    #[must_use]
    pub fn sensitivity(&self, measure: &SweepMeasure, axis: usize) -> Option<f64> {
        let mut sums = vec![(0.0, 0_usize); self.axes[axis].values.len()];
        for (point, value) in measure.values.iter().enumerate() {
            let slot = &mut sums[self.at(point)[axis]];
            slot.0 += (*value)?;
            slot.1 += 1;
        }
        let means: Vec<f64> = sums.iter().map(|(sum, count)| sum / *count as f64).collect();
        let least = means.iter().copied().reduce(f64::min)?;
        let most = means.iter().copied().reduce(f64::max)?;
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        (mean != 0.0).then(|| (most - least) / mean.abs())
    }

    /// The points that no other point beats in both measures: worse in neither and better in one.
    #[must_use]
    pub fn front(&self, one: &SweepMeasure, other: &SweepMeasure) -> Vec<usize> {
        // Turned so that less is better.
        let turned = |measure: &SweepMeasure, point: usize| {
            let value = measure.values[point]?;
            Some(if measure.less_is_better == Some(false) { -value } else { value })
        };
        let both = |point: usize| Some((turned(one, point)?, turned(other, point)?));
        let points: Vec<(usize, (f64, f64))> =
            (0..self.points()).filter_map(|point| Some((point, both(point)?))).collect();
        let beaten = |(a, b): (f64, f64)| points.iter().any(|&(_, (c, d))| c <= a && d <= b && (c < a || d < b));
        points.iter().filter(|(_, pair)| !beaten(*pair)).map(|(point, _)| *point).collect()
    }

    /// The two measures that pull in different directions: what users wait, and what the fleet is used for or costs.
    #[must_use]
    pub fn trade(&self) -> Option<(&SweepMeasure, &SweepMeasure)> {
        let find = |name: &str| self.measures.iter().find(|measure| measure.name == name);
        let defined = |measure: &&SweepMeasure| measure.values.iter().all(Option::is_some);
        let wait = find("wait_s.p99").or_else(|| find("wait_s.mean")).filter(defined)?;
        let cost = find("cost.total_usd").filter(defined).or_else(|| find("allocation.cpu.mean").filter(defined))?;
        Some((cost, wait))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Two sizes, three policies.
    pub(crate) fn sample() -> SweepResult {
        let axis = |title: &str, values: &[&str]| SweepAxis {
            title: title.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let measure = |name: &str, less: bool, values: [f64; 6]| SweepMeasure {
            name: name.to_owned(),
            less_is_better: Some(less),
            is_share: !less,
            values: values.map(Some).to_vec(),
        };
        SweepResult {
            name: "sample".to_owned(),
            scenario: "quickstart".to_owned(),
            axes: vec![axis("machines", &["180", "200"]), axis("policy", &["best-fit", "first-fit", "worst-fit"])],
            seeds: 2,
            measures: vec![
                measure("wait_s.p99", true, [60.0, 80.0, 120.0, 10.0, 12.0, 30.0]),
                measure("allocation.cpu.mean", false, [0.9, 0.9, 0.85, 0.8, 0.8, 0.75]),
            ],
        }
    }

    #[test]
    fn points_are_numbered_as_the_axes_turn() {
        let sweep = sample();
        assert_eq!((sweep.points(), sweep.at(4), sweep.words(4)), (6, vec![1, 1], "200, first-fit".to_owned()));
    }

    #[test]
    fn the_front_is_what_nobody_beats() {
        let sweep = sample();
        let (cost, wait) = sweep.trade().unwrap();
        // 180 best-fit: least wait at 0.9. 200 best-fit: least wait of all. All others are beaten.
        assert_eq!(sweep.front(cost, wait), [0, 3]);
    }

    #[test]
    fn sensitivity_is_the_spread_of_means() {
        let sweep = sample();
        // Means 86.67 and 17.33 by machines; 35, 46 and 75 by policy; 52 in all.
        let close = |found: Option<f64>, wanted: f64| assert!((found.unwrap() - wanted).abs() < 1e-9, "{found:?}");
        close(sweep.sensitivity(&sweep.measures[0], 0), (260.0 / 3.0 - 52.0 / 3.0) / 52.0);
        close(sweep.sensitivity(&sweep.measures[0], 1), (75.0 - 35.0) / 52.0);
    }
}
