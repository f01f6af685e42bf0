//! The small tables of a result: nodes, series, and what the page shows beyond them.

use std::collections::BTreeSet;
use std::io::{self, Write};

use windtunnel_outcome::Outcome;
use windtunnel_outcome::heat::HeatTable;
use windtunnel_outcome::recorder::{BlastRow, SlowTask, WaitProfile};
use windtunnel_outcome::rows::{Cause, NodeRow};
use windtunnel_outcome::series::SeriesTable;

use super::parquet::{ColumnMut, GROUP_ROWS, RealColumn, TableFile, TextColumn, WholeColumn, WordColumn};
use super::tasks::{lane_with_unit, lanes_of};

/// The name of an amount of a lane over time: `cpu_core_s`, `memory_mib_s`.
pub(crate) fn lane_time(lane: usize, name: &str) -> String {
    match lane {
        0 => format!("{name}_core_s"),
        1 | 2 => format!("{name}_mib_s"),
        _ => format!("{name}_s"),
    }
}

/// Lane-microseconds in the unit of [`lane_time`]: millicores and thousandths of a device become whole ones.
pub(crate) fn lane_seconds(lane: usize, lane_us: u128) -> f64 {
    let per_unit = if matches!(lane, 0 | 3) { 1e9 } else { 1e6 };
    lane_us as f64 / per_unit
}

/// A table of columns that were named one by one.
#[derive(Default)]
struct Columns {
    wholes: Vec<(String, WholeColumn)>,
    reals: Vec<(String, RealColumn)>,
    words: Vec<(String, WordColumn)>,
}

impl Columns {
    fn write<W: Write>(&mut self, file: &mut TableFile<W>, rows: u64) -> io::Result<()> {
        let words = self.words.iter_mut().map(|(name, column)| (name.as_str(), ColumnMut::Word(column)));
        let wholes = self.wholes.iter_mut().map(|(name, column)| (name.as_str(), ColumnMut::Whole(column)));
        let reals = self.reals.iter_mut().map(|(name, column)| (name.as_str(), ColumnMut::Real(column)));
        file.write_group(rows, &mut words.chain(wholes).chain(reals).collect::<Vec<_>>())
    }
}

/// `nodes.parquet`.
pub(super) fn write_nodes<W: Write>(sink: W, nodes: &[NodeRow], lanes: &[(usize, String)]) -> io::Result<W> {
    let mut file = TableFile::new(sink)?;
    let lanes = lanes_of(lanes);
    let kinds: BTreeSet<&str> =
        nodes.iter().flat_map(|node| node.domains.iter().map(|(kind, _)| kind.as_str())).collect();
    let mut columns = Columns::default();
    columns.words.push(("node".into(), WordColumn::required()));
    columns.words.push(("gpu_model".into(), WordColumn::optional()));
    columns.words.extend(kinds.iter().map(|kind| (format!("domain_{kind}"), WordColumn::optional())));
    let capacity = lanes.iter().map(|(lane, name)| format!("capacity_{}", lane_with_unit(*lane, name)));
    let others = ["gpus", "up_us", "down_us", "failures", "starts", "tasks_max"].map(str::to_owned);
    columns.wholes.extend(capacity.chain(others).map(|name| (name, WholeColumn::required())));
    for (lane, name) in &lanes {
        let name = lane_time(*lane, name);
        columns.reals.push((format!("allocated_{name}"), RealColumn::required()));
        columns.reals.push((format!("used_{name}"), RealColumn::optional()));
    }
    if nodes.is_empty() {
        columns.write(&mut file, 0)?;
    }
    for some in nodes.chunks(GROUP_ROWS as usize) {
        for node in some {
            push_node(&mut columns, node, &kinds, &lanes);
        }
        columns.write(&mut file, some.len() as u64)?;
    }
    file.finish()
}

