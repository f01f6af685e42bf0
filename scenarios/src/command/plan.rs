//! `windtunnel plan`: the smallest fleet that keeps the objectives, or when the one there is breaks.

use std::path::{Path, PathBuf};

use clap::Args;
use windtunnel_outcome::Outcome;
use windtunnel_outcome::limit::Limit;
use windtunnel_reports::page::{self, Reproduction};
use windtunnel_reports::plan::{Across, PlanResult, PlanTrial};
use windtunnel_reports::write::{RUN_FILE, ResultFolder};

use super::Verdict;
use super::common::{ScenarioArguments, open_if, quoted};
use crate::facts::Watch;
use crate::failure::Failure;
use crate::load;
use crate::plan::growth::{self, Forecast, Growth};
use crate::plan::{self, Answer, Evaluation, Kept, Question, Survive};
use crate::progress::Interrupt;
use crate::talk;
use crate::tool::Tool;

/// Seeds per candidate where nothing else is said.
const SEEDS: u32 = 3;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    scenario: ScenarioArguments,
    /// What must hold: `wait_s.p99 < 60s`; may be given again.
    #[arg(long = "slo", value_name = "LIMIT", required = true)]
    objectives: Vec<Limit>,
    /// A kind of domain any of which may fail at the worst moment: `rack`, `zone`, `node`; `node:2` for any two.
    #[arg(long, value_name = "KIND")]
    survive: Option<Survive>,
    /// The groups of the fleet that are varied; left out: the first.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    vary: Vec<String>,
    /// How many seeds every candidate must hold with.
    #[arg(long, value_name = "N", default_value_t = SEEDS, value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,
    /// Ask instead when the fleet breaks, if the load grows like this: `10%/month`.
    #[arg(long, value_name = "SHARE/PERIOD", conflicts_with_all = ["survive", "vary"])]
    growth: Option<Growth>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    /// Where the results go; left out: `runs/<name>.plan/`. Replaces an empty folder or earlier results only.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Open the page when it is there.
    #[arg(long)]
    open: bool,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let watch = Watch::start();
    let interrupt = Interrupt::listen()?;
    let question = Question {
        scenario: load::find(&arguments.scenario.scenario)?,
        sets: arguments.scenario.sets(),
        objectives: arguments.objectives.clone(),
        survive: arguments.survive.clone(),
        vary: arguments.vary.clone(),
        seeds: arguments.seeds,
    };
    let resolved = question.scenario.load(&question.sets, tool.registries())?;
    let scenario = resolved.scenario.name.clone();
    let (document, table, result) = match &arguments.growth {
        Some(growth) => {
            let forecast = growth::forecast(tool, &question, &resolved, growth, &interrupt)?;
            let sentences = vec![forecast_sentence(&forecast, growth)];
            let result = forecast_result(scenario, sentences, &question, &forecast, growth);
            (forecast.to_json(growth), forecast_table(&forecast, growth), result)
        }
        None => {
            let answer = plan::answer(tool, &question, &resolved, &interrupt)?;
            let result = answer_result(scenario, sentences(&answer, &question), &question, &answer);
            (answer.to_json(), answer_table(&answer, &question), result)
        }
    };
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => Path::new("runs").join(format!("{}.plan", result.scenario)),
    };
    let (command, scenario_toml) = (again(arguments), resolved.text()?);
    let mut folder = ResultFolder::create(&out)?;
    folder.write("plan.json", format!("{document:#}\n"))?;
    folder.write("scenario.toml", &scenario_toml)?;
    let reproduction = Reproduction { command: &command, scenario_toml: &scenario_toml };
    folder.write("plan.html", page::plan::render(&result, &reproduction))?;
    folder.write(RUN_FILE, watch.facts(&Outcome::default()).to_json(&command))?;
    interrupt.close()?;
    let report = folder.commit()?.join("plan.html");
    if arguments.json {
        talk::json(&document)?;
    } else {
        talk::out(&format!("{}\n\n{table}\n{}\n", result.sentences.join("\n"), report.display()))?;
    }
    open_if(arguments.open, &report);
    Ok(Verdict::Fine)
}

