//! Pictures of two runs against each other.

use windtunnel_outcome::Outcome;
use windtunnel_outcome::metric::Metric;
use windtunnel_outcome::recorder::WaitProfile;
use windtunnel_outcome::series::SeriesTable;
use windtunnel_scheduler::time::Time;

use super::axis::Axis;
use super::canvas::{DrawError, Frame, Step, picture};
use super::palette::{ALLOCATED, CAPACITY, GRID, MARK, Shade, WAITING};
use super::{Figure, PICTURE_POINTS, Panel, column, greatest, thin};
use crate::verdict::Row;

/// The colours of the two sides.
pub(crate) const SIDES: [Shade; 2] = [CAPACITY, ALLOCATED];
/// Seeds of one picture; more would be a cloud.
const SEEDS: usize = 40;
/// Pictures of numbers at most.
const NUMBERS: usize = 6;

fn legend(names: [&str; 2]) -> Vec<(Shade, String)> {
    SIDES.into_iter().zip(names.map(str::to_owned)).collect()
}

/// Every seed of the numbers that differ most: a dot for each side, joined.
pub(crate) fn pairs(rows: &[Row], names: [&str; 2]) -> Result<Option<Figure>, DrawError> {
    let mut told: Vec<&Row> = rows
        .iter()
        .filter(|row| row.headline && row.pairs.len() > 1 && row.pairs.iter().any(|(a, b)| a != b))
        .collect();
    told.sort_by(|one, other| {
        let size = |row: &Row| row.relative().map_or(0.0, f64::abs);
        size(other).partial_cmp(&size(one)).unwrap_or(std::cmp::Ordering::Equal)
    });
    let panels = told.into_iter().take(NUMBERS).map(pair_panel).collect::<Result<Vec<Panel>, DrawError>>()?;
    Ok((!panels.is_empty()).then(|| Figure { legend: legend(names), panels, ..Figure::default() }))
}

fn pair_panel(row: &Row) -> Result<Panel, DrawError> {
    let pairs = &row.pairs[..row.pairs.len().min(SEEDS)];
    let values = || pairs.iter().flat_map(|(base, new)| [*base, *new]);
    let (scale, y) = value_axis(row.metric, values());
    let marks = (0..pairs.len()).step_by(pairs.len().div_ceil(8)).map(|at| (at as f64, at.to_string())).collect();
    let x = Axis { from: -0.7, to: pairs.len() as f64 - 0.3, marks };
    let html = picture(&Frame::new(&row.name, x, y), |plot| {
        for (at, (base, new)) in pairs.iter().enumerate() {
            let at = at as f64;
            plot.line((at, base * scale), (at, new * scale), GRID, 2.0)?;
            plot.dot((at, base * scale), SIDES[0], 3.5)?;
            plot.dot((at, new * scale), SIDES[1], 3.5)?;
        }
        Ok(())
    })?;
    Ok(Panel { title: format!("{}, seed by seed", row.name), html, wide: false })
}

/// An axis for values of a metric, and what they are multiplied by to stand on it.
pub(crate) fn value_axis(metric: &Metric, values: impl Iterator<Item = f64>) -> (f64, Axis) {
    let most = greatest(values);
    match metric.unit {
        "s" => (1e6, Axis::time(0.0, most * 1.05e6, 5)),
        "share" => (1.0, Axis::share(most * 1.05)),
        _ => (1.0, Axis::amount(most * 1.05)),
    }
}

/// What share of the tasks waited longer than each length of time.
pub(crate) fn waits(sides: [&Outcome; 2], names: [&str; 2]) -> Result<Option<Figure>, DrawError> {
    let profiles = sides.map(|side| side.waits.iter().find(|profile| profile.kind == "all" && profile.count > 0));
    let [Some(base), Some(new)] = profiles else { return Ok(None) };
    let Some(html) = wait_picture([base, new], SIDES)? else { return Ok(None) };
    let title = "Share of the tasks that waited longer than so long".to_owned();
    Ok(Some(Figure { legend: legend(names), panels: vec![Panel { title, html, wide: true }], ..Figure::default() }))
}

/// What share of the tasks of two sides waited longer than each length of time; None if nobody waited.
pub(super) fn wait_picture(sides: [&WaitProfile; 2], shades: [Shade; 2]) -> Result<Option<String>, DrawError> {
    let most = sides.iter().filter_map(|side| side.bins.last()).map(|bin| bin.to).max();
    let Some(most) = most else { return Ok(None) };
    let least = sides.iter().filter_map(|side| side.bins.first()).map(|bin| bin.from).min().unwrap_or(1);
    let x = Axis::log_time(least.max(1) as f64, most as f64, 6);
    let share = greatest(sides.map(|side| (side.count - side.zero) as f64 / side.count as f64));
    let begin = x.from;
    let label = "share of tasks that wait longer";
    let html = picture(&Frame { size: (900, 260), ..Frame::new(label, x, Axis::share(share)) }, |plot| {
        for (side, shade) in sides.into_iter().zip(shades) {
            let mut left = side.count - side.zero;
            let mut from = begin;
            let mut steps = Vec::new();
            for bin in &side.bins {
                let to = libm::log10(bin.to.max(1) as f64);
                steps.push(Step { from, to, value: left as f64 / side.count as f64 });
                (from, left) = (to, left - bin.count.min(left));
            }
            plot.steps(&steps, shade, 2.0)?;
        }
        Ok(())
    })?;
    Ok(Some(html))
}

