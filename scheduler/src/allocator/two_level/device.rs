//! Devices of an agent that break, and come back.

use alloc::vec::Vec;

use super::TwoLevel;
use crate::Decision;
use crate::event::GpuSet;
use crate::id::NodeId;
use crate::resources::{GPU, Resources};

impl TwoLevel {
    /// Devices of an agent are gone: offers of it are taken back if one of them is in an offer, and what tasks hold of
    /// them is not given back when they end.
    pub fn lose_devices(&mut self, node: NodeId, gpus: GpuSet, out: &mut Vec<Decision>) {
        let Some(agent) = self.agents.get(node.index()).filter(|agent| agent.known) else { return };
        if gpus.0 & !agent.broken.0 & !agent.devices.0 != 0 {
            self.rescind_on(node.0, out);
        }
        let agent = &mut self.agents[node.index()];
        let lost = GpuSet(gpus.0 & !agent.broken.0);
        let free = GpuSet(lost.0 & agent.devices.0);
        agent.broken.0 |= lost.0;
        agent.devices.0 &= !free.0;
        let (whole, unused) = (row(lost), row(free));
        agent.total[GPU] = agent.total[GPU].saturating_sub(whole[GPU]);
        agent.free[GPU] = agent.free[GPU].saturating_sub(unused[GPU]);
        self.idle.sub(&unused, 1);
        self.total.sub(&whole, 1);
        self.stale_total = true;
    }

    /// Devices of an agent are back. What is believed to be on them is still to end.
    pub fn return_devices(&mut self, node: NodeId, gpus: GpuSet) {
        let Some(agent) = self.agents.get(node.index()).filter(|agent| agent.known) else { return };
        let back = GpuSet(gpus.0 & agent.broken.0);
        let life = agent.life;
        let held = self.holds_in_order().filter(|hold| hold.agent == node.0 && hold.life == life);
        let held = held.fold(0, |held, hold| held | hold.grant.gpus.0);
        let agent = &mut self.agents[node.index()];
        let free = GpuSet(back.0 & !held);
        agent.broken.0 &= !back.0;
        agent.devices.0 |= free.0;
        let (whole, unused) = (row(back), row(free));
        agent.total[GPU] += whole[GPU];
        agent.free[GPU] += unused[GPU];
        self.idle.add(&unused, 1);
        self.total.add(&whole, 1);
        self.stale_total = true;
        self.candidates.some.push(node.0);
    }
}

/// What these devices are in lanes.
fn row(gpus: GpuSet) -> Resources {
    let mut row = Resources::ZERO;
    row[GPU] = gpus.len() * 1000;
    row
}
