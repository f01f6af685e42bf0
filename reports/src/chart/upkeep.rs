//! What the fleet costs and draws, and who it is charged to.

use windtunnel_outcome::Summary;

use super::axis::Axis;
use super::canvas::{DrawError, Frame, picture};
use super::palette::WAITING;
use super::{Cell, Chart, Figure, Panel, Table, View, column, greatest, steps};
use crate::human::{cut, three_digits};

pub(super) struct Upkeep;

/// Milliwatts in a kilowatt.
const PER_KW: f64 = 1e6;
/// Rows of the table at most, for each kind.
const ROWS: usize = 12;
/// Whose rows stand in the table: where the numbers are, and what the row is called.
const KINDS: [(&str, &str); 3] = [("by_group", "nodes"), ("by_role", "team"), ("by_class", "class")];

impl Chart for Upkeep {
    fn name(&self) -> &'static str {
        "upkeep"
    }

    fn title(&self) -> &'static str {
        "Cost and energy"
    }

    fn meaning(&self) -> &'static str {
        "What the nodes drew, and what they cost: groups of nodes by their price, teams and classes by the share of a \
         node that their tasks held in its scarcest resource."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let series = &view.series;
        let table = table(&view.outcome.summary);
        let mut figure = Figure { is_table: !table.rows.is_empty(), table, ..Figure::default() };
        if let Some(power) = column(series, "power_mw").filter(|power| power.max.iter().any(|&most| most > 0)) {
            let title = "Power, kW".to_owned();
            let most = greatest(power.mean.iter().copied()) / PER_KW;
            let frame = Frame::new(&title, view.time_axis(), Axis::amount(most));
            let html = picture(&frame, |plot| {
                let curve = steps(series, |at| power.mean[at] / PER_KW);
                plot.between(&steps(series, |_| 0.0), &curve, WAITING, 0.16)?;
                plot.steps(&curve, WAITING, 1.5)
            })?;
            figure.panels.push(Panel { title, html, wide: false });
        }
        Ok((!figure.panels.is_empty() || !figure.table.rows.is_empty()).then_some(figure))
    }
}

/// A row for each group of nodes, team and class that has a cost, the dearest first.
fn table(summary: &Summary) -> Table {
    let head = ["", "whose", "cost, $", "of it idle, $", "energy, kWh"].map(str::to_owned).to_vec();
    let mut table = Table { head, ..Table::default() };
    for (kind, word) in KINDS {
        let mut rows: Vec<(String, f64)> = summary
            .iter()
            .filter(|(path, _)| path.len() == 3 && path[0] == kind && path[2] == "cost_usd")
            .filter_map(|(path, value)| value.number().filter(|cost| *cost > 0.0).map(|cost| (path[1].clone(), cost)))
            .collect();
        // The sort is stable: equals stay in the order of their names.
        rows.sort_by(|one, other| other.1.total_cmp(&one.1));
        for (name, cost) in rows.into_iter().take(ROWS) {
            let number = |key: &str| {
                let value = summary.number(&format!("{kind}.{name}.{key}"));
                Cell::Number(value.map_or_else(|| "–".to_owned(), three_digits))
            };
            let row = [Cell::Text(word.to_owned()), Cell::Text(cut(&name, 40)), Cell::Number(three_digits(cost))];
            table.rows.push(row.into_iter().chain([number("idle_usd"), number("energy_kwh")]).collect());
        }
    }
    table
}
