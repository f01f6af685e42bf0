//! How long tasks waited.

use windtunnel_outcome::distribution::Bin;
use windtunnel_outcome::recorder::WaitProfile;

use super::axis::Axis;
use super::canvas::{DrawError, Frame, picture};
use super::palette::{MARK, WAITING};
use super::{Cell, Chart, Figure, Panel, Table, View, greatest};
use crate::human::{count, counted, duration, share};

pub(super) struct Waits;

/// The percentiles that are marked.
pub(super) const MARKS: [&str; 3] = ["p50", "p90", "p99"];
/// Bars of the picture and rows of the table at most.
const BARS: usize = 48;

impl Chart for Waits {
    fn name(&self) -> &'static str {
        "waits"
    }

    fn title(&self) -> &'static str {
        "How long tasks waited"
    }

    fn meaning(&self) -> &'static str {
        "From submission to the first start, on a logarithmic axis; the bars leave out tasks that did not wait at all."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let Some(all) = view.outcome.waits.iter().find(|profile| profile.kind == "all" && profile.count > 0) else {
            return Ok(None);
        };
        let bars = joined(&all.bins);
        let mut figure = Figure { table: table(all, &bars), ..Figure::default() };
        let none = format!(
            "{} of {} did not wait",
            share(all.zero as f64 / all.count as f64),
            counted(all.count as f64, "task")
        );
        if bars.is_empty() {
            figure.panels.push(Panel { title: none, html: String::new(), wide: true });
            return Ok(Some(figure));
        }
        let title = format!("Share of all tasks by wait; {none}");
        // One picture for a desk, one for a phone: the style sheet shows the one that fits.
        let mut html = String::new();
        for (class, size) in [("desk", (900, 260)), ("phone", (440, 280))] {
            html += &format!("<div class=\"{class}\">{}</div>", histogram(all, &bars, &title, size)?);
        }
        figure.panels.push(Panel { html, title, wide: true });
        figure.legend =
            vec![(WAITING, "tasks".to_owned()), (MARK, "half, 90 % and 99 % of tasks waited less".to_owned())];
        Ok(Some(figure))
    }
}

/// At most [`BARS`] bars, neighbours put together where there are more.
fn joined(bins: &[Bin]) -> Vec<Bin> {
    let group = bins.len().div_ceil(BARS).max(1);
    let join = |some: &[Bin]| {
        let (first, last) = (some.first()?, some.last()?);
        Some(Bin { from: first.from, to: last.to, count: some.iter().map(|bin| bin.count).sum() })
    };
    bins.chunks(group).filter_map(join).collect()
}

fn histogram(all: &WaitProfile, bars: &[Bin], title: &str, size: (u32, u32)) -> Result<String, DrawError> {
    let (from, to) = (bars.first().map_or(1, |bin| bin.from), bars.last().map_or(10, |bin| bin.to));
    let x = Axis::log_time(from as f64, to as f64, size.0 as usize / 80);
    let of_all = |bin: &Bin| bin.count as f64 / all.count as f64;
    let most = greatest(bars.iter().map(of_all));
    // Room for what is written at the marks.
    let y = Axis::share(most * 1.25);
    let frame = Frame { size, ..Frame::new(title, x.clone(), y) };
    picture(&frame, |plot| {
        for bin in bars {
            let edge = |us: u64| libm::log10(us.max(1) as f64).clamp(x.from, x.to);
            let (left, right) = (edge(bin.from), edge(bin.to));
            // A narrow gap between the bars.
            plot.bar((left, right - (right - left) * 0.08), (0.0, of_all(bin)), WAITING, 0.85)?;
        }
        for (at, (name, mark)) in MARKS.iter().zip(all.marks).rev().enumerate() {
            let Some(mark) = mark.filter(|mark| mark.0 > 0) else { continue };
            let position = libm::log10(mark.0 as f64).clamp(x.from, x.to);
            let text = format!("{name}: {}", duration(mark.0 as f64));
            plot.flag(position, 17 * at as u32, &text, MARK)?;
        }
        Ok(())
    })
}

fn table(all: &WaitProfile, bars: &[Bin]) -> Table {
    let head = ["waited at least", "and less than", "tasks", "share", "up to here"].map(str::to_owned).to_vec();
    let mut table = Table { head, ..Table::default() };
    let mut sum = 0;
    let zero = Bin { from: 0, to: 0, count: all.zero };
    for bin in std::iter::once(&zero).chain(bars).filter(|bin| bin.count > 0) {
        sum += bin.count;
        let upper = if bin.to == 0 { "no wait".to_owned() } else { duration(bin.to as f64) };
        let part = |count: u64| share(count as f64 / all.count as f64);
        let cells = [duration(bin.from as f64), upper, count(bin.count as f64), part(bin.count), part(sum)];
        table.rows.push(cells.map(Cell::Number).to_vec());
    }
    table
}