fn push_node(columns: &mut Columns, node: &NodeRow, kinds: &BTreeSet<&str>, lanes: &[(usize, String)]) {
    let domain = |kind: &str| node.domains.iter().find(|(one, _)| one == kind).map(|(_, name)| name.as_str());
    let words = [Some(node.name.as_str()), node.gpu_model.as_deref()];
    let words = words.into_iter().chain(kinds.iter().map(|kind| domain(kind)));
    for ((_, column), word) in columns.words.iter_mut().zip(words) {
        column.push_option(word);
    }
    let capacity = lanes.iter().map(|(lane, _)| u64::from(node.capacity[*lane]));
    let others = [
        u64::from(node.gpus),
        node.up.0,
        node.down.0,
        u64::from(node.failures),
        node.starts,
        u64::from(node.tasks_max),
    ];
    for ((_, column), value) in columns.wholes.iter_mut().zip(capacity.chain(others)) {
        column.push(value);
    }
    let amounts = lanes.iter().flat_map(|(lane, _)| {
        [Some(node.allocated[*lane]), node.used.map(|used| used[*lane])]
            .map(|amount| amount.map(|amount| lane_seconds(*lane, amount)))
    });
    for ((_, column), amount) in columns.reals.iter_mut().zip(amounts) {
        column.push_option(amount);
    }
}

/// `series.parquet`: per series its mean under its own name, least and greatest with a mark behind.
pub(super) fn write_series<W: Write>(sink: W, series: &SeriesTable) -> io::Result<W> {
    let mut file = TableFile::new(sink)?;
    let points = series.from.len();
    let mut first = true;
    let mut at = 0;
    while first || at < points {
        first = false;
        let rows = (points - at).min(GROUP_ROWS as usize);
        let mut columns = Columns::default();
        for (name, times) in [("from_us", &series.from), ("to_us", &series.to)] {
            let mut column = WholeColumn::required();
            times[at..at + rows].iter().for_each(|time| column.push(time.0));
            columns.wholes.push((name.into(), column));
        }
        for one in &series.columns {
            let mut mean = RealColumn::required();
            one.mean[at..at + rows].iter().for_each(|&value| mean.push_option(Some(value)));
            columns.reals.push((one.name.clone(), mean));
            for (mark, values) in [("min", &one.min), ("max", &one.max)] {
                let mut column = WholeColumn::required();
                values[at..at + rows].iter().for_each(|&value| column.push(value));
                columns.wholes.push((format!("{}_{mark}", one.name), column));
            }
        }
        columns.write(&mut file, rows as u64)?;
        at += rows;
    }
    file.finish()
}

/// `page/heat.parquet`: a row per cell, row by row; the share is null where no node was up.
pub(super) fn write_heat<W: Write>(sink: W, heat: &HeatTable) -> io::Result<W> {
    let mut file = TableFile::new(sink)?;
    let mut columns = Columns::default();
    columns.wholes.extend(["first_node", "from_us", "to_us"].map(|name| (name.into(), WholeColumn::required())));
    columns.reals.push(("allocated_share".into(), RealColumn::optional()));
    let length = heat.to.since(heat.from).0;
    let bins = heat.columns.max(1);
    let edge = |bin: usize| heat.from.0 + (u128::from(length) * bin as u128 / bins as u128) as u64;
    let mut rows = 0;
    for (&node, cells) in heat.first_node.iter().zip(heat.cells.chunks(bins)) {
        for (bin, &share) in cells.iter().enumerate() {
            let values = [u64::from(node), edge(bin), edge(bin + 1)];
            columns.wholes.iter_mut().zip(values).for_each(|((_, column), value)| column.push(value));
            columns.reals[0].1.push_option((!share.is_nan()).then_some(f64::from(share)));
            rows += 1;
        }
    }
    columns.write(&mut file, rows)?;
    file.finish()
}

/// `page/waits.parquet`: a row per bar of each distribution. The first row of each carries no bar (`from_us` =
/// `to_us` = 0) but those that did not wait, so that every distribution has a row; `tasks` adds up to the tasks that
/// started.
pub(super) fn write_waits<W: Write>(sink: W, waits: &[WaitProfile]) -> io::Result<W> {
    let mut file = TableFile::new(sink)?;
    let mut columns = Columns::default();
    columns.words.extend(["kind", "name"].map(|name| (name.into(), WordColumn::required())));
    columns.wholes.extend(["from_us", "to_us", "tasks"].map(|name| (name.into(), WholeColumn::required())));
    columns.wholes.extend(["p50_us", "p90_us", "p99_us"].map(|name| (name.into(), WholeColumn::optional())));
    let mut rows = 0;
    for profile in waits {
        let bars = std::iter::once([0, 0, profile.zero]);
        for bar in bars.chain(profile.bins.iter().map(|bin| [bin.from, bin.to, bin.count])) {
            let words = [profile.kind, profile.name.as_str()];
            columns.words.iter_mut().zip(words).for_each(|((_, column), word)| column.push(word));
            let marks = profile.marks.map(|mark| mark.map(|span| span.0));
            let values = bar.map(Some).into_iter().chain(marks);
            columns.wholes.iter_mut().zip(values).for_each(|((_, column), value)| column.push_option(value));
            rows += 1;
        }
    }
    columns.write(&mut file, rows)?;
    file.finish()
}

