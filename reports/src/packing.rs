//! What packing a snapshot came to, and the folder that it is written into.

use std::path::{Path, PathBuf};

use windtunnel_outcome::fragment::SharesByCause;
use windtunnel_outcome::{Outcome, RecordError, Summary};

use crate::human::{count, counted, duration, seconds, share, three_digits};
use crate::page::{self, Reproduction};
use crate::table::Line;
use crate::write::{Extras, RUN_FILE, ResultFolder, RunFacts, summary};

/// What packing a snapshot came to.
#[derive(Clone, Debug, Default)]
pub struct PackingResult {
    /// Every number by name.
    pub summary: Summary,
    /// What must be kept in mind, a sentence each.
    pub warnings: Vec<String>,
    /// The lanes that the fleet names.
    pub lanes: Vec<(usize, String)>,
    /// Nodes that each trial of compaction needed.
    pub trials: Vec<u64>,
    /// Shares of cpu and memory that are left, for each node that holds something.
    pub left: Vec<(f64, f64)>,
    /// Fragmentation while the fleet fills up.
    pub load: Vec<LoadPoint>,
    /// Tasks moved by the time that one node, two nodes and so on were emptied.
    pub moves: Vec<u64>,
    /// The run that the snapshot is from, if there was one.
    pub outcome: Option<Outcome>,
}

/// The fleet when so much was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadPoint {
    /// What was asked for, as a share of the capacity of the lane that is asked for most.
    pub load: f64,
    /// What of it is allocated.
    pub allocated: f64,
    /// What is free and of no use, as shares of capacity.
    pub fragmented: SharesByCause,
}

/// Writes a result into the folder `out`, which appears only when it is whole, and gives its path. `facts` is asked
/// last of all.
///
/// # Errors
/// If there is anything but an earlier result in `out`, or it cannot be written.
pub fn write(
    out: &Path,
    result: &PackingResult,
    extras: &Extras,
    facts: impl FnOnce() -> RunFacts,
) -> Result<PathBuf, RecordError> {
    let mut folder = ResultFolder::create(out)?;
    folder.write("summary.json", summary::to_json(&result.summary, &result.warnings))?;
    folder.write("scenario.toml", &extras.scenario_toml)?;
    let reproduction = Reproduction { command: &extras.command, scenario_toml: &extras.scenario_toml };
    folder.write("report.html", page::packing::render(result, &reproduction))?;
    folder.write(RUN_FILE, facts().to_json(&extras.command))?;
    folder.commit().map(Path::to_owned)
}

/// The table of a result. A number that it does not have has no line.
#[must_use]
pub fn lines(result: &PackingResult) -> Vec<Line> {
    let number = |name: &str| result.summary.number(name);
    let mut lines = Vec::new();
    let mut add = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(Line { label: label.to_owned(), value });
        }
    };
    add(
        "packed",
        number("snapshot.tasks").zip(number("snapshot.nodes")).map(|(tasks, nodes)| {
            let at = number("snapshot.at_s").map_or_else(String::new, |at| format!(", as of {}", seconds(at)));
            let in_use = number("snapshot.nodes_in_use").unwrap_or(0.0);
            format!("{} on {} of {}{at}", counted(tasks, "task"), count(in_use), counted(nodes, "node"))
        }),
    );
    let shares = result
        .lanes
        .iter()
        .filter_map(|(_, name)| number(&format!("utilization.{name}")).map(|used| format!("{name} {}", share(used))));
    add("utilization", Some(shares.collect::<Vec<_>>().join(", ")));
    add("hole filling", number("hole_filling.units").map(|units| format!("{} more of {}", count(units), unit(result))));
    add(
        "inflation",
        number("inflation.horizontal")
            .zip(number("inflation.vertical"))
            .map(|(more, larger)| format!("{more:.3} times as many tasks fit, or tasks {larger:.3} times as large")),
    );
    add("compaction", compaction(&result.summary));
    add(
        "lower bound",
        number("lower_bound.nodes").map(|bound| {
            let gap = number("gap").map_or_else(String::new, |gap| format!(", p90 is {} above it", share(gap)));
            format!("{}{gap}", counted(bound, "node"))
        }),
    );
    add(
        "packed from scratch",
        number("packed.nodes").map(|nodes| {
            let pending = number("packed.pending").filter(|&pending| pending > 0.0);
            let pending = pending.map_or_else(String::new, |pending| format!(", {} pending", counted(pending, "task")));
            format!("{} in use{pending}", counted(nodes, "node"))
        }),
    );
    for (_, name) in &result.lanes {
        let stranded = number(&format!("stranded.{name}.share"));
        let fragmented = number(&format!("fragmentation.{name}.share"));
        add(
            &format!("{name} of no use"),
            fragmented.zip(stranded).map(|(fragmented, stranded)| {
                format!("{} of capacity to the average task, {} to any", share(fragmented), share(stranded))
            }),
        );
    }
    add("defragmentation", defragmentation(&result.summary));
    add("seed", crate::table::text(&result.summary, "seed"));
    lines
}

