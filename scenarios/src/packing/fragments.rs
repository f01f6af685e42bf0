//! Free room that is of no use, by why it is of none.

use windtunnel_outcome::fragment::{FragmentCause as Cause, SharesByCause};
use windtunnel_scheduler::event::JobSpec;
use windtunnel_scheduler::id::NodeId;
use windtunnel_scheduler::ledger::{Ledger, Node, Shape, ShapeId};
use windtunnel_scheduler::resources::{GPU, LANES};

use super::books::Kind;

/// The attribute by which nodes say what gpus they have.
const GPU_MODEL: &str = "gpu_model";

/// Shares of capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fragments {
    /// What is free and what the average typical task cannot use: the fragmentation of Weng et al. (USENIX ATC 2023,
    /// section 4), in every lane. A task that can start on a node still cannot use devices with less left than it asks
    /// of one.
    pub fragmented: SharesByCause,
    /// What is free on nodes where not one typical task could start, by what the smallest of them lacks.
    pub stranded: SharesByCause,
}

/// A kind of task as the ledger knows it.
struct Want {
    shape: ShapeId,
    /// The same without demands on the gpu model.
    any_model: ShapeId,
    count: u64,
}

/// Looks at free room with the eyes of the typical tasks.
pub struct Looker {
    wants: Vec<Want>,
    all: u64,
}

impl Looker {
    /// Makes the typical tasks known to a ledger, which is to be looked at later.
    #[must_use]
    pub fn new(ledger: &mut Ledger, typical: &[Kind]) -> Self {
        let mut kinds: Vec<&Kind> = typical.iter().collect();
        // The smallest first: what it lacks is why a node is of no use.
        kinds.sort_by_key(|kind| kind.spec.request);
        let want = |kind: &&Kind| Want {
            shape: ledger.shape_of(&kind.spec),
            any_model: ledger.shape_of(&any_model(&kind.spec)),
            count: kind.count,
        };
        let wants: Vec<Want> = kinds.iter().map(want).collect();
        Self { all: wants.iter().map(|want| want.count).sum(), wants }
    }

    /// What is of no use now.
    #[must_use]
    pub fn look(&self, ledger: &Ledger) -> Fragments {
        let causes = [[0_u128; Cause::COUNT]; LANES];
        let (mut fragmented, mut stranded) = (causes, causes);
        for node in (0..ledger.node_count() as u32).map(NodeId).filter(|&node| ledger.is_open(node)) {
            let view = ledger.node(node);
            let mut first = None;
            let mut usable = false;
            for want in &self.wants {
                let shape = ledger.shapes().shape(want.shape);
                let cause = self.cause(ledger, want, node);
                usable |= cause.is_none();
                first = first.or(cause);
                for (lane, sums) in fragmented.iter_mut().enumerate() {
                    let (cause, amount) = lost(lane, shape, view, cause);
                    sums[cause as usize] += u128::from(amount) * u128::from(want.count);
                }
            }
            if let Some(cause) = first.filter(|_| !usable) {
                for (lane, sums) in stranded.iter_mut().enumerate() {
                    sums[cause as usize] += u128::from(view.free[lane]);
                }
            }
        }
        let capacity = ledger.capacity_total();
        let share = |lane: usize, amount: u128, times: u64| {
            let whole = u128::from(capacity.0[lane]) * u128::from(times);
            if whole == 0 { 0.0 } else { amount as f64 / whole as f64 }
        };
        Fragments {
            fragmented: std::array::from_fn(|lane| fragmented[lane].map(|amount| share(lane, amount, self.all))),
            stranded: std::array::from_fn(|lane| stranded[lane].map(|amount| share(lane, amount, 1))),
        }
    }

    /// Why a kind of task cannot start on a node; None if it can.
    fn cause(&self, ledger: &Ledger, want: &Want, node: NodeId) -> Option<Cause> {
        let shape = ledger.shapes().shape(want.shape);
        if !ledger.allows(shape, node) {
            let other = ledger.shapes().shape(want.any_model);
            return Some(if ledger.allows(other, node) { Cause::ModelMismatch } else { Cause::Constraint });
        }
        let view = ledger.node(node);
        if let Some(lane) = (0..LANES).find(|&lane| shape.request[lane] > view.free[lane]) {
            return Some(Cause::of_lane(lane));
        }
        (!ledger.fits(shape, node)).then_some(Cause::GpuTooSmall)
    }
}

/// How much of a lane of a node a task cannot use, and why.
fn lost(lane: usize, shape: &Shape, node: Node<'_>, cause: Option<Cause>) -> (Cause, u32) {
    let free = node.free[lane];
    match cause {
        _ if shape.request[lane] == 0 => (Cause::NotAsked, free),
        Some(cause) => (cause, free),
        None if lane == GPU => {
            let short = node.gpus.iter().filter(|&&left| left < shape.gpu.milli);
            (Cause::GpuTooSmall, short.map(|&left| u32::from(left)).sum())
        }
        None => (Cause::NoOther, 0),
    }
}

fn any_model(spec: &JobSpec) -> JobSpec {
    let others = spec.constraints.iter().flat_map(|set| set.iter()).filter(|one| one.attribute != GPU_MODEL);
    let others: Vec<_> = others.cloned().collect();
    JobSpec { constraints: (!others.is_empty()).then(|| others.into()), ..spec.clone() }
}
