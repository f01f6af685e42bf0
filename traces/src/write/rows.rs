//! Jobs and nodes as rows of our tables.

use std::collections::BTreeSet;

use windtunnel_scheduler::event::{GpuSet, JobKind};
use windtunnel_scheduler::resources::{CPU, DISK, GPU, LANES, MEMORY, Resources, STANDARD_LANES};
use windtunnel_scheduler::time::{Span, Time};

use super::no_form;
use crate::model::{Fleet, Group, Job, Labels, Name, Node, Run, SourceError};
use crate::read::native::constraint;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    Small,
    Signed,
    Flag,
    Text,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub name: String,
    pub kind: Kind,
}

/// A value of a column.
#[derive(Clone, Debug)]
pub(super) enum Out {
    None,
    Whole(u64),
    Small(u32),
    Signed(i32),
    Flag(bool),
    Text(String),
}

fn text(word: &str) -> Out {
    if word.is_empty() { Out::None } else { Out::Text(word.into()) }
}

fn header(name: impl Into<String>, kind: Kind) -> Header {
    Header { name: name.into(), kind }
}

/// How jobs become rows.
pub(super) struct TaskTable<'a> {
    lanes: &'a [String],
    last: Option<Name>,
    cells: Vec<Out>,
}

impl<'a> TaskTable<'a> {
    pub fn new(lanes: &'a [String]) -> Self {
        Self { lanes, last: None, cells: Vec::new() }
    }

    /// The columns, in the order of the cells of a row.
    pub fn columns(lanes: &[String]) -> Vec<Header> {
        let mut columns = vec![
            header("job_id", Kind::Text),
            header("submit_us", Kind::Whole),
            header("run_us", Kind::Whole),
            header("count", Kind::Small),
            header("kind", Kind::Text),
            header("cpu_milli", Kind::Small),
            header("memory_mib", Kind::Small),
            header("disk_mib", Kind::Small),
            header("gpu_count", Kind::Small),
            header("gpu_milli", Kind::Small),
        ];
        columns.extend(lanes.iter().map(|lane| header(format!("lane_{lane}"), Kind::Small)));
        columns.extend([
            header("estimate_us", Kind::Whole),
            header("priority", Kind::Signed),
            header("role", Kind::Text),
            header("user", Kind::Text),
            header("class", Kind::Text),
            header("constraint", Kind::Text),
            header("fails", Kind::Flag),
            header("start_us", Kind::Whole),
            header("node", Kind::Text),
            header("gpus", Kind::Text),
            header("used_cpu_milli", Kind::Small),
            header("used_memory_mib", Kind::Small),
            header("used_disk_mib", Kind::Small),
            header("used_gpu_milli", Kind::Small),
        ]);
        columns.extend(lanes.iter().map(|lane| header(format!("used_lane_{lane}"), Kind::Small)));
        columns
    }

    /// Hands over the rows of a job; how many there were.
    pub fn job(
        &mut self,
        job: &Job,
        labels: &Labels,
        row: &mut impl FnMut(&[Out]) -> Result<(), SourceError>,
    ) -> Result<u64, SourceError> {
        let name = job.name.to_string();
        if name.is_empty() {
            return Err(no_form("a job without a name cannot be written; name it"));
        }
        if self.last.as_ref() == Some(&job.name) {
            return Err(no_form(format!("two jobs that follow each other are called {name}; rename one")));
        }
        self.last = Some(job.name.clone());
        let mut rows = 0;
        for group in job.groups.as_slice() {
            self.fill(job, &name, group, labels)?;
            let mut from = 0;
            while from < group.count {
                let (run, count) = equal_runs(&group.truth.run, from, group.count);
                self.set(2, if run.is_forever() { Out::None } else { Out::Whole(run.0) });
                self.set(3, Out::Small(count));
                row(&self.cells)?;
                rows += 1;
                from += count;
            }
        }
        Ok(rows)
    }

    fn set(&mut self, column: usize, cell: Out) {
        if let Some(place) = self.cells.get_mut(column) {
            *place = cell;
        }
    }

