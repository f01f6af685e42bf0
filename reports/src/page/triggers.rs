//! What triggers did, in the order in which they fired.

use windtunnel_outcome::Summary;

use crate::chart::{Cell, Table};
use crate::human::{counted, cut, seconds};

/// Firings that the page shows; all that are told are in `summary.json`.
const ROWS: usize = 100;

/// A row per firing; None if no trigger fired.
pub(super) fn table(summary: &Summary) -> Option<Table> {
    let mut numbers: Vec<&str> = Vec::new();
    for (path, _) in summary.iter().filter(|(path, _)| path.first().is_some_and(|head| head == "firings")) {
        if let Some(number) = path.get(1).filter(|number| numbers.last() != Some(&number.as_str())) {
            numbers.push(number);
        }
    }
    let first = numbers.first()?;
    let text = |number: &str, what: &str| {
        let text = summary.text(&format!("firings.{number}.{what}")).unwrap_or_default();
        Cell::Text(cut(text, 200))
    };
    let digits = first.len();
    let mut table =
        Table { head: ["at", "trigger", "why", "what it did"].map(str::to_owned).into(), ..Table::default() };
    for number in numbers.iter().filter(|number| number.len() == digits).take(ROWS) {
        let at = summary.number(&format!("firings.{number}.at_s")).map_or_else(String::new, seconds);
        table.rows.push(vec![Cell::Number(at), text(number, "trigger"), text(number, "why"), text(number, "did")]);
    }
    if let Some(more) = numbers.len().checked_sub(ROWS).filter(|&more| more > 0) {
        table.left_out = Some(format!("{} left out; see summary.json.", counted(more as f64, "later firing")));
    }
    Some(table)
}
