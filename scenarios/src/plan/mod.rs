//! Planning: the smallest fleet that keeps the objectives, what it costs, what it survives, and when it breaks.

mod candidate;
pub mod growth;
pub mod search;
mod survival;

use serde_json::{Map, Value, json};
use windtunnel_outcome::limit::{Limit, Subject};

use crate::failure::Failure;
use crate::load::Text;
use crate::progress::Interrupt;
use crate::resolve::Resolved;
use crate::spec::Set;
use crate::tool::Tool;

pub use candidate::{Evaluation, Kept, Spread};
pub use survival::{Survival, Survive};

use candidate::Bench;
use search::Search;

/// A larger fleet than this many times the one that is written is not looked for.
const LARGEST_TIMES: u32 = 64;

/// What is asked.
pub struct Question {
    /// The scenario.
    pub scenario: Text,
    /// What is changed about it.
    pub sets: Vec<Set>,
    /// What must hold.
    pub objectives: Vec<Limit>,
    /// What must not matter when it fails.
    pub survive: Option<Survive>,
    /// The names of the groups that are varied; none: the first.
    pub vary: Vec<String>,
    /// How many seeds each candidate runs with.
    pub seeds: u32,
}

/// What came of it.
pub struct Answer {
    /// The smallest fleet that keeps the objectives; None if none was found.
    pub best: Option<Evaluation>,
    /// The fleets that cost next to least, or are next to smallest.
    pub next_best: Vec<Evaluation>,
    /// Every fleet that was tried, in order of size.
    pub tried: Vec<Evaluation>,
    /// Smaller fleets that do although larger ones do not, `(smaller, larger)` by number of machines.
    pub anomalies: Vec<(u32, u32)>,
    /// What fails at the next smaller fleet; None if nothing does.
    pub binding: Option<Binding>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Whether survival was tried on a sample of the combinations only.
    pub sampled: Option<(usize, u64)>,
}

/// What keeps the fleet from being smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The objective that fails first.
    pub objective: String,
    /// The resource that is used most.
    pub resource: Option<String>,
    /// The domain whose loss makes it fail, if it holds as long as nothing fails.
    pub domain: Option<String>,
}

/// Looks for the answer; `resolved` is the scenario of the question with what is changed about it.
///
/// # Errors
/// If the scenario cannot be run, or after Ctrl-C.
pub fn answer(tool: &Tool, question: &Question, resolved: &Resolved, interrupt: &Interrupt) -> Result<Answer, Failure> {
    check(&question.objectives)?;
    let groups = groups(resolved, &question.vary)?;
    let mut bench = Bench::new(tool, question, resolved, groups, interrupt)?;
    let start = bench.start().to_vec();
    let answer = if start.len() == 1 { one_group(&mut bench, start[0])? } else { several_groups(&mut bench, &start)? };
    let (best, anomalies) = answer;
    let mut tried = bench.all();
    tried.sort_by_key(|one| (one.nodes(), one.counts.clone()));
    let best = best.and_then(|counts| tried.iter().find(|one| one.counts == counts).cloned());
    let mut next_best: Vec<Evaluation> =
        tried.iter().filter(|one| one.holds && Some(*one) != best.as_ref()).cloned().collect();
    next_best.sort_by(|a, b| a.price().total_cmp(&b.price()).then_with(|| a.nodes().cmp(&b.nodes())));
    next_best.truncate(3);
    let binding = best.as_ref().and_then(|best| binding(&tried, best));
    Ok(Answer { best, next_best, tried, anomalies, binding, seeds: bench.seeds().to_vec(), sampled: bench.sampled() })
}

/// Objectives are asked of whole runs.
fn check(objectives: &[Limit]) -> Result<(), Failure> {
    if objectives.is_empty() {
        return Err(Failure::new("there is no objective; add --slo 'wait_s.p99 < 60s'"));
    }
    let strange = objectives.iter().find(|limit| limit.over.is_some() || limit.subject == Subject::Interval);
    match strange {
        None => Ok(()),
        Some(limit) => {
            let fix = "an objective is asked of a whole run: take `over` and `ci` out";
            Err(Failure::new(format!("--slo '{limit}': {fix}")))
        }
    }
}

