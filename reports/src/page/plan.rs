//! `plan.html`: the answer in sentences, how each objective fared as a fan over the seeds, and every trial.

use std::fmt::Write as _;

use windtunnel_outcome::limit::{Limit, Relation};

use super::{Reproduction, assumptions, end, figure_or_error, open_page};
use crate::chart::axis::Axis;
use crate::chart::canvas::{DrawError, Frame, Step, picture};
use crate::chart::palette::{ALLOCATED, CAPACITY, MARK, WAITING};
use crate::chart::versus::value_axis;
use crate::chart::{Cell, Figure, Panel, Table, escape};
use crate::human::three_digits;
use crate::plan::{PlanResult, PlanTrial};
use crate::verdict::value;

/// Numbers beyond so many times what an objective allows are drawn at the upper edge.
const BEYOND: f64 = 4.0;
/// Pieces in which the fan is drawn between two trials.
const PIECES: usize = 150;

/// The page of a plan.
#[must_use]
pub fn render(plan: &PlanResult, reproduction: &Reproduction<'_>) -> String {
    let mut page = open_page(&plan.scenario, "windtunnel plan");
    page.push_str("<section class=\"opening\">");
    for sentence in &plan.sentences {
        // Writing to a string cannot fail, here and below.
        let _ = write!(page, "<p>{}</p>", escape(sentence));
    }
    page.push_str("</section>\n");
    for (at, objective) in plan.objectives.iter().enumerate() {
        let name = objective.name.replace(['.', '_'], "-");
        let meaning = "From the least to the greatest number of all seeds, and their mean; what lies beyond four times \
                       the limit is drawn at the upper edge.";
        figure_or_error(&mut page, [&name, &objective.to_string(), meaning], fan(plan, at, objective));
    }
    let tried =
        ["tried", "Everything that was tried", "For each objective the mean over the seeds, and the worst of them."];
    figure_or_error(&mut page, tried, Ok(Some(Figure { table: table(plan), is_table: true, ..Figure::default() })));
    assumptions(&mut page, reproduction.scenario_toml);
    let command = escape(reproduction.command);
    let _ = writeln!(page, "<section id=\"reproduce\"><h2>How to reproduce it</h2><pre>{command}</pre></section>");
    end(&mut page);
    page
}

/// One objective over all trials.
fn fan(plan: &PlanResult, objective: usize, limit: &Limit) -> Result<Option<Figure>, DrawError> {
    let known: Vec<(&PlanTrial, [f64; 3])> =
        plan.trials.iter().filter_map(|trial| Some((trial, trial.spreads[objective]?))).collect();
    let (Some((first, _)), Some((last, _))) = (known.first(), known.last()) else { return Ok(None) };
    let highest = if limit.value > 0.0 { limit.value * BEYOND } else { f64::INFINITY };
    let cut = |value: f64| value.min(highest);
    let values = known.iter().flat_map(|(_, spread)| spread.map(cut)).chain([limit.value]);
    let (scale, y) = value_axis(limit.metric, values);
    let title = format!("{} by {}", limit.name, plan.across.title());
    let x = Axis::between(first.at, last.at, 6);
    let height = |value: f64| cut(value) * scale;
    let drawn: Vec<(f64, [f64; 3])> = known.iter().map(|(trial, spread)| (trial.at, spread.map(height))).collect();
    let frame = Frame { size: (900, 320), ..Frame::new(&title, x.clone(), y) };
    let html = picture(&frame, |plot| {
        let band = |which: usize| -> Vec<Step> {
            let pairs = drawn.windows(2).filter(|pair| pair[0].0 < pair[1].0);
            pairs.flat_map(|pair| between(&pair[0], &pair[1], which)).collect()
        };
        plot.between(&band(0), &band(2), ALLOCATED, 0.18)?;
        plot.line((x.from, height(limit.value)), (x.to, height(limit.value)), MARK, 1.5)?;
        for pair in drawn.windows(2) {
            let [from, to] = [&pair[0], &pair[1]].map(|(at, heights)| (*at, heights[1]));
            plot.line(from, to, CAPACITY, 1.0)?;
        }
        for ((trial, _), (at, [least, mean, most])) in known.iter().zip(&drawn) {
            plot.line((*at, *least), (*at, *most), CAPACITY, 1.0)?;
            plot.dot((*at, *mean), if trial.holds { ALLOCATED } else { WAITING }, 3.5)?;
        }
        match plan.answer {
            Some(answer) => plot.flag(answer, 14, &three_digits(answer), MARK),
            None => Ok(()),
        }
    })?;
    let legend = vec![
        (ALLOCATED, "every objective holds".to_owned()),
        (WAITING, "one fails".to_owned()),
        (MARK, "the limit, and the answer".to_owned()),
    ];
    Ok(Some(Figure { legend, panels: vec![Panel { title, html, wide: true }], ..Figure::default() }))
}

/// The straight line from one trial to the next in small steps.
fn between(from: &(f64, [f64; 3]), to: &(f64, [f64; 3]), which: usize) -> Vec<Step> {
    let mix = |a: f64, b: f64, at: f64| a + (b - a) * at / PIECES as f64;
    let place = |at: usize| mix(from.0, to.0, at as f64);
    let value = |at: usize| mix(from.1[which], to.1[which], at as f64 + 0.5);
    (0..PIECES).map(|at| Step { from: place(at), to: place(at + 1), value: value(at) }).collect()
}

fn table(plan: &PlanResult) -> Table {
    let mut table =
        Table { head: vec![plan.across.title().to_owned(), String::new(), "holds".to_owned()], ..Table::default() };
    let priced = plan.trials.iter().any(|trial| trial.cost_usd_per_month.is_some());
    if priced {
        table.head.push("$/month".to_owned());
    }
    for objective in &plan.objectives {
        table.head.extend([objective.name.clone(), "worst".to_owned()]);
    }
    for trial in &plan.trials {
        let mut row =
            vec![Cell::Number(three_digits(trial.at)), Cell::Text(trial.title.clone()), Cell::Text(trial.told.clone())];
        if priced {
            row.push(Cell::Number(trial.cost_usd_per_month.map_or_else(|| "-".to_owned(), three_digits)));
        }
        for (objective, spread) in plan.objectives.iter().zip(&trial.spreads) {
            let worst = if matches!(objective.relation, Relation::Above | Relation::AtLeast) { 0 } else { 2 };
            let shown =
                |which: usize| spread.map_or_else(|| "-".to_owned(), |spread| value(objective.metric, spread[which]));
            row.extend([Cell::Number(shown(1)), Cell::Number(shown(worst))]);
        }
        table.rows.push(row);
    }
    table
}