    /// All cells but those of the run time and the count.
    fn fill(&mut self, job: &Job, name: &str, group: &Group, labels: &Labels) -> Result<(), SourceError> {
        let (ask, truth) = (&group.ask, &group.truth);
        let used = truth.usage.unwrap_or_default();
        if let Some(lane) =
            (STANDARD_LANES.len() + self.lanes.len()..LANES).find(|&lane| ask.request[lane] > 0 || used[lane] > 0)
        {
            return Err(no_form(format!("job {name} uses lane {lane}, which has no name; name all lanes in use")));
        }
        let constraints = match ask.constraints.as_deref() {
            None => Out::None,
            Some(constraints) => text(&constraint::print(constraints).ok_or_else(|| {
                no_form(format!("job {name} has a constraint without attribute or values; correct it"))
            })?),
        };
        let kind = match ask.kind {
            JobKind::Batch => "batch",
            JobKind::Gang => "gang",
            JobKind::Service => "service",
        };
        let recorded = truth.recorded.as_ref();
        let time = |time: Option<Time>| time.map_or(Out::None, |time| Out::Whole(time.0));
        self.cells.clear();
        self.cells.extend([
            text(name),
            Out::Whole(job.submit.0),
            Out::None,
            Out::None,
            text(kind),
            Out::Small(ask.request[CPU]),
            Out::Small(ask.request[MEMORY]),
            Out::Small(ask.request[DISK]),
            Out::Small(u32::from(ask.gpu.count)),
            Out::Small(u32::from(ask.gpu.milli)),
        ]);
        let extra = STANDARD_LANES.len()..LANES.min(STANDARD_LANES.len() + self.lanes.len());
        self.cells.extend(extra.clone().map(|lane| Out::Small(ask.request[lane])));
        self.cells.extend([
            ask.estimate.map_or(Out::None, |span| Out::Whole(span.0)),
            Out::Signed(job.priority),
            text(labels.word(job.role)),
            text(labels.word(job.user)),
            text(labels.word(job.class)),
            constraints,
            Out::Flag(truth.fails),
            time(recorded.and_then(|recorded| recorded.start)),
            recorded.and_then(|recorded| recorded.node.as_ref()).map_or(Out::None, |node| text(&node.to_string())),
            recorded.map_or(Out::None, |recorded| text(&devices(recorded.gpus))),
        ]);
        let used = |lane: usize| truth.usage.map_or(Out::None, |used: Resources| Out::Small(used[lane]));
        self.cells.extend([CPU, MEMORY, DISK, GPU].into_iter().chain(extra).map(used));
        Ok(())
    }
}

/// The run time of the task at `from`, and how many tasks from there have it.
fn equal_runs(run: &Run, from: u32, count: u32) -> (Span, u32) {
    match run {
        Run::Same(span) => (*span, count - from),
        Run::Each(_) => {
            let span = run.of(from);
            let end = (from..count).find(|&index| run.of(index) != span).unwrap_or(count);
            (span, end - from)
        }
    }
}

fn devices(gpus: GpuSet) -> String {
    let indices: Vec<String> = gpus.iter().map(|index| index.to_string()).collect();
    indices.join("|")
}

/// How nodes become rows.
pub(super) struct FleetTable {
    lanes: Vec<(usize, String)>,
    attributes: Vec<String>,
    domains: Vec<String>,
    gpus: bool,
}

impl FleetTable {
    /// The columns that this fleet needs; names in the order in which they first occur.
    pub fn of(fleet: &Fleet) -> Result<Self, SourceError> {
        let mut names = BTreeSet::new();
        let (mut attributes, mut domains) = (Vec::new(), Vec::new());
        for node in &fleet.nodes {
            if !names.insert(&node.name) {
                return Err(no_form(format!("two nodes are called {}; rename one", node.name)));
            }
            add_new(&mut attributes, &node.attributes);
            add_new(&mut domains, &node.domains);
        }
        let standard = ["cpu_milli", "memory_mib", "disk_mib"];
        let lanes = fleet
            .named_lanes()
            .chain([CPU])
            .filter(|&lane| lane != GPU)
            .collect::<BTreeSet<usize>>()
            .into_iter()
            .map(|lane| {
                let standard = standard.get(lane).map(ToString::to_string);
                (lane, standard.unwrap_or_else(|| format!("lane_{}", fleet.lane_name(lane))))
            })
            .collect();
        let gpus = fleet.lanes & (1 << GPU) != 0 || fleet.nodes.iter().any(|node| node.gpus > 0);
        Ok(Self { lanes, attributes, domains, gpus })
    }

    /// The columns, in the order of the cells of a row.
    pub fn columns(&self) -> Vec<Header> {
        let mut columns = vec![header("node", Kind::Text)];
        columns.extend(self.lanes.iter().map(|(_, name)| header(name, Kind::Small)));
        columns.extend(self.gpus.then(|| header("gpus", Kind::Small)));
        columns.extend(self.attributes.iter().map(|name| header(format!("attribute_{name}"), Kind::Text)));
        columns.extend(self.domains.iter().map(|kind| header(format!("domain_{kind}"), Kind::Text)));
        columns
    }

    /// The row of a node.
    pub fn cells(&self, node: &Node) -> Result<Vec<Out>, SourceError> {
        let name = node.name.to_string();
        let unwritable =
            node.attributes.iter().chain(&node.domains).find(|(key, value)| key.is_empty() || value.is_empty());
        if name.is_empty() || unwritable.is_some() {
            return Err(no_form(format!("node `{name}` has an empty name, attribute or domain; give it a value")));
        }
        if node.capacity[GPU] != u32::from(node.gpus) * 1_000 {
            return Err(no_form(format!("node {name} has gpu capacity beside its devices; give it whole devices")));
        }
        let mut cells = vec![text(&name)];
        cells.extend(self.lanes.iter().map(|(lane, _)| Out::Small(node.capacity[*lane])));
        cells.extend(self.gpus.then_some(Out::Small(u32::from(node.gpus))));
        cells.extend(self.attributes.iter().map(|key| value_of(&node.attributes, key)));
        cells.extend(self.domains.iter().map(|key| value_of(&node.domains, key)));
        Ok(cells)
    }
}

fn add_new(names: &mut Vec<String>, pairs: &[(String, String)]) {
    for (name, _) in pairs {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}

fn value_of(pairs: &[(String, String)], key: &str) -> Out {
    pairs.iter().find(|(name, _)| name == key).map_or(Out::None, |(_, value)| text(value))
}
