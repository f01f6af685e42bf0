//! Hole filling: how many more units of a size fit into what the placement leaves.

use windtunnel_scheduler::event::JobSpec;
use windtunnel_scheduler::id::NodeId;
use windtunnel_scheduler::ledger::Ledger;

/// How many tasks like `unit` could start beside what runs, node by node: the hole filling of Verma, Korupolu and
/// Wilkes, "Evaluating job packing in warehouse-scale computing", CLUSTER 2014. Nothing that runs is moved.
#[must_use]
pub fn fill(ledger: &mut Ledger, unit: &JobSpec) -> u64 {
    let id = ledger.shape_of(unit);
    let shape = *ledger.shapes().shape(id);
    let mut units = 0;
    for node in (0..ledger.node_count() as u32).map(NodeId) {
        if !ledger.fits(&shape, node) {
            continue;
        }
        let view = ledger.node(node);
        let rows = shape.request.times_in(view.free);
        let devices = match (shape.gpu.count, shape.gpu.milli) {
            (0, _) | (_, 0) => u32::MAX,
            (1, milli) => view.gpus.iter().map(|&left| u32::from(left / milli)).sum(),
            (count, milli) => {
                let able = view.gpus.iter().filter(|&&left| left >= milli).count() as u32;
                able / u32::from(count)
            }
        };
        // What asks for nothing fits without end; it fills no hole.
        let fit = rows.min(devices);
        units += if fit == u32::MAX { 0 } else { u64::from(fit) };
    }
    ledger.forget_shape(id);
    units
}
