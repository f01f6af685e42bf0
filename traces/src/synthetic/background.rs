//! What runs already when a run begins: the catalogue of a workload with residual lives.

use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::time::Span;

use super::key::{Key, WARM_CONSTRAINED, WARM_ESTIMATE, WARM_FAILS, WARM_KIND, WARM_RUN, WARM_SHAPE};
use super::spec::{Ready, SyntheticSpec};
use super::terms::BadTerm;
use crate::model::{Ask, Background, Group, Run, Truth};

/// Tasks of a synthetic workload in its steady state.
///
/// Since durations do not depend on shapes, what runs at a random instant has the shapes of the catalogue, and what is
/// left of a life has the residual law. An estimate is of what is left, too. Replicas of services run forever; a gang
/// is represented by single tasks.
#[derive(Clone, Debug)]
pub struct Residual {
    ready: Ready,
    seed: u64,
    workload: u32,
}

impl Residual {
    /// The background of a workload under the seed of a run; `workload` as in [`super::Synthetic::new`].
    ///
    /// # Errors
    /// If the specification is not valid: names the key that is wrong.
    pub fn new(spec: &SyntheticSpec, seed: u64, workload: u32) -> Result<Self, BadTerm> {
        Ok(Self { ready: Ready::new(spec)?, seed, workload })
    }
}

impl Background for Residual {
    fn task(&mut self, index: u64) -> Group {
        let ready = &self.ready;
        let key = Key::new(self.seed, self.workload, index);
        let shape = ready.shapes.pick(|| key.bits(WARM_SHAPE, 0));
        let kind = match *ready.kinds.pick(|| key.bits(WARM_KIND, 0)) {
            JobKind::Service => JobKind::Service,
            // One task of a gang that started long ago; its fellows are tasks of their own.
            JobKind::Batch | JobKind::Gang => JobKind::Batch,
        };
        let run = Run::Same(match kind {
            JobKind::Service => Span::FOREVER,
            _ => ready.duration.residual(key.unit(WARM_RUN, 0), key.unit(WARM_RUN, 1)),
        });
        let fails = ready.fails > 0.0 && kind != JobKind::Service && key.unit(WARM_FAILS, 0) < ready.fails;
        Group {
            count: 1,
            ask: Ask {
                kind,
                request: shape.request,
                gpu: shape.gpu,
                estimate: ready.estimate.of(None, &run, || key.unit(WARM_ESTIMATE, 0)),
                constraints: shape.constraints(|| key.unit(WARM_CONSTRAINED, 0)),
            },
            truth: Truth { run, fails, ..Truth::default() },
        }
    }
}

/// The background of a workload, boxed as drivers take it.
///
/// # Errors
/// If the specification is not valid: names the key that is wrong.
pub fn background(spec: &SyntheticSpec, seed: u64, workload: u32) -> Result<Box<dyn Background + Send>, BadTerm> {
    Ok(Box::new(Residual::new(spec, seed, workload)?))
}