/// The command that makes these results again.
fn again(arguments: &Arguments) -> String {
    let mut words = vec!["windtunnel plan".to_owned(), arguments.scenario.again()];
    words.extend(arguments.objectives.iter().map(|limit| format!("--slo {}", quoted(&limit.to_string()))));
    words.extend(arguments.survive.iter().map(|survive| format!("--survive {survive}")));
    if !arguments.vary.is_empty() {
        words.push(format!("--vary {}", quoted(&arguments.vary.join(","))));
    }
    words.extend(arguments.growth.iter().map(|growth| format!("--growth {growth}")));
    if arguments.seeds != SEEDS {
        words.push(format!("--seeds {}", arguments.seeds));
    }
    words.join(" ")
}

fn percent(share: f64) -> String {
    format!("{}%", talk::number((share * 1000.0).round() / 10.0))
}

fn machines(one: &Evaluation) -> String {
    let counts: Vec<String> = one
        .groups
        .iter()
        .zip(&one.counts)
        .map(|(name, count)| format!("{} {name}", talk::whole(u64::from(*count))))
        .collect();
    let fixed =
        if one.fixed > 0 { format!(" and {} that stay", talk::whole(u64::from(one.fixed))) } else { String::new() };
    format!("{}{fixed}", counts.join(", "))
}

fn dollars(cost: Option<f64>) -> String {
    cost.map_or_else(|| "-".to_owned(), |cost| format!("${}", talk::number(cost.round())))
}

fn value(kept: &Kept) -> String {
    kept.spread.map_or_else(|| "-".to_owned(), |spread| talk::number(spread.max))
}

/// The answer in sentences.
fn sentences(answer: &Answer, question: &Question) -> Vec<String> {
    let wanted: Vec<String> = question.objectives.iter().map(ToString::to_string).collect();
    let wanted = wanted.join(" and ");
    let mut lines = match &answer.best {
        None => vec![format!("no fleet that was tried keeps {wanted}")],
        Some(best) => about_the_best(best, answer, question, &wanted),
    };
    if let Some(binding) = &answer.binding {
        let resource = binding.resource.as_ref().map_or(String::new(), |lane| format!("; {lane} is fullest"));
        let domain = binding.domain.as_ref().map_or(String::new(), |domain| format!(" once {domain} fails"));
        lines.push(format!("with fewer, {} breaks{domain}{resource}", binding.objective));
    }
    for (smaller, larger) in &answer.anomalies {
        lines.push(format!("more is not always better here: {smaller} machines do, {larger} do not"));
    }
    let seeds: Vec<String> = answer.seeds.iter().map(ToString::to_string).collect();
    lines.push(format!("every fleet ran with seeds {}; the largest number of them is shown", seeds.join(", ")));
    lines
}

fn about_the_best(best: &Evaluation, answer: &Answer, question: &Question, wanted: &str) -> Vec<String> {
    let mut lines =
        vec![format!("{} machines keep {wanted}: {}", talk::whole(u64::from(best.nodes())), machines(best))];
    if let Some(survive) = &question.survive {
        let (count, any) = (best.survivals.len(), if survive.at_once == 1 { "any one" } else { "any two" });
        let of = answer.sampled.map_or(String::new(), |(_, all)| format!(", a sample of {}", talk::whole(all)));
        lines.push(format!("{any} {} may fail at the worst moment, for good ({count} tried{of})", survive.kind));
    }
    if let Some(cost) = best.cost_usd_per_month {
        lines.push(format!("they cost {} a month", dollars(Some(cost))));
    }
    let lane = |(lane, mean, p99): &(&str, f64, f64)| {
        format!("{lane} {} on average, {} free at the 99th percentile", percent(*mean), percent(1.0 - p99))
    };
    let lanes: Vec<String> = best.allocation.iter().map(lane).collect();
    lines.push(format!("allocated: {}", lanes.join("; ")));
    lines
}

/// Whether a fleet holds, and if not through which loss.
fn holds(one: &Evaluation) -> String {
    let lost = one.survivals.iter().find(|survival| !survival.holds);
    match (one.holds, lost) {
        (true, _) => "yes".to_owned(),
        (false, Some(lost)) => format!("not without {}", lost.domain),
        (false, None) => "no".to_owned(),
    }
}

