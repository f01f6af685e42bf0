//! Offers and claims: how frameworks get their resources. Mesos's own names stand beside those that have one.

use super::{Better, Metric};

const fn count(name: &'static str, better: Better, meaning: &'static str, source: &'static str) -> Metric {
    Metric { name, unit: "count", better, live: false, meaning, source }
}

const fn flight(name: &'static str, meaning: &'static str) -> Metric {
    Metric {
        name,
        unit: "s",
        better: Better::Lower,
        live: false,
        meaning,
        source: "decisions.parquet: offer to answer",
    }
}

const fn each(name: &'static str, unit: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit, better, live: false, meaning, source: "decisions.parquet, by framework" }
}

pub(super) const METRICS: &[&[Metric]] = &[
    &[
        count(
            "offers.made",
            Better::Neither,
            "offers of one node to one framework",
            "Mesos: master/messages_resource_offers, summed over frameworks",
        ),
        count("offers.accepted", Better::Higher, "offers on which at least one task was launched", "decisions.parquet"),
        count(
            "offers.declined",
            Better::Lower,
            "offers given back without a launch",
            "Mesos: master/messages_decline_offers",
        ),
        count("offers.rescinded", Better::Lower, "offers taken back", "Mesos: allocator offers rescinded"),
        count(
            "offers.unanswered_at_end",
            Better::Lower,
            "offers still unanswered when the run ended",
            "decisions.parquet",
        ),
        count("offers.launches", Better::Neither, "launches on offers, a node of a gang each", "decisions.parquet"),
        count("offers.launches_refused", Better::Lower, "launches and claims not honoured", "decisions.parquet"),
        flight("offers.in_flight_s.mean", "mean time until an offer was answered"),
        flight("offers.in_flight_s.p99", "99th percentile of the time until an offer was answered"),
        flight("offers.in_flight_s.max", "longest time until an offer was answered"),
        count("claims.made", Better::Neither, "claims under shared state", "decisions.parquet"),
        count("claims.conflicts", Better::Lower, "tasks whose claims conflicted", "Omega, EuroSys 2013: conflicts"),
        Metric {
            name: "claims.conflict_share",
            unit: "share",
            better: Better::Lower,
            live: false,
            meaning: "tasks whose claims conflicted, over the claims made",
            source: "Omega, EuroSys 2013: conflict fraction",
        },
    ],
    &[
        each("by_framework.<name>.offers_made", "offers", Better::Neither, "offers made to it"),
        each("by_framework.<name>.offers_accepted", "offers", Better::Higher, "offers on which it launched"),
        each("by_framework.<name>.offers_declined", "offers", Better::Lower, "offers that it declined"),
        each("by_framework.<name>.launches", "launches", Better::Neither, "launches on its offers"),
        each("by_framework.<name>.launches_refused", "launches", Better::Lower, "launches and claims not honoured"),
        each("by_framework.<name>.suppressed", "times", Better::Neither, "times it asked for no offers"),
        each("by_framework.<name>.revived", "times", Better::Neither, "times it asked for offers again"),
        each(
            "by_framework.<name>.held_core_s",
            "core-seconds",
            Better::Lower,
            "cpu time that lay in its offers before it answered them: what it hoarded",
        ),
        each(
            "by_framework.<name>.starved_s",
            "s",
            Better::Lower,
            "longest time for which it had work waiting and started none",
        ),
    ],
];