/// The series that are laid over each other: column, title.
const SERIES: [(&str, &str); 3] = [
    ("allocated_cpu_milli", "Cores allocated"),
    ("waiting_tasks", "Tasks that wait"),
    ("nodes_in_use", "Nodes that hold something"),
];

/// Both sides over time, and the difference below.
pub(crate) fn series(sides: [&Outcome; 2], names: [&str; 2]) -> Result<Option<Figure>, DrawError> {
    let tables = sides.map(|side| thin(&side.series, PICTURE_POINTS));
    let mut panels = Vec::new();
    for (name, title) in SERIES {
        let scale = if name.ends_with("_milli") { 1e-3 } else { 1.0 };
        panels.extend(series_panel(&tables, name, title, scale)?);
    }
    let mut legend = legend(names);
    legend.push((MARK, format!("{} minus {}", names[1], names[0])));
    Ok((!panels.is_empty()).then(|| Figure { legend, panels, ..Figure::default() }))
}

fn series_panel(tables: &[SeriesTable; 2], name: &str, title: &str, scale: f64) -> Result<Option<Panel>, DrawError> {
    let [Some(base), Some(new)] = [&tables[0], &tables[1]].map(|table| column(table, name)) else { return Ok(None) };
    let ends = |table: &SeriesTable| table.to.last().copied().unwrap_or_default();
    let end = ends(&tables[0]).max(ends(&tables[1]));
    let x = || Axis::time(0.0, end.0 as f64, 6);
    let most = greatest(base.mean.iter().chain(&new.mean).copied()) * scale;
    let over = picture(&Frame::new(title, x(), Axis::amount(most)), |plot| {
        for ((table, column), shade) in tables.iter().zip([base, new]).zip(SIDES) {
            plot.steps(&super::steps(table, |at| column.mean[at] * scale), shade, 1.5)?;
        }
        Ok(())
    })?;
    let grid: Vec<Step> = (0..PICTURE_POINTS)
        .map(|at| {
            let edge = |at: usize| end.0 as f64 * at as f64 / PICTURE_POINTS as f64;
            let middle = Time(((edge(at) + edge(at + 1)) / 2.0) as u64);
            let value = (at_time(&tables[1], &new.mean, middle) - at_time(&tables[0], &base.mean, middle)) * scale;
            Step { from: edge(at), to: edge(at + 1), value }
        })
        .collect();
    let reach = greatest(grid.iter().map(|step| step.value.abs())).max(most * 0.02);
    let zero: Vec<Step> = grid.iter().map(|step| Step { value: 0.0, ..*step }).collect();
    let label = format!("{title}, difference");
    let below = picture(&Frame { size: (440, 140), ..Frame::new(&label, x(), both_ways(reach)) }, |plot| {
        plot.between(&zero, &grid, MARK, 0.25)?;
        plot.steps(&zero, GRID, 1.0)?;
        plot.steps(&grid, MARK, 1.5)
    })?;
    Ok(Some(Panel { title: title.to_owned(), html: over + &below, wide: false }))
}

/// The value at an instant; 0 behind the end of a run.
fn at_time(table: &SeriesTable, values: &[f64], at: Time) -> f64 {
    let behind = table.from.partition_point(|from| *from <= at);
    let position = behind.saturating_sub(1);
    let inside = table.to.get(position).is_some_and(|to| at < *to);
    values.get(position).copied().filter(|value| inside && value.is_finite()).unwrap_or(0.0)
}

/// Amounts as far below 0 as above it.
fn both_ways(reach: f64) -> Axis {
    let axis = Axis::amount(reach);
    let above = axis.marks.iter().filter(|(at, _)| *at > 0.0).step_by(2);
    let below = above.clone().map(|(at, text)| (-at, format!("-{text}")));
    let mut marks: Vec<(f64, String)> = below.chain(above.cloned()).chain([(0.0, "0".to_owned())]).collect();
    marks.sort_by(|one, other| one.0.partial_cmp(&other.0).unwrap_or(std::cmp::Ordering::Equal));
    Axis { from: -axis.to, to: axis.to, marks }
}

/// A bar from less to more, for a table: how the difference stands to the margin.
pub(crate) fn shade_of(verdict: crate::verdict::Verdict) -> Shade {
    match verdict {
        crate::verdict::Verdict::Better => super::palette::USED,
        crate::verdict::Verdict::Worse => WAITING,
        crate::verdict::Verdict::Same | crate::verdict::Verdict::Undecided => super::palette::MUTED,
    }
}
