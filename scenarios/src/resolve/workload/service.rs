//! How replicas of services are kept running.

use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::rules::Resident;
use windtunnel_scheduler::service::{Delays, KillSelection, Strategy};
use windtunnel_scheduler::{Span, Time};
use windtunnel_sim::experiment::{ServiceRules, Upgrades};
use windtunnel_traces::synthetic::SyntheticSpec;

use super::super::Context;
use super::synthetic;
use crate::failure::Failure;
use crate::spec::service::{Crash, Kill, Unreachable, Upgrade};
use crate::spec::workload::Workload;

/// The rules of a workload's services, if it gives any; `spec` is what it is made of, if it is generated.
pub(super) fn resolve(
    workload: &Workload,
    spec: Option<&SyntheticSpec>,
    key: &str,
    context: &mut Context<'_>,
) -> Result<Option<ServiceRules>, Failure> {
    let Some(written) = &workload.service else { return Ok(None) };
    let key = format!("{key}.service");
    if spec.is_some_and(|spec| spec.kinds.iter().all(|(kind, _)| !kind.is_kept_running())) {
        context.warn(format!("`{key}` has no effect: the workload has no services; give `synthetic.kinds`"));
    }
    let life = match &written.life {
        Some(law) => Some(synthetic::duration(law, &format!("{key}.life"), context)?),
        None => None,
    };
    let delays = written.backoff.map(|crash| delays(crash, &format!("{key}.backoff"), context)).transpose()?;
    let replace_after = written.replace_after.map(|after| after.span());
    if replace_after.is_some() && !written.resident {
        let sentence = "only a replica that belongs to its node waits for it; give resident = true";
        return Err(context.places.failure(&format!("{key}.replace_after"), sentence));
    }
    if written.resident && written.unreachable.is_some() {
        let sentence = "a replica that belongs to its node waits for it; give `replace_after` instead, or nothing";
        return Err(context.places.failure(&format!("{key}.unreachable"), sentence));
    }
    let ready_after = written.ready_after.map_or(Span::ZERO, |after| after.span());
    let upgrade = |given| upgrades(given, ready_after, spec, &format!("{key}.upgrade"), context);
    let upgrade = written.upgrade.as_ref().map(upgrade);
    let strategy = |given| strategy(given, &format!("{key}.unreachable"), context);
    Ok(Some(ServiceRules {
        life,
        delays,
        kill: written.kill.map(|kill| match kill {
            Kill::Youngest => KillSelection::YoungestFirst,
            Kill::Oldest => KillSelection::OldestFirst,
        }),
        unreachable: written.unreachable.map(strategy).transpose()?,
        resident: written.resident.then_some(Resident { replace_after }),
        upgrades: upgrade.transpose()?,
        // Who they are is known when all workloads are.
        needs: Vec::new(),
        ready_after,
    }))
}

/// When and how the services are upgraded.
fn upgrades(
    given: &Upgrade,
    ready_after: Span,
    spec: Option<&SyntheticSpec>,
    key: &str,
    context: &Context<'_>,
) -> Result<Upgrades, Failure> {
    let fail = |inner: &str, sentence: &str| Err(context.places.failure(&format!("{key}{inner}"), sentence));
    if spec.is_some_and(|spec| spec.kinds.iter().all(|(kind, _)| *kind != JobKind::Service)) {
        return fail(
            "",
            "only services are upgraded, and the workload has none; give `synthetic.kinds`, or take it out",
        );
    }
    if given.at.0.is_empty() {
        return fail(".at", "no instant is named; write one, or take the upgrade out");
    }
    for (name, share) in [(".min_health", given.min_health), (".max_over", given.max_over)] {
        if !(0.0..=1.0).contains(&share) {
            return fail(name, &format!("{share} is no share of the replicas; write a number from 0 to 1"));
        }
    }
    let milli = |share: f64| (share * 1000.0).round() as u32;
    Ok(Upgrades {
        at: given.at.0.iter().map(|at| Time(at.0)).collect(),
        health_milli: milli(given.min_health),
        over_milli: milli(given.max_over),
        ready_after: given.ready_after.map_or(ready_after, |after| after.span()),
    })
}

fn delays(Crash { first, factor, max }: Crash, key: &str, context: &Context<'_>) -> Result<Delays, Failure> {
    let fail = |inner: &str, sentence: String| Err(context.places.failure(&format!("{key}.{inner}"), sentence));
    if first.span() == Span::ZERO {
        return fail("first", String::from("a delay of 0s never grows; write a longer time"));
    }
    if first > max {
        return fail("max", format!("{max} is shorter than the first delay of {first}; write a longer time"));
    }
    if !(1.0..=1000.0).contains(&factor) {
        return fail("factor", format!("{factor} is no factor to grow by; write a number from 1 to 1000"));
    }
    Ok(Delays { first: first.span(), factor_milli: (factor * 1000.0).round() as u32, most: max.span() })
}

fn strategy(given: Unreachable, key: &str, context: &Context<'_>) -> Result<Strategy, Failure> {
    let Unreachable { inactive, expunge } = given;
    if expunge < inactive {
        let sentence = format!("nobody is forgotten before being replaced after {inactive}; write at least that");
        return Err(context.places.failure(&format!("{key}.expunge"), sentence));
    }
    Ok(Strategy { inactive: inactive.span(), expunge: expunge.span() })
}