/// What holes are filled with: `1 cpu, 4 GiB memory`.
fn unit(result: &PackingResult) -> String {
    let lanes = result.lanes.iter().filter_map(|(lane, name)| {
        let amount = result.summary.number(&format!("hole_filling.unit.{name}"))?;
        Some(match lane {
            0 | 3 => format!("{} {name}", three_digits(amount / 1000.0)),
            _ => format!("{} {name}", crate::human::amount(*lane, name, amount)),
        })
    });
    lanes.collect::<Vec<_>>().join(", ")
}

fn compaction(summary: &Summary) -> Option<String> {
    let nodes = |name: &str| summary.number(&format!("compaction.{name}_nodes")).map(count);
    let part = summary.number("compaction.p90_share").map(share)?;
    let (min, p50, p90, max) = (nodes("min")?, nodes("p50")?, nodes("p90")?, nodes("max")?);
    Some(format!("p90 {p90} nodes ({part} of the fleet), p50 {p50}, min {min}, max {max}"))
}

fn defragmentation(summary: &Summary) -> Option<String> {
    let freed = summary.number("defragmentation.freed_nodes")?;
    let moved = summary.number("defragmentation.migrations")?;
    Some(format!("moving {} empties {}", counted(moved, "task"), counted(freed, "node")))
}

/// The sentences that the page opens with.
pub(crate) fn opening(result: &PackingResult) -> Vec<String> {
    let number = |name: &str| result.summary.number(name);
    let mut sentences = Vec::new();
    if let (Some(tasks), Some(nodes), Some(p90)) =
        (number("snapshot.tasks"), number("snapshot.nodes"), number("compaction.p90_nodes"))
    {
        let at = number("snapshot.at_s").map_or_else(String::new, |at| format!(" {} into the run", duration(at * 1e6)));
        let than = if p90 <= nodes { "would do" } else { "would be needed" };
        sentences.push(format!(
            "{} held room on {}{at}; {} {than} in nine of ten random choices.",
            counted(tasks, "task"),
            counted(nodes, "node"),
            counted(p90, "node"),
        ));
    }
    if let (Some(bound), Some(gap)) = (number("lower_bound.nodes"), number("gap")) {
        let bound = counted(bound, "node");
        sentences.push(if gap > 0.0 {
            format!("No scheduler could do with fewer than {bound}; this one needs {} more.", share(gap))
        } else {
            format!("No scheduler could do with fewer than {bound}, and this one needs no more.")
        });
    }
    if let (Some(freed), Some(moved)) = (number("defragmentation.freed_nodes"), number("defragmentation.migrations")) {
        sentences.push(if freed > 0.0 {
            format!("Moving {} would empty {}.", counted(moved, "task"), counted(freed, "node"))
        } else {
            "No node could be emptied by moving its tasks elsewhere.".to_owned()
        });
    }
    sentences
}

/// The numbers that everybody looks for first.
pub(crate) fn tiles(result: &PackingResult) -> Vec<(&'static str, Option<String>)> {
    let number = |name: &str| result.summary.number(name);
    vec![
        ("compacted fleet, p90", number("compaction.p90_share").map(share)),
        ("nodes needed, p90", number("compaction.p90_nodes").map(count)),
        ("lower bound on nodes", number("lower_bound.nodes").map(count)),
        ("gap to the bound", number("gap").map(share)),
        ("room to grow", number("inflation.factor").map(|factor| format!("× {factor:.3}"))),
        ("more tasks fit as is", number("hole_filling.units").map(count)),
        ("nodes that moves empty", number("defragmentation.freed_nodes").map(count)),
        ("packing efficiency", number("packing.efficiency").map(share)),
    ]
}