/// Every fleet that was tried.
fn answer_table(answer: &Answer, question: &Question) -> String {
    let mut header = vec!["machines", "fleet", "holds", "$/month"];
    header.extend(question.objectives.iter().map(|limit| limit.name.as_str()));
    let rows = answer.tried.iter().map(|one| {
        let nodes = talk::whole(u64::from(one.nodes()));
        let mut row = vec![nodes, machines(one), holds(one), dollars(one.cost_usd_per_month)];
        row.extend(one.objectives.iter().map(value));
        row
    });
    let right: Vec<usize> = std::iter::once(0).chain(3..header.len()).collect();
    talk::table(&header, rows, &right)
}

fn spreads(objectives: &[Kept]) -> Vec<Option<[f64; 3]>> {
    objectives.iter().map(|kept| kept.spread.map(|spread| [spread.min, spread.mean, spread.max])).collect()
}

/// What the page shows of an answer.
fn answer_result(scenario: String, sentences: Vec<String>, question: &Question, answer: &Answer) -> PlanResult {
    let trial = |one: &Evaluation| PlanTrial {
        at: f64::from(one.nodes()),
        title: machines(one),
        holds: one.holds,
        told: holds(one),
        cost_usd_per_month: one.cost_usd_per_month,
        spreads: spreads(&one.objectives),
    };
    PlanResult {
        scenario,
        sentences,
        across: Across::Machines,
        objectives: question.objectives.clone(),
        trials: answer.tried.iter().map(trial).collect(),
        answer: answer.best.as_ref().map(|best| f64::from(best.nodes())),
    }
}

/// What the page shows of a forecast.
fn forecast_result(
    scenario: String,
    sentences: Vec<String>,
    question: &Question,
    forecast: &Forecast,
    growth: &Growth,
) -> PlanResult {
    let per_cent = |load: f64| (load * 1e4).round() / 1e2;
    let trial = |step: &growth::Step| PlanTrial {
        at: per_cent(step.load),
        title: format!("{} {}", growth.period, step.period),
        holds: step.holds,
        told: if step.holds { "yes" } else { "no" }.to_owned(),
        cost_usd_per_month: None,
        spreads: spreads(&step.objectives),
    };
    let breaks = forecast.breaks_at.and_then(|at| forecast.steps.iter().find(|step| step.period == at));
    PlanResult {
        scenario,
        sentences,
        across: Across::Load,
        objectives: question.objectives.clone(),
        trials: forecast.steps.iter().map(trial).collect(),
        answer: breaks.map(|step| per_cent(step.load)),
    }
}

fn forecast_sentence(forecast: &Forecast, growth: &Growth) -> String {
    let period = &growth.period;
    match forecast.breaks_at {
        Some(0) => "an objective fails already today".to_owned(),
        Some(at) => {
            let step = forecast.steps.iter().find(|step| step.period == at);
            let failing = step.and_then(|step| step.objectives.iter().find(|kept| !kept.holds));
            let which = failing.map_or("an objective", |kept| kept.objective.as_str());
            let load = step.map_or(1.0, |step| step.load);
            format!("{which} fails in {period} {at}, at {} of today's load", percent(load))
        }
        None => format!("no objective fails within {} {period}s", forecast.steps.len().saturating_sub(1)),
    }
}

fn forecast_table(forecast: &Forecast, growth: &Growth) -> String {
    let names: Vec<&str> = forecast
        .steps
        .first()
        .map_or(vec![], |step| step.objectives.iter().map(|kept| kept.objective.as_str()).collect());
    let mut header = vec![growth.period.as_str(), "load", "holds"];
    header.extend(names);
    let rows = forecast.steps.iter().map(|step| {
        let mut row =
            vec![step.period.to_string(), percent(step.load), if step.holds { "yes" } else { "no" }.to_owned()];
        row.extend(step.objectives.iter().map(value));
        row
    });
    let right: Vec<usize> = [0, 1].into_iter().chain(3..header.len()).collect();
    talk::table(&header, rows, &right)
}
