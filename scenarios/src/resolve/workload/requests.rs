//! `requests` of a workload: what its tasks should have asked for.

use windtunnel_scheduler::resources::{CPU, DISK, MEMORY};
use windtunnel_traces::transform::{Sizing, Statistic};

use super::{Context, spec};
use crate::failure::Failure;
use crate::spec::quantity::Percent;

/// Reads what is written about each lane.
pub(super) fn resolve(written: &spec::Requests, key: &str, context: &Context<'_>) -> Result<Vec<Sizing>, Failure> {
    let lanes = [(CPU, "cpu", &written.cpu), (MEMORY, "memory", &written.memory), (DISK, "disk", &written.disk)];
    let given = lanes.into_iter().filter_map(|(lane, name, text)| Some((lane, name, text.as_deref()?)));
    given
        .map(|(lane, name, text)| {
            let (statistic, margin) = sizing(text).ok_or_else(|| {
                let sentence = format!("`{text}` is no rule; write one such as \"p99 of usage + 15%\"");
                context.places.failure(&format!("{key}.requests.{name}"), sentence)
            })?;
            Ok(Sizing { lane, statistic, margin })
        })
        .collect()
}

/// `STATISTIC of usage [+ SHARE]`.
fn sizing(text: &str) -> Option<(Statistic, u64)> {
    let (rule, margin) = match text.split_once('+') {
        None => (text, 0),
        Some((rule, share)) => (rule, share.trim().parse::<Percent>().ok()?.0),
    };
    let word = rule.trim().strip_suffix("of usage")?.trim();
    let statistic = match word {
        "mean" => Statistic::Mean,
        "max" => Statistic::Permille(1_000),
        _ => match word.strip_prefix('p')? {
            "999" => Statistic::Permille(999),
            digits => Statistic::Permille(digits.parse::<u32>().ok().filter(|part| (1..100).contains(part))? * 10),
        },
    };
    Some((statistic, margin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        assert_eq!(sizing("p99 of usage + 15%"), Some((Statistic::Permille(990), 150_000)));
        assert_eq!(sizing("p50 of usage"), Some((Statistic::Permille(500), 0)));
        assert_eq!(sizing("max of usage+1%"), Some((Statistic::Permille(1_000), 10_000)));
        assert_eq!(sizing("mean of usage"), Some((Statistic::Mean, 0)));
        for wrong in ["p99", "p0 of usage", "p100 of usage", "p99 of usage + 15", "usage", "p99 of use"] {
            assert_eq!(sizing(wrong), None, "{wrong}");
        }
    }
}