/// The positions of the groups that are varied.
fn groups(resolved: &Resolved, vary: &[String]) -> Result<Vec<usize>, Failure> {
    let written = &resolved.scenario.fleet.group;
    if written.is_empty() {
        let sentence = "the fleet has no groups to vary; write it as [[fleet.group]] with a count";
        return Err(Failure::new(sentence));
    }
    if vary.is_empty() {
        return Ok(vec![0]);
    }
    let names = || written.iter().map(|group| group.name.as_str());
    let mut found = Vec::with_capacity(vary.len());
    for name in vary {
        let Some(at) = names().position(|known| known == name) else {
            let fix = crate::failure::nearest(name, names()).map_or_else(
                || format!("write {}", crate::failure::listed(names())),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(Failure::new(format!("--vary: the fleet has no group `{name}`; {fix}")));
        };
        if found.contains(&at) {
            return Err(Failure::new(format!("--vary: `{name}` stands there twice; take one out")));
        }
        found.push(at);
    }
    Ok(found)
}

/// The best counts, and the pairs of sizes that break the rule that more is better.
type Best = (Option<Vec<u32>>, Vec<(u32, u32)>);

fn one_group(bench: &mut Bench<'_>, start: u32) -> Result<Best, Failure> {
    let fixed = bench.fixed_nodes();
    let most = start.max(1).saturating_mul(LARGEST_TIMES);
    let least = u32::from(fixed == 0);
    let search = search::smallest(least, start, most, &mut |count| bench.holds(&[count]))?;
    let anomalies = search.anomalies().into_iter().map(|(a, b)| (a + fixed, b + fixed)).collect();
    Ok((search.answer.map(|count| vec![count]), anomalies))
}

/// Several groups: all of them are scaled together until the objectives just hold; then machines of one kind after
/// the other, those that cost most first, are taken away as far as they can be, until nothing more can be; then each
/// kind is tried in place of each other. The least cost wins, among equals the fewest machines. This finds a mix that
/// no single exchange improves, not a proof that no other is cheaper.
fn several_groups(bench: &mut Bench<'_>, start: &[u32]) -> Result<Best, Failure> {
    let total: u32 = start.iter().sum::<u32>().max(1);
    let scaled = |size: u32| -> Vec<u32> {
        let share = |count: &u32| (u64::from(*count) * u64::from(size)).div_ceil(u64::from(total)) as u32;
        start.iter().map(share).collect()
    };
    let most = total.saturating_mul(LARGEST_TIMES);
    let together = search::smallest(1, total, most, &mut |size| bench.holds(&scaled(size)))?;
    let mut anomalies = nodes_of(&together, &scaled, bench.fixed_nodes());
    let Some(size) = together.answer else { return Ok((None, anomalies)) };
    let mut best = trim(bench, scaled(size), &mut anomalies)?;
    for into in 0..start.len() {
        for from in (0..start.len()).filter(|&from| from != into) {
            if best[from] == 0 {
                continue;
            }
            // All machines of one kind against as many as it takes of another.
            let base = best.clone();
            let with = |count: u32| {
                let mut counts = base.clone();
                counts[from] = 0;
                counts[into] = count;
                counts
            };
            let guess = base[into].saturating_add(base[from]);
            let found =
                search::smallest(base[into], guess, guess.saturating_mul(8), &mut |count| bench.holds(&with(count)))?;
            if let Some(count) = found.answer {
                let other = trim(bench, with(count), &mut anomalies)?;
                if bench.is_cheaper(&other, &best) {
                    best = other;
                }
            }
        }
    }
    anomalies.sort_unstable();
    anomalies.dedup();
    Ok((Some(best), anomalies))
}

fn nodes_of(search: &Search, scaled: &dyn Fn(u32) -> Vec<u32>, fixed: u32) -> Vec<(u32, u32)> {
    let nodes = |size: u32| scaled(size).iter().sum::<u32>() + fixed;
    search.anomalies().into_iter().map(|(a, b)| (nodes(a), nodes(b))).filter(|(a, b)| a < b).collect()
}

/// Takes machines away, one kind after the other, as long as the objectives hold.
fn trim(bench: &mut Bench<'_>, counts: Vec<u32>, anomalies: &mut Vec<(u32, u32)>) -> Result<Vec<u32>, Failure> {
    let mut counts = counts;
    loop {
        let before = counts.clone();
        for group in bench.dearest_first() {
            let others: u32 = counts.iter().sum::<u32>() - counts[group];
            let fixed = bench.fixed_nodes() + others;
            let base = counts.clone();
            let with = |count: u32| {
                let mut counts = base.clone();
                counts[group] = count;
                counts
            };
            let least = u32::from(fixed == 0);
            let found = search::smallest(least, counts[group], counts[group].max(least), &mut |count| {
                bench.holds(&with(count))
            })?;
            anomalies.extend(found.anomalies().into_iter().map(|(a, b)| (a + fixed, b + fixed)));
            if let Some(count) = found.answer {
                counts[group] = count;
            }
        }
        if counts == before {
            return Ok(counts);
        }
    }
}

/// What fails at the nearest fleet below the best one.
fn binding(tried: &[Evaluation], best: &Evaluation) -> Option<Binding> {
    let smaller = |one: &&Evaluation| !one.holds && one.counts.iter().zip(&best.counts).all(|(a, b)| a <= b);
    let below = tried.iter().filter(smaller).max_by_key(|one| one.nodes())?;
    let failing = below.objectives.iter().find(|kept| !kept.holds);
    let lost = below.survivals.iter().find(|survival| !survival.holds);
    let objective = match (failing, lost) {
        (Some(kept), _) => kept.objective.clone(),
        (None, Some(survival)) => survival.objective.clone()?,
        (None, None) => return None,
    };
    let domain = if failing.is_some() { None } else { lost.map(|survival| survival.domain.clone()) };
    Some(Binding { objective, resource: best.fullest().map(str::to_owned), domain })
}

impl Answer {
    /// As JSON, for machines.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut root = Map::new();
        root.insert("answer".into(), self.best.as_ref().map_or(Value::Null, Evaluation::as_answer));
        let binding = self.binding.as_ref().map(
            |binding| json!({ "objective": binding.objective, "resource": binding.resource, "domain": binding.domain }),
        );
        root.insert("binding".into(), binding.into());
        root.insert("tried".into(), self.tried.iter().map(Evaluation::to_json).collect());
        let survivals = self.best.iter().flat_map(|best| &best.survivals);
        root.insert("survives".into(), survivals.map(Survival::to_json).collect());
        root.insert("next_best".into(), self.next_best.iter().map(Evaluation::as_answer).collect());
        let pairs = self.anomalies.iter().map(|(smaller, larger)| json!({ "holds_at": smaller, "fails_at": larger }));
        root.insert("anomalies".into(), pairs.collect());
        root.insert("seeds".into(), json!(self.seeds));
        let sampled = self.sampled.map(|(tried, all)| json!({ "tried": tried, "of": all }));
        root.insert("sampled".into(), sampled.into());
        Value::Object(root)
    }
}
