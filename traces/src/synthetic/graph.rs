//! Graphs of jobs: each arrival brings a job for every stage.

use std::sync::Arc;

use super::ahead::Drawn;
use super::key::{Key, RUN, SHAPE};
use super::source::Synthetic;
use super::spec::{Ready, Runs, SyntheticSpec};
use super::terms::BadTerm;
use crate::model::{Course, Groups, Job, Labels, Name, Note, Source, SourceError, Stage};

/// One stage of a graph. What it does not say is as in the workload.
#[derive(Clone, Debug)]
pub struct StageSpec {
    /// What its jobs are called, after the number of the graph.
    pub name: String,
    /// The stages, by place, that must have succeeded before it begins; all of them stand before it.
    pub after: Vec<u32>,
    /// What its jobs are: kinds, sizes, shapes, durations and failures count, nothing else.
    pub jobs: SyntheticSpec,
}

/// Jobs of graphs, all stages of one after the other: `3.extract` is the stage `extract` of the third graph.
#[derive(Clone, Debug)]
pub struct Graphs {
    /// Where graphs arrive: a job for each.
    arrivals: Synthetic,
    stages: Vec<Ours>,
    seed: u64,
    workload: u32,
    /// The graph whose stages come next, its number, and how many of them are out.
    current: Option<(Job, u64, u32)>,
    graphs: u64,
}

/// A stage, ready to draw from.
#[derive(Clone, Debug)]
struct Ours {
    name: String,
    after: Arc<[u32]>,
    ready: Ready,
    runs: Runs,
}

impl Graphs {
    /// A stream under the seed of a run, as [`Synthetic::new`].
    ///
    /// # Errors
    /// If the specification is not valid: names the key that is wrong.
    pub fn new(spec: &SyntheticSpec, seed: u64, workload: u32) -> Result<Self, BadTerm> {
        let stages = spec.stages.iter().enumerate().map(|(place, stage)| {
            let inner = |error: BadTerm| BadTerm { key: format!("dag.{place}.{}", error.key), ..error };
            if stage.after.iter().any(|&before| before as usize >= place) {
                let message =
                    format!("stage `{}` waits for one that does not stand before it: list that first", stage.name);
                return Err(BadTerm::new(format!("dag.{place}.after"), message));
            }
            let (name, after) = (stage.name.clone(), stage.after.as_slice().into());
            Ok(Ours { name, after, ready: Ready::new(&stage.jobs).map_err(inner)?, runs: stage.jobs.runs })
        });
        let stages = stages.collect::<Result<_, _>>()?;
        let arrivals = Synthetic::new(spec, seed, workload)?;
        Ok(Self { arrivals, stages, seed, workload, current: None, graphs: 0 })
    }

    fn stage(&self, graph: &Job, number: u64, at: u32) -> Job {
        let stages = self.stages.len() as u32;
        let ours = &self.stages[at as usize];
        // Every stage draws under a number of its own.
        let key = Key::new(self.seed, self.workload, number * u64::from(stages) + u64::from(at));
        let kind = ours.ready.kind(key);
        let count = ours.ready.count(key, kind);
        let run = ours.ready.duration.sample(key.unit(RUN, 0));
        let drawn = Drawn { submit: graph.submit, run, shape: key.bits(SHAPE, 0) };
        let course = Course::Stage(Stage { graph: number, stage: at, stages, after: ours.after.clone() });
        Job {
            name: Name::Text(format!("{}.{}", graph.name, ours.name).into()),
            groups: Groups::One(ours.ready.group(key, kind, count, ours.runs, drawn)),
            course: Some(Box::new(course)),
            ..graph.clone()
        }
    }
}

impl Source for Graphs {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        if self.current.is_none() {
            let Some(graph) = self.arrivals.next_job()? else { return Ok(None) };
            self.current = Some((graph, self.graphs, 0));
            self.graphs += 1;
        }
        let Some((graph, number, at)) = self.current.take() else { return Ok(None) };
        let job = self.stage(&graph, number, at);
        if at as usize + 1 < self.stages.len() {
            self.current = Some((graph, number, at + 1));
        }
        Ok(Some(job))
    }

    fn labels(&self) -> &Labels {
        self.arrivals.labels()
    }

    fn notes(&self) -> Vec<Note> {
        self.arrivals.notes()
    }
}
