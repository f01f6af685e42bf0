//! `workload.service.needs`: which services have to be ready before which.

use super::{Context, Plan};
use crate::failure::{Failure, listed, nearest};
use crate::spec::Scenario;

/// Tells workloads whose services they need.
///
/// # Errors
/// If a name is nobody's, somebody has no services, or some wait for each other.
pub(super) fn resolve(scenario: &Scenario, plans: &mut [Plan], context: &Context<'_>) -> Result<(), Failure> {
    let mut needs = Vec::new();
    for at in 0..plans.len() {
        needs.push(needs_of(scenario, at, plans, context)?);
    }
    for at in 0..plans.len() {
        if let Some(circle) = circle(at, &needs) {
            let names = circle.iter().map(|&one| format!("`{}`", plans[one].name)).collect::<Vec<_>>().join(" needs ");
            let sentence = format!("{names}, so that none of them ever starts; take one of these out");
            return Err(context.places.failure(&format!("workload.{at}.service.needs"), sentence));
        }
    }
    for (plan, needs) in plans.iter_mut().zip(needs) {
        plan.set_needs(needs);
    }
    Ok(())
}

/// The positions of all workloads that bear a name which this one needs.
fn needs_of(scenario: &Scenario, at: usize, plans: &[Plan], context: &Context<'_>) -> Result<Vec<usize>, Failure> {
    let Some(service) = scenario.workload[at].service.as_ref().filter(|service| !service.needs.is_empty()) else {
        return Ok(Vec::new());
    };
    let fail =
        |key: &str, sentence: String| Err(context.places.failure(&format!("workload.{at}.service.{key}"), sentence));
    if !plans[at].has_services() {
        return fail("needs", "only services wait for others; give `synthetic.kinds`, or take it out".to_owned());
    }
    let names = || plans.iter().map(|plan| plan.name.as_str());
    let mut positions = Vec::new();
    for (place, name) in service.needs.iter().enumerate() {
        let key = format!("needs.{place}");
        let found: Vec<usize> = (0..plans.len()).filter(|&one| plans[one].name == *name).collect();
        if found.is_empty() {
            let fix = nearest(name, names())
                .map_or_else(|| format!("write {}", listed(names())), |near| format!("did you mean `{near}`?"));
            return fail(&key, format!("there is no workload `{name}`; {fix}"));
        }
        if let Some(&idle) = found.iter().find(|&&one| !plans[one].has_services()) {
            return fail(&key, format!("`{}` has no services, and is never ready; take it out", plans[idle].name));
        }
        positions.extend(found);
    }
    positions.sort_unstable();
    positions.dedup();
    Ok(positions)
}

/// The way from a workload over what it needs back to itself, if there is one: it stands at both ends.
fn circle(start: usize, needs: &[Vec<usize>]) -> Option<Vec<usize>> {
    let (mut seen, mut ways) = (vec![false; needs.len()], vec![vec![start]]);
    while let Some(way) = ways.pop() {
        for &next in way.last().into_iter().flat_map(|&last| &needs[last]) {
            let longer = [way.as_slice(), &[next]].concat();
            if next == start {
                return Some(longer);
            }
            if !std::mem::replace(&mut seen[next], true) {
                ways.push(longer);
            }
        }
    }
    None
}