/// `page/slowest.parquet`.
pub(super) fn write_slowest<W: Write>(sink: W, slowest: &[SlowTask]) -> io::Result<W> {
    let mut file = TableFile::new(sink)?;
    let mut task = TextColumn::default();
    let [mut class, mut role] = [WordColumn::required(), WordColumn::required()];
    let mut node = WordColumn::optional();
    let [mut submit, mut wait] = [WholeColumn::required(), WholeColumn::required()];
    let mut causes: [WholeColumn; Cause::COUNT] = std::array::from_fn(|_| WholeColumn::required());
    for one in slowest {
        task.push(one.task.as_bytes());
        class.push(&one.class);
        role.push(&one.role);
        node.push_option(one.node.as_deref());
        submit.push(one.submit.0);
        wait.push(one.wait.0);
        causes.iter_mut().zip(&one.causes).for_each(|(column, span)| column.push(span.0));
    }
    let names = Cause::ALL.map(|cause| format!("wait_{}_us", cause.name()));
    let mut columns = vec![
        ("task_id", ColumnMut::Text(&mut task)),
        ("class", ColumnMut::Word(&mut class)),
        ("role", ColumnMut::Word(&mut role)),
        ("node", ColumnMut::Word(&mut node)),
        ("submit_us", ColumnMut::Whole(&mut submit)),
        ("wait_us", ColumnMut::Whole(&mut wait)),
    ];
    columns.extend(names.iter().map(String::as_str).zip(causes.iter_mut().map(ColumnMut::Whole)));
    file.write_group(slowest.len() as u64, &mut columns)?;
    file.finish()
}

/// `page/blast.parquet`.
pub(super) fn write_blasts<W: Write>(sink: W, blasts: &[BlastRow]) -> io::Result<W> {
    let mut file = TableFile::new(sink)?;
    let [mut placement, mut kind, mut domain] = std::array::from_fn(|_| WordColumn::required());
    let mut counts: [WholeColumn; 6] = std::array::from_fn(|_| WholeColumn::required());
    for row in blasts {
        placement.push(if row.recorded { BLAST_RECORDED } else { "run" });
        kind.push(&row.kind);
        domain.push(&row.domain);
        let values = [row.at.0, row.nodes, row.tasks, row.services, row.services_below, row.jobs];
        counts.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    let words = [("placement", &mut placement), ("kind", &mut kind), ("domain", &mut domain)];
    let mut columns: Vec<_> = words.into_iter().map(|(name, column)| (name, ColumnMut::Word(column))).collect();
    columns.extend(BLAST_COLUMNS.into_iter().zip(counts.iter_mut().map(ColumnMut::Whole)));
    file.write_group(blasts.len() as u64, &mut columns)?;
    file.finish()
}

/// The placement of a row of `page/blast.parquet` that is not the one of the run.
pub(crate) const BLAST_RECORDED: &str = "recorded";

/// The numbers of a row of `page/blast.parquet`.
pub(crate) const BLAST_COLUMNS: [&str; 6] = ["at_us", "nodes", "tasks", "services", "services_below", "jobs"];

/// The tables of an outcome beside its tasks and its log, by the name of their files.
pub(super) type TableWriter = fn(&mut Vec<u8>, &Outcome) -> io::Result<()>;

/// Every one of them.
pub(super) const TABLES: [(&str, TableWriter); 6] = [
    ("nodes.parquet", |out, outcome| write_nodes(out, &outcome.nodes, &outcome.lanes).map(drop)),
    ("series.parquet", |out, outcome| write_series(out, &outcome.series).map(drop)),
    ("page/heat.parquet", |out, outcome| {
        write_heat(out, outcome.heat.as_ref().unwrap_or(&HeatTable::default())).map(drop)
    }),
    ("page/waits.parquet", |out, outcome| write_waits(out, &outcome.waits).map(drop)),
    ("page/slowest.parquet", |out, outcome| write_slowest(out, &outcome.slowest).map(drop)),
    ("page/blast.parquet", |out, outcome| write_blasts(out, &outcome.blasts).map(drop)),
];
