//! What the scheduler believes: nodes and their room, shapes of tasks, attributes and devices.
//!
//! The ledger is the only writer of free room. Everything that speeds up a search (see [`crate::index`]) catches up
//! from its log of changed nodes and can be thrown away at any time.

mod attribute;
mod change;
mod device;
mod shape;

pub use attribute::{AttributeTable, ConstraintId};
pub use change::ChangeLog;
pub use device::DeviceTable;
pub use shape::{Shape, ShapeId, ShapeTable};

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::constraint::Constraint;
use crate::event::{GpuSet, JobSpec, NodeSpec};
use crate::id::NodeId;
use crate::resources::{LANES, Resources, Totals};
use crate::veto::{Veto, VetoCounts};

/// A node as policies see it.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    /// Which; ties go to the lowest.
    pub id: NodeId,
    /// Room that is left.
    pub free: &'a Resources,
    /// Room when empty.
    pub capacity: &'a Resources,
    /// Free thousandths of each gpu device.
    pub gpus: &'a [u16],
    /// How many tasks it holds.
    pub tasks: u32,
    /// The fleet it belongs to.
    pub scale: &'a Scale,
}

/// What makes rooms of different lanes comparable: the largest node of the fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    /// The largest capacity in each lane.
    pub largest: Resources,
    /// 2^32 divided by the largest capacity; 0 in a lane that no node has. Room times weight is a share in fixed point:
    /// a whole largest node is about 2^32 in each lane.
    pub weight: [u64; LANES],
}

impl Scale {
    /// The share of the largest node that `room` is, summed over lanes, in fixed point: at most 8 x 2^32.
    #[must_use]
    #[inline]
    pub fn share(&self, room: &Resources) -> u64 {
        let mut sum = 0_u64;
        for lane in 0..LANES {
            sum = sum.wrapping_add(u64::from(room.0[lane]).wrapping_mul(self.weight[lane]));
        }
        sum
    }

    fn widen(&mut self, capacity: &Resources) -> bool {
        let mut grown = false;
        for lane in 0..LANES {
            if capacity[lane] > self.largest[lane] {
                self.largest[lane] = capacity[lane];
                self.weight[lane] = ((1_u64 << 32) / u64::from(capacity[lane])).max(1);
                grown = true;
            }
        }
        grown
    }
}

/// The scheduler's own books.
#[derive(Clone, Default)]
pub struct Ledger {
    free: Vec<Resources>,
    capacity: Vec<Resources>,
    open: Vec<bool>,
    tasks: Vec<u32>,
    devices: DeviceTable,
    attributes: AttributeTable,
    domains: BTreeMap<String, Vec<Option<String>>>,
    shapes: ShapeTable,
    changes: ChangeLog,
    scale: Scale,
    free_total: Totals,
    capacity_total: Totals,
    epoch: u64,
}

