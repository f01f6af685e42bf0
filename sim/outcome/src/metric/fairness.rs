//! How evenly teams are served, by dominant share over weight (Ghodsi et al., "Dominant Resource Fairness", NSDI 2011).

use super::{Better, Metric};

pub(super) const METRICS: &[&[Metric]] = &[&[
    Metric {
        name: "fairness.jain",
        unit: "share",
        better: Better::Higher,
        live: false,
        meaning: "Jain's index (sum x)^2 / (n sum x^2) of the mean dominant share per weight of every team that asked: \
                  1 if all got the same, 1/n if one got everything",
        source: "Jain, Chiu and Hawe, DEC-TR-301, 1984",
    },
    Metric {
        name: "fairness.wait_jain",
        unit: "share",
        better: Better::Higher,
        live: false,
        meaning: "Jain's index (sum x)^2 / (n sum x^2) of the mean wait of a task of every team of which one started; \
                  null if nobody waited",
        source: "by_role.<name>.wait_s.mean",
    },
    Metric {
        name: "fairness.max_min_ratio",
        unit: "ratio",
        better: Better::Lower,
        live: false,
        meaning: "greatest over least mean dominant share per weight of the teams that asked; null if one got nothing",
        source: "series.parquet: dominant share per role",
    },
]];
