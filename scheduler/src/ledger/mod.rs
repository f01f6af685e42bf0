//! What the scheduler believes: nodes and their room, shapes of tasks, attributes and devices.
//!
//! The ledger is the only writer of free room. Everything that speeds up a search (see [`crate::index`]) catches up
//! from its log of changed nodes and can be thrown away at any time.

mod attribute;
mod change;
mod device;
mod shape;
mod spread;
mod tag;
mod withheld;

pub use attribute::{AttributeTable, ConstraintId};
pub use change::ChangeLog;
pub use device::{DEVICES_MOST, DeviceTable};
pub use shape::{Shape, ShapeId, ShapeTable};
pub use spread::{Axis, LayoutId, SpreadTable};
pub use tag::TagTable;
pub use withheld::Withheld;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::constraint::{Constraint, HOSTNAME};
use crate::event::{GpuRequest, GpuSet, JobKind, JobSpec, NodeSpec};
use crate::hint::{rare, rarely};
use crate::id::{JobId, NodeId};
use crate::layout::{Law, Rule};
use crate::resources::{GPU, LANES, Resources, Totals};
use crate::time::Time;
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
    /// Which kinds of gpu tasks it holds, see [`crate::event::GpuRequest::tag`]: bit i is kind i.
    pub gpu_tags: u64,
    /// The latest end that was believed of a task that started there since it was last empty; `Time::ZERO` if it is
    /// empty, `Time::NEVER` if nobody said of one of them.
    pub latest_end: Time,
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

    /// How many lanes any node has.
    #[must_use]
    pub fn lanes(&self) -> u32 {
        self.weight.iter().map(|&weight| u32::from(weight > 0)).sum()
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

/// Who is on a node: what every start and every end changes, in one place.
#[derive(Clone, Copy, Default)]
struct Tenure {
    latest_end: Time,
    tasks: u32,
}

/// The scheduler's own books.
#[derive(Clone, Default)]
pub struct Ledger {
    free: Vec<Resources>,
    capacity: Vec<Resources>,
    open: Vec<bool>,
    tenures: Vec<Tenure>,
    gpu_tags: TagTable,
    devices: DeviceTable,
    attributes: AttributeTable,
    shapes: ShapeTable,
    layouts: SpreadTable,
    /// The shape of each daemon and of each service with rules about all of its tasks: some may come later.
    together: BTreeMap<JobId, ShapeId>,
    changes: ChangeLog,
    scale: Scale,
    free_total: Totals,
    capacity_total: Totals,
    epoch: u64,
    /// Room is only lent, by offers: a node joins without any, and what ends gives none back.
    lent: bool,
    /// Raised whenever a node comes or goes.
    topology: u64,
    /// The topology that layouts were last told of.
    settled: u64,
}

impl Ledger {
    /// Books over room that is only lent, by offers: see [`Ledger::grant`].
    #[must_use]
    pub fn of_lent_room() -> Self {
        Self { lent: true, ..Self::default() }
    }

    /// So much of a node, and these devices as a whole, are offered.
    pub fn grant(&mut self, node: NodeId, room: &Resources, gpus: GpuSet) {
        let at = node.index();
        let Some(sum) = self.free.get(at).and_then(|free| free.checked_add(room)) else { return };
        self.free[at] = sum;
        if self.open[at] {
            self.free_total.add(room, 1);
        }
        self.devices.lend(at, gpus, true);
        self.changes.push(node);
    }

    /// So much of a node, and these devices, are offered no longer.
    pub fn withdraw(&mut self, node: NodeId, room: &Resources, gpus: GpuSet) {
        let at = node.index();
        let Some(rest) = self.free.get(at).and_then(|free| free.checked_sub(room)) else { return };
        self.free[at] = rest;
        if self.open[at] {
            self.free_total.sub(room, 1);
        }
        self.devices.lend(at, gpus, false);
        self.changes.push(node);
    }

    /// How many nodes were ever known; node ids are below it.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.free.len()
    }

    /// True if a task is believed to hold room on the node.
    #[must_use]
    pub fn holds(&self, node: NodeId) -> bool {
        self.tenures.get(node.index()).is_some_and(|tenure| tenure.tasks > 0)
    }

    /// True for books over room that is only lent.
    #[must_use]
    pub fn is_lent(&self) -> bool {
        self.lent
    }

    /// A node as policies see it.
    #[must_use]
    #[inline(always)] // What a policy does not look at is then not fetched.
    pub fn node(&self, id: NodeId) -> Node<'_> {
        let at = id.index();
        Node {
            id,
            free: &self.free[at],
            capacity: &self.capacity[at],
            gpus: self.devices.of(at),
            tasks: self.tenures[at].tasks,
            gpu_tags: self.gpu_tags.of(at),
            latest_end: self.tenures[at].latest_end,
            scale: &self.scale,
        }
    }

    /// Looks at what is known of the node, so that it is in the cache: see [`crate::Scheduler::foresee`].
    #[must_use]
    pub(crate) fn fetch(&self, id: NodeId) -> u64 {
        let at = id.index();
        u64::from(self.tenures[at].tasks ^ u32::from(self.open[at]) ^ self.free[at][0] ^ self.capacity[at][0])
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

    /// Raised whenever nodes join, their attributes change or the scale does: indexes must begin anew.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The shapes of the tasks that are waiting or running.
    #[must_use]
    pub fn shapes(&self) -> &ShapeTable {
        &self.shapes
    }

    /// The domain of `kind` that a node is in, or its attribute of this name.
    #[must_use]
    pub fn domain(&self, kind: &str, node: NodeId) -> Option<&str> {
        self.attributes.text(kind, node.index())
    }

    /// The attributes of nodes and the constraints on them.
    #[must_use]
    pub fn attributes(&self) -> &AttributeTable {
        &self.attributes
    }

    /// Where the tasks of jobs with layouts are.
    #[must_use]
    pub fn layouts(&self) -> &SpreadTable {
        &self.layouts
    }

    /// The same, to restrict which nodes count for a while.
    pub fn layouts_mut(&mut self) -> &mut SpreadTable {
        &mut self.layouts
    }

    /// True if the node's attributes meet all of these conditions, which need not be those of a shape. Compares texts:
    /// to be asked once per epoch, not per decision.
    #[must_use]
    pub fn meets(&self, constraints: &[Constraint], node: NodeId) -> bool {
        self.attributes.meets(constraints, node.index())
    }

    /// The shape of a job's tasks, counted as used once more.
    pub fn shape_of(&mut self, spec: &JobSpec) -> ShapeId {
        if spec.kind.is_kept_running()
            && let Some(&shape) = self.together.get(&spec.job)
            && self.is_alike(shape, spec)
        {
            self.shapes.retain(shape);
            return shape;
        }
        let constraints = spec.constraints.as_ref().map(|set| self.attributes.intern(set, self.free.len()));
        if spec.layout.is_none() && spec.kind != JobKind::Daemon {
            return self.enter(Shape { request: spec.request, gpu: spec.gpu, constraints, layout: None });
        }
        self.laid_out(spec, constraints)
    }

    /// Whether further tasks of a job are to lie together with those of this shape. They are as many more then.
    #[cold]
    fn is_alike(&mut self, shape: ShapeId, spec: &JobSpec) -> bool {
        let Shape { request, gpu, constraints, layout } = *self.shapes.shape(shape);
        let Some(layout) = layout else { return false };
        if spec.kind == JobKind::Daemon {
            return true;
        }
        let own = constraints.map_or(&[] as &[Constraint], |set| self.attributes.constraints(set));
        let is_alike = (request, gpu) == (spec.request, spec.gpu)
            && own == spec.constraints.as_deref().unwrap_or_default()
            && spec.layout.as_deref() == self.layouts.layout(layout);
        if is_alike {
            let planned = self.layouts.planned(layout).saturating_add(spec.count);
            self.layouts.set_planned(layout, planned);
        }
        is_alike
    }

    /// The id of a shape, counted as used once more. A shape holds its layout and its plain shape while it is in use,
    /// and a plain one its set of constraints.
    fn enter(&mut self, shape: Shape) -> ShapeId {
        let (id, is_first) = self.shapes.intern(shape);
        if !is_first {
            return id;
        }
        if let Some(layout) = shape.layout {
            self.layouts.retain(layout);
            let plain = self.enter(shape.plain());
            self.shapes.set_plain(id, plain);
        } else if let Some(set) = shape.constraints {
            self.attributes.retain(set);
        }
        id
    }

    /// The shape of tasks that have a layout.
    #[cold]
    fn laid_out(&mut self, spec: &JobSpec, constraints: Option<ConstraintId>) -> ShapeId {
        // Counted here, so that interning the constraints of preferences cannot push it out.
        if let Some(set) = constraints {
            self.attributes.retain(set);
        }
        let mut layout = spec.layout.clone().unwrap_or_default();
        if spec.kind == JobKind::Daemon {
            Arc::make_mut(&mut layout).rules.push(Rule { attribute: HOSTNAME.into(), law: Law::Unique });
        }
        let node_count = self.free.len();
        let layout = self.layouts.intern(&layout, spec.count, constraints, &mut self.attributes, node_count);
        let (request, gpu) = (spec.request, spec.gpu);
        let id = self.enter(Shape { request, gpu, constraints, layout: Some(layout) });
        if let Some(set) = constraints {
            self.attributes.forget(set);
        }
        if spec.kind.is_kept_running() && self.layouts.is_dynamic(layout) {
            self.together.insert(spec.job, id);
        }
        if self.layouts.has_skewed() {
            self.tell_layouts();
        }
        id
    }

    /// The shape that has to meet one more condition, counted as used once more.
    pub fn narrowed(&mut self, shape: ShapeId, further: Constraint) -> ShapeId {
        let base = *self.shapes.shape(shape);
        let own = base.constraints.map(|set| self.attributes.constraints(set).to_vec());
        let all: Vec<Constraint> = own.into_iter().flatten().chain([further]).collect();
        let set = self.attributes.intern(&all.into(), self.free.len());
        self.enter(Shape { constraints: Some(set), ..base })
    }

    /// Counts a shape as used once less.
    pub fn forget_shape(&mut self, id: ShapeId) {
        let (shape, plain) = (*self.shapes.shape(id), self.shapes.plain(id));
        if !self.shapes.forget(id) {
            return;
        }
        if let Some(layout) = shape.layout {
            self.layouts.forget(layout, &mut self.attributes);
            self.together.retain(|_, known| *known != id);
            self.forget_shape(plain);
        } else if let Some(set) = shape.constraints {
            self.attributes.forget(set);
        }
    }

    /// Tells layouts which nodes there are, if that changed; to be called before nodes are searched.
    #[inline]
    pub fn settle(&mut self) {
        if self.settled != self.topology {
            self.settled = self.topology;
            if self.layouts.has_skewed() {
                self.tell_layouts();
            }
        }
    }

    #[cold]
    fn tell_layouts(&mut self) {
        let Self { layouts, attributes, open, .. } = self;
        let mut known: BTreeMap<(Axis, Option<ConstraintId>), u32> = BTreeMap::new();
        layouts.settle(|axis, set| {
            *known.entry((axis, set)).or_insert_with(|| {
                let up = (0..open.len()).filter(|&node| open[node]);
                let able = up.filter(|&node| set.is_none_or(|set| attributes.allows(set, node)));
                let mut values: Vec<u32> = able.map(|node| axis.value(attributes, node)).collect();
                values.sort_unstable();
                values.dedup();
                values.len() as u32 - u32::from(values.first() == Some(&0))
            })
        });
    }

    /// A node joins, or returns empty.
    pub fn add_node(&mut self, spec: &NodeSpec) {
        let at = spec.node.index();
        let is_new = at >= self.free.len();
        if is_new {
            self.free.resize(at + 1, Resources::ZERO);
            self.capacity.resize(at + 1, Resources::ZERO);
            self.open.resize(at + 1, false);
            self.tenures.resize(at + 1, Tenure::default());
        }
        if self.open[at] {
            self.free_total.sub(&self.free[at], 1);
            self.capacity_total.sub(&self.capacity[at], 1);
        }
        self.free[at] = spec.capacity;
        self.capacity[at] = spec.capacity;
        self.tenures[at] = Tenure::default();
        self.gpu_tags.clear(at);
        self.open[at] = true;
        self.free_total.add(&spec.capacity, 1);
        self.capacity_total.add(&spec.capacity, 1);
        self.devices.set(at, spec.gpus);
        if self.lent {
            self.free[at] = Resources::ZERO;
            self.free_total.sub(&spec.capacity, 1);
            self.devices.lend(at, GpuSet(u64::MAX), false);
        }
        let is_changed = self.attributes.set(at, spec.attributes.iter().chain(&spec.domains));
        self.topology += 1;
        if self.scale.widen(&spec.capacity) || is_new || is_changed {
            self.epoch += 1;
        }
        self.changes.push(spec.node);
    }

    /// A node is gone. What ran there is given back task by task, as for any other end.
    pub fn lose_node(&mut self, node: NodeId) {
        let at = node.index();
        if at < self.open.len() && self.open[at] {
            self.open[at] = false;
            self.topology += 1;
            self.free_total.sub(&self.free[at], 1);
            self.capacity_total.sub(&self.capacity[at], 1);
            self.changes.push(node);
        }
    }

    /// A node takes no new work for a while; what runs there goes on.
    pub fn close_node(&mut self, node: NodeId) {
        // Room that comes free meanwhile is not counted, as on a lost node; the node keeps its books.
        self.lose_node(node);
    }

    /// A node that was closed takes new work again; false if it is not known or not closed.
    pub fn open_node(&mut self, node: NodeId) -> bool {
        let at = node.index();
        let closed = self.open.get(at).is_some_and(|open| !open);
        if closed {
            self.open[at] = true;
            self.topology += 1;
            self.free_total.add(&self.free[at], 1);
            self.capacity_total.add(&self.capacity[at], 1);
            self.changes.push(node);
        }
        closed
    }

    /// Devices of a node are gone: what is free of them cannot be handed out, and what tasks hold of them is not given
    /// back when they end.
    pub fn lose_devices(&mut self, node: NodeId, gpus: GpuSet) {
        let at = node.index();
        if at >= self.free.len() {
            return;
        }
        let (count, free) = self.devices.lose(at, gpus);
        self.change_gpu_room(at, |room, capacity| {
            *room = room.saturating_sub(free);
            *capacity = capacity.saturating_sub(count * 1000);
        });
        self.changes.push(node);
    }

    /// Devices of a node are back. Of what is believed to be on them the ends are still to be heard of.
    pub fn return_devices(&mut self, node: NodeId, gpus: GpuSet) {
        let at = node.index();
        if at >= self.free.len() {
            return;
        }
        let (count, free) = self.devices.restore(at, gpus);
        self.change_gpu_room(at, |room, capacity| {
            *room += free;
            *capacity += count * 1000;
        });
        self.changes.push(node);
    }

    fn change_gpu_room(&mut self, at: usize, change: impl Fn(&mut u32, &mut u32)) {
        if self.open[at] {
            self.free_total.sub(&self.free[at], 1);
            self.capacity_total.sub(&self.capacity[at], 1);
        }
        change(&mut self.free[at][GPU], &mut self.capacity[at][GPU]);
        if self.open[at] {
            self.free_total.add(&self.free[at], 1);
            self.capacity_total.add(&self.capacity[at], 1);
        }
    }

    /// True if the node may take new work.
    #[must_use]
    pub fn is_open(&self, node: NodeId) -> bool {
        self.open.get(node.index()).copied().unwrap_or(false)
    }

    /// True if one task of this shape can start on the node now.
    #[must_use]
    #[inline(always)]
    pub fn fits(&self, shape: &Shape, node: NodeId) -> bool {
        let at = node.index();
        shape.request.fits_in(&self.free[at])
            && self.open[at]
            && shape.constraints.is_none_or(|set| self.attributes.allows(set, at))
            && (shape.gpu.count == 0 || self.devices.fits(at, shape.gpu))
            && shape.layout.is_none_or(|layout| self.layouts.admits(layout, &self.attributes, at))
    }

    /// True if the places of the job's other tasks let the node take one more.
    #[must_use]
    pub fn admits(&self, shape: &Shape, node: NodeId) -> bool {
        shape.layout.is_none_or(|layout| self.layouts.admits(layout, &self.attributes, node.index()))
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
        if !self.admits(shape, node) {
            return Some(Veto::Spread);
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
        self.book(shape, node, count, gpus, DeviceTable::take)
    }

    /// Undoes a [`Ledger::release`]: unlike [`Ledger::take`] it takes back the part of devices that are gone too.
    /// False, and nothing changed, if not all of it is there any more.
    #[must_use]
    pub fn take_back(&mut self, shape: &Shape, node: NodeId, count: u32, gpus: GpuSet) -> bool {
        // Lent room comes back as it was lent, whatever has become of its devices.
        let take_devices = if self.lent { DeviceTable::take } else { DeviceTable::take_back };
        self.book(shape, node, count, gpus, take_devices)
    }

    /// The same where nobody took anything since. A device that was lent again before its loss was heard of is believed
    /// to be held twice, and both get it back.
    #[must_use]
    pub fn reinstate(&mut self, shape: &Shape, node: NodeId, count: u32, gpus: GpuSet) -> bool {
        if !self.lent {
            return self.take_back(shape, node, count, gpus);
        }
        let take_devices = |table: &mut DeviceTable, at, _, set| {
            table.lend(at, set, false);
            true
        };
        self.book(shape, node, count, gpus, take_devices)
    }

    fn book(
        &mut self,
        shape: &Shape,
        node: NodeId,
        count: u32,
        gpus: GpuSet,
        take_devices: impl FnOnce(&mut DeviceTable, usize, GpuRequest, GpuSet) -> bool,
    ) -> bool {
        let at = node.index();
        let Some(request) = (if count == 1 { Some(shape.request) } else { shape.request.checked_mul(count) }) else {
            return false;
        };
        let whole = !rarely(gpus != GpuSet::NONE) || self.lent;
        let request = if whole { request } else { self.still_there(at, shape, request, gpus) };
        let Some(rest) = self.free.get(at).and_then(|free| free.checked_sub(&request)) else { return false };
        if rarely(gpus != GpuSet::NONE) && !take_devices(&mut self.devices, at, shape.gpu, gpus) {
            return false;
        }
        self.free[at] = rest;
        self.tenures[at].tasks += count;
        self.gpu_tags.add(at, shape.gpu, count);
        if self.open[at] {
            self.free_total.sub(&request, 1);
        }
        if let Some(layout) = rare(shape.layout) {
            self.layouts.join(layout, &self.attributes, at, count);
        }
        self.changes.push(node);
        true
    }

    /// A task that was put on the node is believed to end at `end`, `Time::NEVER` if nobody said.
    #[inline]
    pub fn expect_end(&mut self, node: NodeId, end: Time) {
        if let Some(tenure) = self.tenures.get_mut(node.index()) {
            tenure.latest_end = end.max(tenure.latest_end);
        }
    }

    /// Gives back what [`Ledger::take`] took.
    pub fn release(&mut self, shape: &Shape, node: NodeId, count: u32, gpus: GpuSet) {
        let at = node.index();
        // Both come from an earlier `take`, so they cannot overflow; a log that lies is stopped at the node's capacity.
        let Some(request) = (if count == 1 { Some(shape.request) } else { shape.request.checked_mul(count) }) else {
            return;
        };
        let whole = !rarely(gpus != GpuSet::NONE) || self.lent;
        let request = if whole { request } else { self.still_there(at, shape, request, gpus) };
        if !rarely(self.lent) {
            let Some(sum) = self.free[at].checked_add(&request) else { return };
            if !sum.fits_in(&self.capacity[at]) {
                return;
            }
            self.free[at] = sum;
        }
        let tenure = &mut self.tenures[at];
        tenure.tasks = tenure.tasks.saturating_sub(count);
        self.gpu_tags.remove(at, shape.gpu, count);
        if tenure.tasks == 0 {
            tenure.latest_end = Time::ZERO;
        }
        if self.open[at] && !self.lent {
            self.free_total.add(&request, 1);
        }
        if rarely(gpus != GpuSet::NONE) && !self.lent {
            self.devices.release(at, shape.gpu, gpus);
        }
        if let Some(layout) = rare(shape.layout) {
            self.layouts.leave(layout, &self.attributes, at, count);
        }
        self.changes.push(node);
    }

    /// Undoes a [`Ledger::take`] of which nobody has heard. Unlike what ends, it gives lent room back too.
    pub fn put_back(&mut self, shape: &Shape, node: NodeId, count: u32, gpus: GpuSet) {
        self.release(shape, node, count, gpus);
        if self.lent
            && let Some(room) = shape.request.checked_mul(count)
        {
            self.grant(node, &room, gpus);
        }
    }

    /// Takes what is still free of the room that `count` tasks of this shape gave up but have not left yet: nobody else
    /// may have it before they do.
    #[must_use]
    pub fn withhold(&mut self, shape: &Shape, node: NodeId, count: u32, gpus: GpuSet) -> Withheld {
        let at = node.index();
        let devices = self.devices.take_some(at, shape.gpu.milli, gpus);
        let mut lanes = Resources::ZERO;
        for lane in 0..LANES {
            lanes[lane] = shape.request[lane].saturating_mul(count).min(self.free[at][lane]);
        }
        if shape.gpu.count > 0 {
            lanes[GPU] = devices.iter().map(|&(_, milli)| u32::from(milli)).sum::<u32>().min(self.free[at][GPU]);
        }
        self.shift(node, &lanes, false);
        Withheld { node, lanes, devices }
    }

    /// The same of every part of a task: node, how many there, which devices.
    #[must_use]
    pub fn withhold_all(&mut self, shape: &Shape, parts: impl Iterator<Item = (NodeId, u32, GpuSet)>) -> Vec<Withheld> {
        parts.map(|(node, count, gpus)| self.withhold(shape, node, count, gpus)).collect()
    }

    /// Gives back what was withheld.
    pub fn give(&mut self, withheld: &Withheld) {
        let node = withheld.node;
        // Of a device that is gone meanwhile nothing is given back, as when a task on it ends.
        let is_gone = |device: u8| self.devices.gone(node.index(), GpuSet(1 << device)) > 0;
        let gone: u32 = withheld.devices.iter().filter(|one| is_gone(one.0)).map(|one| u32::from(one.1)).sum();
        let mut lanes = withheld.lanes;
        lanes[GPU] = lanes[GPU].saturating_sub(gone);
        let fits = self.free[node.index()].checked_add(&lanes);
        if fits.is_none_or(|sum| !sum.fits_in(&self.capacity[node.index()])) {
            // The node came back empty meanwhile.
            return;
        }
        for &(device, milli) in &withheld.devices {
            self.devices.release(node.index(), GpuRequest { count: 1, milli }, GpuSet(1 << device));
        }
        self.shift(node, &lanes, true);
    }

    fn shift(&mut self, node: NodeId, lanes: &Resources, more: bool) {
        let at = node.index();
        let sum = if more { self.free[at].checked_add(lanes) } else { self.free[at].checked_sub(lanes) };
        let Some(sum) = sum else { return };
        self.free[at] = sum;
        if self.open[at] {
            if more { self.free_total.add(lanes, 1) } else { self.free_total.sub(lanes, 1) }
        }
        self.changes.push(node);
    }

    /// What is given back of a request if some of its devices are gone meanwhile.
    fn still_there(&self, at: usize, shape: &Shape, request: Resources, gpus: GpuSet) -> Resources {
        let gone = self.devices.gone(at, gpus);
        let mut request = request;
        request[GPU] = request[GPU].saturating_sub(gone * u32::from(shape.gpu.milli));
        request
    }

    /// True if the fleet as a whole has room for `count` tasks of this shape, wherever it is.
    #[must_use]
    pub fn has_room_in_all(&self, shape: &Shape, count: u64) -> bool {
        (0..LANES).all(|lane| u64::from(shape.request[lane]).saturating_mul(count) <= self.free_total.0[lane])
    }

    /// True if some open node has room for the shape but not the attributes that it demands. Looks at nodes one by one.
    #[must_use]
    pub fn fits_without_constraints(&self, shape: &Shape) -> bool {
        let bare = Shape { constraints: None, layout: None, ..*shape };
        (0..self.free.len()).any(|at| self.fits(&bare, NodeId(at as u32)))
    }
}
