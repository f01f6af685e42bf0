//! `windtunnel plan`: the smallest fleet that keeps the objectives, or when the one there is breaks.

use clap::Args;
use windtunnel_outcome::limit::Limit;

use super::Verdict;
use super::common::ScenarioArguments;
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
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let interrupt = Interrupt::listen()?;
    let question = Question {
        scenario: load::find(&arguments.scenario.scenario)?,
        sets: arguments.scenario.sets(),
        objectives: arguments.objectives.clone(),
        survive: arguments.survive.clone(),
        vary: arguments.vary.clone(),
        seeds: arguments.seeds,
    };
    if let Some(growth) = &arguments.growth {
        let forecast = growth::forecast(tool, &question, growth, &interrupt)?;
        if arguments.json {
            talk::json(&forecast.to_json(growth))?;
        } else {
            talk::out(&tell_forecast(&forecast, growth))?;
        }
        return Ok(Verdict::Fine);
    }
    let answer = plan::answer(tool, &question, &interrupt)?;
    if arguments.json {
        talk::json(&answer.to_json())?;
    } else {
        talk::out(&tell(&answer, &question))?;
    }
    Ok(Verdict::Fine)
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

/// The answer in sentences, then every fleet that was tried.
fn tell(answer: &Answer, question: &Question) -> String {
    let mut text = String::new();
    let mut line = |sentence: String| {
        text.push_str(&sentence);
        text.push('\n');
    };
    let wanted: Vec<String> = question.objectives.iter().map(ToString::to_string).collect();
    let wanted = wanted.join(" and ");
    match &answer.best {
        None => line(format!("no fleet that was tried keeps {wanted}")),
        Some(best) => {
            line(format!("{} machines keep {wanted}: {}", talk::whole(u64::from(best.nodes())), machines(best)));
            if let Some(survive) = &question.survive {
                let (count, any) = (best.survivals.len(), if survive.at_once == 1 { "any one" } else { "any two" });
                let of = answer.sampled.map_or(String::new(), |(_, all)| format!(", a sample of {}", talk::whole(all)));
                line(format!("{any} {} may fail at the worst moment, for good ({count} tried{of})", survive.kind));
            }
            if let Some(cost) = best.cost_usd_per_month {
                line(format!("they cost {} a month", dollars(Some(cost))));
            }
            let lanes: Vec<String> = best
                .allocation
                .iter()
                .map(|(lane, mean, p99)| {
                    format!("{lane} {} on average, {} free at the 99th percentile", percent(*mean), percent(1.0 - p99))
                })
                .collect();
            line(format!("allocated: {}", lanes.join("; ")));
        }
    }
    if let Some(binding) = &answer.binding {
        let resource = binding.resource.as_ref().map_or(String::new(), |lane| format!("; {lane} is fullest"));
        let domain = binding.domain.as_ref().map_or(String::new(), |domain| format!(" once {domain} fails"));
        line(format!("with fewer, {} breaks{domain}{resource}", binding.objective));
    }
    for (smaller, larger) in &answer.anomalies {
        line(format!("more is not always better here: {smaller} machines do, {larger} do not"));
    }
    let seeds: Vec<String> = answer.seeds.iter().map(ToString::to_string).collect();
    line(format!("every fleet ran with seeds {}; the largest number of them is shown\n", seeds.join(", ")));
    let objectives: Vec<String> = question.objectives.iter().map(|limit| limit.name.clone()).collect();
    let mut header = vec!["machines", "fleet", "holds", "$/month"];
    header.extend(objectives.iter().map(String::as_str));
    let rows = answer.tried.iter().map(|one| {
        let lost = one.survivals.iter().find(|survival| !survival.holds);
        let holds = match (one.holds, lost) {
            (true, _) => "yes".to_owned(),
            (false, Some(lost)) => format!("not without {}", lost.domain),
            (false, None) => "no".to_owned(),
        };
        let mut row = vec![talk::whole(u64::from(one.nodes())), machines(one), holds, dollars(one.cost_usd_per_month)];
        row.extend(one.objectives.iter().map(value));
        row
    });
    let right: Vec<usize> = std::iter::once(0).chain(3..header.len()).collect();
    text + &talk::table(&header, rows, &right)
}

fn tell_forecast(forecast: &Forecast, growth: &Growth) -> String {
    let period = &growth.period;
    let sentence = match forecast.breaks_at {
        Some(0) => "an objective fails already today".to_owned(),
        Some(at) => {
            let step = forecast.steps.iter().find(|step| step.period == at);
            let failing = step.and_then(|step| step.objectives.iter().find(|kept| !kept.holds));
            let which = failing.map_or("an objective", |kept| kept.objective.as_str());
            let load = step.map_or(1.0, |step| step.load);
            format!("{which} fails in {period} {at}, at {} of today's load", percent(load))
        }
        None => format!("no objective fails within {} {period}s", forecast.steps.len().saturating_sub(1)),
    };
    let names: Vec<&str> = forecast
        .steps
        .first()
        .map_or(vec![], |step| step.objectives.iter().map(|kept| kept.objective.as_str()).collect());
    let mut header = vec![period.as_str(), "load", "holds"];
    header.extend(names);
    let rows = forecast.steps.iter().map(|step| {
        let mut row =
            vec![step.period.to_string(), percent(step.load), if step.holds { "yes" } else { "no" }.to_owned()];
        row.extend(step.objectives.iter().map(value));
        row
    });
    let right: Vec<usize> = [0, 1].into_iter().chain(3..header.len()).collect();
    format!("{sentence}\n\n{}", talk::table(&header, rows, &right))
}