impl Ledger {
    /// How many nodes were ever known; node ids are below it.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.free.len()
    }

    /// A node as policies see it.
    #[must_use]
    #[inline]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        let at = id.index();
        Node {
            id,
            free: &self.free[at],
            capacity: &self.capacity[at],
            gpus: self.devices.of(at),
            tasks: self.tasks[at],
            scale: &self.scale,
        }
    }

    /// What makes lanes comparable.
    #[must_use]
    pub fn scale(&self) -> &Scale {
        &self.scale
    }

    /// Free room of all open nodes together.
    #[must_use]
    pub fn free_total(&self) -> &Totals {
        &self.free_total
    }

    /// Capacity of all open nodes together.
    #[must_use]
    pub fn capacity_total(&self) -> &Totals {
        &self.capacity_total
    }

    /// The log that indexes catch up from.
    #[must_use]
    pub fn changes(&self) -> &ChangeLog {
        &self.changes
    }

    /// Raised whenever nodes join or the scale changes: indexes must begin anew.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The shapes of the tasks that are waiting or running.
    #[must_use]
    pub fn shapes(&self) -> &ShapeTable {
        &self.shapes
    }

    /// The domain of `kind` that a node is in.
    #[must_use]
    pub fn domain(&self, kind: &str, node: NodeId) -> Option<&str> {
        self.domains.get(kind)?.get(node.index())?.as_deref()
    }

    /// The shape of a job's tasks, counted as used once more.
    pub fn shape_of(&mut self, spec: &JobSpec) -> ShapeId {
        let constraints = spec.constraints.as_ref().map(|set| self.attributes.intern(set, self.free.len()));
        self.shapes.intern(Shape { request: spec.request, gpu: spec.gpu, constraints })
    }

    /// The shape that has to meet one more condition, counted as used once more.
    pub fn narrowed(&mut self, shape: ShapeId, further: Constraint) -> ShapeId {
        let base = *self.shapes.shape(shape);
        let own = base.constraints.map(|set| self.attributes.constraints(set).to_vec());
        let all: Vec<Constraint> = own.into_iter().flatten().chain([further]).collect();
        let constraints = Some(self.attributes.intern(&all.into(), self.free.len()));
        self.shapes.intern(Shape { constraints, ..base })
    }

    /// Counts a shape as used once less.
    pub fn forget_shape(&mut self, shape: ShapeId) {
        self.shapes.forget(shape);
    }

    /// A node joins, or returns empty.
    pub fn add_node(&mut self, spec: &NodeSpec) {
        let at = spec.node.index();
        let is_new = at >= self.free.len();
        if is_new {
            self.free.resize(at + 1, Resources::ZERO);
            self.capacity.resize(at + 1, Resources::ZERO);
            self.open.resize(at + 1, false);
            self.tasks.resize(at + 1, 0);
        }
        if self.open[at] {
            self.free_total.sub(&self.free[at], 1);
            self.capacity_total.sub(&self.capacity[at], 1);
        }
        self.free[at] = spec.capacity;
        self.capacity[at] = spec.capacity;
        self.tasks[at] = 0;
        self.open[at] = true;
        self.free_total.add(&spec.capacity, 1);
        self.capacity_total.add(&spec.capacity, 1);
        self.devices.set(at, spec.gpus);
        self.attributes.set(at, &spec.attributes);
        for column in self.domains.values_mut() {
            if let Some(domain) = column.get_mut(at) {
                *domain = None;
            }
        }
        for (kind, domain) in &spec.domains {
            let column = self.domains.entry(kind.clone()).or_default();
            column.resize((at + 1).max(column.len()), None);
            column[at] = Some(domain.clone());
        }
        if self.scale.widen(&spec.capacity) || is_new {
            self.epoch += 1;
        }
        self.changes.push(spec.node);
    }

    /// A node is gone. What ran there is given back task by task, as for any other end.
    pub fn lose_node(&mut self, node: NodeId) {
        let at = node.index();
        if at < self.open.len() && self.open[at] {
            self.open[at] = false;
            self.free_total.sub(&self.free[at], 1);
            self.capacity_total.sub(&self.capacity[at], 1);
            self.changes.push(node);
        }
    }

    /// True if the node may take new work.
    #[must_use]
    pub fn is_open(&self, node: NodeId) -> bool {
        self.open.get(node.index()).copied().unwrap_or(false)
    }

    /// True if one task of this shape can start on the node now.
    #[must_use]
    #[inline]
    pub fn fits(&self, shape: &Shape, node: NodeId) -> bool {
        let at = node.index();
        shape.request.fits_in(&self.free[at])
            && self.open[at]
            && shape.constraints.is_none_or(|set| self.attributes.allows(set, at))
            && (shape.gpu.count == 0 || self.devices.fits(at, shape.gpu))
    }

    /// True if the node's attributes meet the shape's constraints, whatever room is left.
    #[must_use]
    pub fn allows(&self, shape: &Shape, node: NodeId) -> bool {
        shape.constraints.is_none_or(|set| self.attributes.allows(set, node.index()))
    }

    /// Why one task of this shape cannot start on the node now; None if it can.
    #[must_use]
    pub fn veto(&self, shape: &Shape, node: NodeId) -> Option<Veto> {
        let at = node.index();
        if !self.is_open(node) {
            return Some(Veto::Down);
        }
        if !self.allows(shape, node) {
            return Some(Veto::Constraint);
        }
        if let Some(lane) = (0..LANES).find(|&lane| shape.request[lane] > self.free[at][lane]) {
            return Some(Veto::of_lane(lane));
        }
        (shape.gpu.count > 0 && !self.devices.fits(at, shape.gpu)).then_some(Veto::Gpu)
    }

    /// What every node answers to one task of this shape. Looks at all of them: for explanations, not for decisions.
    #[must_use]
    pub fn vetoes(&self, shape: &Shape) -> VetoCounts {
        let mut counts = VetoCounts::default();
        for at in 0..self.free.len() {
            if let Some(veto) = self.veto(shape, NodeId(at as u32)) {
                counts.count(veto);
            }
        }
        counts
    }

    /// The devices that a task of this shape gets on the node: of those that can take a part of one, the fullest; whole
    /// ones by lowest index.
    #[must_use]
    pub fn choose_devices(&self, shape: &Shape, node: NodeId) -> GpuSet {
        self.devices.choose(node.index(), shape.gpu)
    }

    /// Takes room for `count` tasks. False, and nothing changed, if it is not there.
    #[must_use]
    pub fn take(&mut self, shape: &Shape, node: NodeId, count: u32, gpus: GpuSet) -> bool {
        let at = node.index();
        let Some(request) = (if count == 1 { Some(shape.request) } else { shape.request.checked_mul(count) }) else {
            return false;
        };
        let Some(rest) = self.free.get(at).and_then(|free| free.checked_sub(&request)) else { return false };
        if gpus != GpuSet::NONE && !self.devices.take(at, shape.gpu, gpus) {
            return false;
        }
        self.free[at] = rest;
        self.tasks[at] += count;
        if self.open[at] {
            self.free_total.sub(&request, 1);
        }
        self.changes.push(node);
        true
    }

    /// Gives back what [`Ledger::take`] took.
    pub fn release(&mut self, shape: &Shape, node: NodeId, count: u32, gpus: GpuSet) {
        let at = node.index();
        // Both come from an earlier `take`, so they cannot overflow; a log that lies is stopped at the node's capacity.
        let Some(request) = (if count == 1 { Some(shape.request) } else { shape.request.checked_mul(count) }) else {
            return;
        };
        let Some(sum) = self.free[at].checked_add(&request) else { return };
        if !sum.fits_in(&self.capacity[at]) {
            return;
        }
        self.free[at] = sum;
        self.tasks[at] = self.tasks[at].saturating_sub(count);
        if self.open[at] {
            self.free_total.add(&request, 1);
        }
        if gpus != GpuSet::NONE {
            self.devices.release(at, shape.gpu, gpus);
        }
        self.changes.push(node);
    }

    /// True if the fleet as a whole has room for `count` tasks of this shape, wherever it is.
    #[must_use]
    pub fn has_room_in_all(&self, shape: &Shape, count: u64) -> bool {
        (0..LANES).all(|lane| u64::from(shape.request[lane]).saturating_mul(count) <= self.free_total.0[lane])
    }

    /// True if some open node has room for the shape but not the attributes that it demands. Looks at nodes one by one.
    #[must_use]
    pub fn fits_without_constraints(&self, shape: &Shape) -> bool {
        let bare = Shape { constraints: None, ..*shape };
        (0..self.free.len()).any(|at| self.fits(&bare, NodeId(at as u32)))
    }
}
