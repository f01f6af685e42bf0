//! What is left of cpu and memory on each node.

use std::collections::BTreeMap;

use super::super::axis::Axis;
use super::super::canvas::{DrawError, Frame, picture};
use super::super::palette::{ALLOCATED, GRID};
use super::super::{Cell, Figure, Panel, Table};
use super::PackingChart;
use crate::human::{count, share};
use crate::packing::PackingResult;

pub(super) struct Left;

/// Dots across the picture: about as many as can be told apart.
const CELLS: f64 = 60.0;
/// Bands of the table.
const BANDS: [(f64, &str); 5] =
    [(0.05, "up to 5 %"), (0.2, "5 to 20 %"), (0.5, "20 to 50 %"), (0.8, "50 to 80 %"), (1.0, "more")];

impl PackingChart for Left {
    fn name(&self) -> &'static str {
        "left"
    }

    fn title(&self) -> &'static str {
        "What is left on each node"
    }

    fn meaning(&self) -> &'static str {
        "Each dot stands for the nodes that have so much of their cpu and of their memory left; dots far from the \
         diagonal have plenty of one where the other is used up."
    }

    fn figure(&self, result: &PackingResult) -> Result<Option<Figure>, DrawError> {
        if result.left.is_empty() {
            return Ok(None);
        }
        let mut dots: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for (cpu, memory) in &result.left {
            let cell = |share: f64| libm::round(share.clamp(0.0, 1.0) * CELLS) as u32;
            *dots.entry((cell(*cpu), cell(*memory))).or_default() += 1;
        }
        let most = dots.values().copied().max().unwrap_or(1) as f64;
        let title = "Memory left by cpu left, shares of the node".to_owned();
        // The last mark needs room at its right.
        let x = Axis { to: 1.05, ..Axis::share(1.0) };
        let frame = Frame { size: (480, 380), ..Frame::new(&title, x, Axis::share(1.0)) };
        let html = picture(&frame, |plot| {
            plot.line((0.0, 0.0), (1.0, 1.0), GRID, 1.5)?;
            for (&(cpu, memory), &nodes) in &dots {
                let px = 1.6 + 3.4 * libm::sqrt(nodes as f64 / most);
                plot.dot((f64::from(cpu) / CELLS, f64::from(memory) / CELLS), ALLOCATED, px)?;
            }
            Ok(())
        })?;
        let panels = vec![Panel { title, html, wide: false }];
        Ok(Some(Figure { panels, table: table(&result.left), ..Figure::default() }))
    }
}

/// How many nodes have so much left of both.
fn table(left: &[(f64, f64)]) -> Table {
    let band = |share: f64| BANDS.iter().position(|(upper, _)| share <= *upper).unwrap_or(BANDS.len() - 1);
    let mut counts = [[0_u64; BANDS.len()]; BANDS.len()];
    left.iter().for_each(|(cpu, memory)| counts[band(*cpu)][band(*memory)] += 1);
    let mut head = vec!["cpu left".to_owned()];
    head.extend(BANDS.iter().map(|(_, name)| format!("memory left {name}")));
    head.push("nodes".to_owned());
    let row = |((_, name), counts): (&(f64, &str), &[u64; BANDS.len()])| {
        let mut row = vec![Cell::Text((*name).to_owned())];
        row.extend(counts.iter().map(|&nodes| Cell::Number(count(nodes as f64))));
        let all: u64 = counts.iter().sum();
        row.push(Cell::Number(share(all as f64 / left.len() as f64)));
        row
    };
    Table { head, rows: BANDS.iter().zip(&counts).map(row).collect(), left_out: None }
}
