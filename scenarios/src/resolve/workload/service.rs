//! How replicas of services are kept running.

use windtunnel_scheduler::Span;
use windtunnel_scheduler::rules::Resident;
use windtunnel_scheduler::service::{Delays, KillSelection, Strategy};
use windtunnel_sim::experiment::ServiceRules;
use windtunnel_traces::synthetic::SyntheticSpec;

use super::super::Context;
use super::synthetic;
use crate::failure::Failure;
use crate::spec::service::{Crash, Kill, Unreachable};
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
    }))
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
