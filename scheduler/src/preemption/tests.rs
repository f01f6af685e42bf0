//! The search for victims against all selections there are.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::choose::{Need, lost, victims};
use super::{Rule, Tenant};
use crate::event::{GpuRequest, GpuSet};
use crate::id::{NodeId, TaskId};
use crate::ledger::{Node, Scale};
use crate::resources::{GPU, Resources};
use crate::time::Time;

const NOW: Time = Time(100);

/// A node with little room, and who is on it.
#[derive(Debug)]
struct House {
    free: Resources,
    gpus: Vec<u16>,
    tenants: Vec<Tenant>,
    scale: Scale,
}

impl House {
    fn node(&self) -> Node<'_> {
        // Its capacity is of no interest to victims.
        let (free, capacity, gpus, scale) = (&self.free, &self.free, &self.gpus[..], &self.scale);
        Node { id: NodeId(0), free, capacity, gpus, gpu_tags: 0, tasks: 0, latest_end: Time::ZERO, scale }
    }

    /// Whether the need fits once those in the set have left.
    fn fits(&self, need: Need, gone: u32) -> bool {
        let gone = |at: usize| gone & (1 << at) != 0;
        let (mut free, mut gpus) = (self.free, self.gpus.clone());
        for (_, tenant) in self.tenants.iter().enumerate().filter(|&(at, _)| gone(at)) {
            for lane in 0..3 {
                free[lane] += tenant.room[lane];
            }
            free[GPU] += tenant.room[GPU];
            tenant.gpus.iter().for_each(|device| gpus[device] += tenant.milli);
        }
        let able = gpus.iter().filter(|&&free| free >= need.gpu.milli).count();
        need.request.fits_in(&free) && able >= usize::from(need.gpu.count)
    }

    fn of(&self, gone: u32) -> Vec<Tenant> {
        (0..self.tenants.len()).filter(|&at| gone & (1 << at) != 0).map(|at| self.tenants[at]).collect()
    }

    /// What decides between selections, in its order.
    fn harm(&self, gone: u32) -> (Vec<i32>, u128, Vec<TaskId>) {
        let victims = self.of(gone);
        let mut priorities: Vec<i32> = victims.iter().map(|one| one.priority).collect();
        priorities.sort_unstable_by(|a, b| b.cmp(a));
        let mut ids: Vec<TaskId> = victims.iter().map(|one| one.task).collect();
        ids.sort_unstable();
        (priorities, victims.iter().map(|one| lost(one, NOW)).sum(), ids)
    }
}

fn house() -> impl Strategy<Value = House> {
    let tenant = (0_i32..4, 0_u32..4, 0_u32..3, prop::option::weighted(0.3, (0_usize..3, 1_u16..11)), 0_u64..4);
    (0_u32..4, 0_u32..3, prop::collection::vec(tenant, 0..9)).prop_map(|(cpu, memory, all)| {
        let mut gpus = vec![1000_u16; 3];
        let mut tenants = Vec::new();
        for (at, (priority, cpu, memory, device, started)) in all.into_iter().enumerate() {
            let mut room = Resources::new(cpu, memory);
            let (set, milli) = match device {
                Some((device, tenths)) if gpus[device] >= tenths * 100 => {
                    gpus[device] -= tenths * 100;
                    room[GPU] = u32::from(tenths) * 100;
                    (GpuSet(1 << device), tenths * 100)
                }
                _ => (GpuSet::NONE, 0),
            };
            tenants.push(Tenant {
                task: TaskId(at as u64),
                slot: at as u32,
                priority,
                room,
                gpus: set,
                milli,
                started: Time(started),
                share: u64::from(cpu + memory),
                budgeted: false,
            });
        }
        let mut free = Resources::new(cpu, memory);
        free[GPU] = gpus.iter().map(|&milli| u32::from(milli)).sum();
        House { free, gpus, tenants, scale: Scale::default() }
    })
}

fn need() -> impl Strategy<Value = Need> {
    let gpu = prop_oneof![Just((0_u8, 0_u16)), Just((1, 500)), Just((1, 1000)), Just((2, 1000))];
    (0_u32..9, 0_u32..6, gpu).prop_map(|(cpu, memory, (count, milli))| {
        let mut request = Resources::new(cpu, memory);
        request[GPU] = u32::from(count) * u32::from(milli);
        Need { request, gpu: GpuRequest { count, milli } }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_least_harm_is_that_of_all_selections(house in house(), need in need()) {
        let all = 1_u32 << house.tenants.len();
        let best = (1..all).filter(|&gone| house.fits(need, gone)).map(|gone| house.harm(gone)).min();
        let expected = best.filter(|_| !house.fits(need, 0)).map(|(_, _, ids)| ids);
        let found = victims(Rule::Lowest, house.node(), need, &mut house.tenants.clone(), None, NOW);
        let found = found.map(|harm| harm.slots.iter().map(|&slot| TaskId(u64::from(slot))).collect::<Vec<_>>());
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn kubernetes_spares_the_first_that_can_be_spared(house in house(), need in need()) {
        let found = victims(Rule::Reprieve, house.node(), need, &mut house.tenants.clone(), None, NOW);
        let mut order = house.tenants.clone();
        order.sort_by_key(|one| (core::cmp::Reverse(one.priority), one.started, one.task));
        // The selection that is the least when read as a number whose first digit is the first of the order.
        let number = |gone: u32| order.iter().fold(0_u32, |sum, one| sum << 1 | gone >> one.slot & 1);
        let all = 1_u32 << house.tenants.len();
        let best = (1..all).filter(|&gone| house.fits(need, gone)).min_by_key(|&gone| number(gone));
        let expected = best.filter(|_| !house.fits(need, 0)).map(|gone| house.harm(gone).2);
        let found = found.map(|harm| harm.slots.iter().map(|&slot| TaskId(u64::from(slot))).collect::<Vec<_>>());
        prop_assert_eq!(found, expected);
    }
}
