//! The groups of `[fleet]` of which nodes come and go.

use windtunnel_scheduler::Span;
use windtunnel_sim::elastic::{Elastic, Rule, Spot};
use windtunnel_traces::model::Fleet;

use super::Context;
use crate::failure::Failure;
use crate::spec::Scenario;
use crate::spec::fleet as spec;
use crate::spec::quantity::{Duration, Percent};

/// The numbers of Fenzo, where nothing is said.
const FENZO: (u32, u32, Duration) = (1, 3, Duration(300_000_000));
/// Those of the cluster-autoscaler: its own defaults.
const SCAN: Duration = Duration(10_000_000);
const BELOW: Percent = Percent(500_000);
const UNNEEDED: Duration = Duration(600_000_000);

/// The groups of which nodes may come or go.
pub(super) fn resolve(scenario: &Scenario, fleet: &Fleet, context: &Context<'_>) -> Result<Vec<Elastic>, Failure> {
    let leaves = |name: &str| {
        let mut actions = scenario.trigger.iter().flat_map(|trigger| &trigger.actions);
        actions.any(|one| [&one.remove_nodes, &one.drain_nodes].into_iter().flatten().any(|leave| leave.group == name))
    };
    let mut first = 0;
    let mut found = Vec::new();
    for (position, (group, known)) in scenario.fleet.group.iter().zip(&fleet.groups).enumerate() {
        let own = group.max.is_some() || group.idle.is_some() || group.spot.is_some() || group.autoscale.is_some();
        if (own || leaves(&group.name)) && known.count > 0 {
            let key = format!("fleet.group.{position}");
            found.push(Elastic {
                name: group.name.clone(),
                first,
                most: known.count,
                begin: group.count,
                least: group.min.unwrap_or(0),
                boot: group.boot.map_or(Span::ZERO, |boot| boot.span()),
                idle: group.idle.map(|idle| idle.span()),
                spot: group.spot.map(|spot| spot_of(spot, &key, context)).transpose()?,
                rule: group.autoscale.map(|one| rule(one, &format!("{key}.autoscale"), context)).transpose()?,
            });
        }
        first += known.count;
    }
    Ok(found)
}

fn spot_of(spot: spec::Spot, key: &str, context: &Context<'_>) -> Result<Spot, Failure> {
    if spot.mean <= spot.warning {
        let sentence = "machines are lent for less than the warning takes; write a longer time";
        return Err(context.places.failure(&format!("{key}.spot.mean"), sentence));
    }
    Ok(Spot { mean: spot.mean.span(), warning: spot.warning.span() })
}

fn rule(given: spec::Autoscale, key: &str, context: &Context<'_>) -> Result<Rule, Failure> {
    let spec::Autoscale { rule, min_idle, max_idle, cooldown, scan, below, unneeded, after_add } = given;
    let fenzo = [("min_idle", min_idle.is_some()), ("max_idle", max_idle.is_some()), ("cooldown", cooldown.is_some())];
    let other = [
        ("scan", scan.is_some()),
        ("below", below.is_some()),
        ("unneeded", unneeded.is_some()),
        ("after_add", after_add.is_some()),
    ];
    let (foreign, name): (&[(&str, bool)], &str) = match rule {
        spec::Rule::Fenzo => (&other, "fenzo"),
        spec::Rule::ClusterAutoscaler => (&fenzo, "cluster-autoscaler"),
    };
    if let Some((option, _)) = foreign.iter().find(|(_, given)| *given) {
        let sentence = format!("`{name}` has no such number; take it out");
        return Err(context.places.failure(&format!("{key}.{option}"), sentence));
    }
    Ok(match rule {
        spec::Rule::Fenzo => {
            let (min_idle, max_idle) = (min_idle.unwrap_or(FENZO.0), max_idle.unwrap_or(FENZO.1));
            if min_idle > max_idle {
                let sentence = format!("fewer than `min_idle`, which is {min_idle}; write at least that");
                return Err(context.places.failure(&format!("{key}.max_idle"), sentence));
            }
            Rule::Fenzo { min_idle, max_idle, cooldown: cooldown.unwrap_or(FENZO.2).span() }
        }
        spec::Rule::ClusterAutoscaler => Rule::ClusterAutoscaler {
            scan: scan.unwrap_or(SCAN).span(),
            below: (below.unwrap_or(BELOW).0 / 1_000) as u32,
            unneeded: unneeded.unwrap_or(UNNEEDED).span(),
            after_add: after_add.unwrap_or(UNNEEDED).span(),
        },
    })
}
