//! How long tasks waited, by class and by team.

use windtunnel_outcome::recorder::WaitProfile;

use super::axis::Axis;
use super::canvas::{DrawError, Frame, picture};
use super::palette::{GRID, MARK, MUTED, WAITING};
use super::waits::MARKS;
use super::{Cell, Chart, Figure, Panel, View, greatest};
use crate::human::{capital, count, counted, cut, duration, share};

pub(super) struct WaitGroups;

/// Rows of a picture at most: those with the most tasks.
const ROWS: usize = 12;
/// Rows of the table at most.
const TABLE_ROWS: usize = 40;
const KINDS: [(&str, &str); 2] = [("class", "class"), ("role", "team")];

impl Chart for WaitGroups {
    fn name(&self) -> &'static str {
        "wait-groups"
    }

    fn title(&self) -> &'static str {
        "Wait by class and by team"
    }

    fn meaning(&self) -> &'static str {
        "Each line reaches from the wait that half of the tasks stayed below to the one that 99 % stayed below."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let mut figure = Figure::default();
        let mut left_out = 0;
        for (kind, word) in KINDS {
            let mut groups: Vec<&WaitProfile> =
                view.outcome.waits.iter().filter(|profile| profile.kind == kind && profile.count > 0).collect();
            // The sort is stable: equals stay in the order of the run.
            groups.sort_by_key(|profile| std::cmp::Reverse(profile.count));
            // One group says nothing that the figure of all does not.
            if groups.len() > 1 {
                figure.panels.push(panel(&groups[..groups.len().min(ROWS)], word)?);
                left_out += groups.len().saturating_sub(TABLE_ROWS);
                figure.table.rows.extend(groups.iter().take(TABLE_ROWS).map(|profile| row(profile, word)));
            }
        }
        if figure.panels.is_empty() {
            return Ok(None);
        }
        figure.table.head = ["", "name", "tasks", "did not wait", "p50", "p90", "p99"].map(str::to_owned).to_vec();
        figure.table.left_out =
            (left_out > 0).then(|| format!("{} with fewer tasks left out.", counted(left_out as f64, "group")));
        let texts = ["half of the tasks waited less", "90 %", "99 %"].map(str::to_owned);
        figure.legend = [MUTED, WAITING, MARK].into_iter().zip(texts).collect();
        Ok(Some(figure))
    }
}

fn row(profile: &WaitProfile, word: &str) -> Vec<Cell> {
    let mut row = vec![Cell::Text(word.to_owned()), Cell::Text(shown(&profile.name, 60))];
    row.push(Cell::Number(count(profile.count as f64)));
    row.push(Cell::Number(share(profile.zero as f64 / profile.count as f64)));
    let marks = profile.marks.iter().take(MARKS.len());
    row.extend(marks.map(|mark| Cell::Number(mark.map_or_else(String::new, |span| duration(span.0 as f64)))));
    row
}

fn shown(name: &str, most: usize) -> String {
    if name.is_empty() { "(none)".to_owned() } else { cut(name, most) }
}

fn panel(groups: &[&WaitProfile], word: &str) -> Result<Panel, DrawError> {
    let marks = groups.iter().flat_map(|profile| profile.marks.iter().flatten().map(|span| span.0 as f64));
    let most = greatest(marks.clone());
    let least = marks.filter(|&mark| mark > 0.0).fold(most.max(1.0), f64::min);
    // What did not wait stands at the left end, so the axis begins a little earlier than the shortest wait.
    let x = Axis::log_time((least / 3.0).max(1.0), most.max(10.0) * 1.5, 5);
    let (low, high) = (x.from, x.to);
    let rows = groups.len() as f64;
    let y = Axis { from: 0.0, to: rows, marks: Vec::new() };
    let title = format!("{}, by number of tasks", capital(word));
    let names: Vec<String> = groups.iter().map(|profile| shown(&profile.name, 18)).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) as u32;
    let size = (440, 60 + 24 * groups.len() as u32);
    let frame = Frame { size, left: 18 + longest * 8, ..Frame::new(&title, x, y) };
    let html = picture(&frame, |plot| {
        for (at, (profile, name)) in groups.iter().zip(&names).enumerate() {
            let y = rows - at as f64 - 0.5;
            plot.row_name(y, name)?;
            plot.line((low, y), (high, y), GRID, 1.0)?;
            let place = |us: u64| libm::log10(us.max(1) as f64).clamp(low, high);
            let [p50, p90, p99] = profile.marks.map(|mark| mark.map(|span| place(span.0)));
            if let (Some(p50), Some(p99)) = (p50, p99) {
                plot.line((p50, y), (p99, y), WAITING, 2.5)?;
            }
            for (mark, shade) in [(p99, MARK), (p90, WAITING), (p50, MUTED)] {
                if let Some(mark) = mark {
                    plot.dot((mark, y), shade, 4.5)?;
                }
            }
        }
        Ok(())
    })?;
    Ok(Panel { title, html, wide: false })
}
