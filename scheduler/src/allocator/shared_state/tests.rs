//! Rooms that are kept for resident tasks: by hand, and what must hold after every event whatever happens.

use alloc::boxed::Box;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::event::NodeSpec;
use crate::resources::CPU;

/// A settler with two frameworks, and all that was ever placed.
struct Scene {
    state: SharedState,
    now: Time,
    out: Vec<Decision>,
    running: Vec<(TaskId, PartyId, NodeId, u32)>,
    /// Resident tasks that may come back: whose, where, and how large they are.
    away: Vec<(TaskId, PartyId, NodeId, u32)>,
    capacity: Vec<u32>,
    next: u64,
}

impl Scene {
    fn new(capacity: &[u32]) -> Self {
        let (out, running, away) = (vec![], vec![], vec![]);
        let state = SharedState::new(Conflicts::Fine);
        let mut scene = Self { state, now: Time::ZERO, out, running, away, capacity: capacity.to_vec(), next: 0 };
        for party in 1..=2 {
            let spec = crate::allocator::two_level::FrameworkSpec { party: PartyId(party), ..Default::default() };
            scene.hear(Event::FrameworkJoined(Box::new(spec)));
        }
        (0..capacity.len() as u32).for_each(|node| scene.come(node));
        scene
    }

    fn hear(&mut self, event: Event) {
        self.now = self.now + crate::time::Span(1);
        self.out.clear();
        self.state.step(self.now, &[event], &mut self.out);
    }

    /// A node joins, or comes back empty.
    fn come(&mut self, node: u32) {
        let capacity = Resources::new(self.capacity[node as usize], 0);
        self.hear(Event::NodeAdded(Box::new(NodeSpec { node: NodeId(node), capacity, ..NodeSpec::default() })));
    }

    fn task(&mut self) -> TaskId {
        self.next += 1;
        TaskId(self.next - 1)
    }

    /// A claim for a resident task: true if it is honoured.
    fn claim(&mut self, from: u16, task: TaskId, node: u32, cpu: u32, resident: bool) -> bool {
        let (node, from, request, seen) = (NodeId(node), PartyId(from), Resources::new(cpu, 0), self.now);
        let (gpus, milli, count, more, standing) = (GpuSet::NONE, 0, 1, false, Standing::default());
        let claim = Claim { from, node, task, request, gpus, milli, count, more, seen, standing, resident };
        self.hear(Event::ClaimRequested(claim));
        let placed = self.out.iter().any(|one| matches!(one, Decision::Place { task: placed, .. } if *placed == task));
        let refused = self.out.contains(&Decision::Refuse { to: from, task });
        assert!(placed != refused);
        if placed {
            self.away.retain(|(away, ..)| *away != task);
            self.running.push((task, from, node, cpu));
        }
        placed
    }

    fn end(&mut self, task: TaskId, ending: Ending) {
        self.running.retain(|(running, ..)| *running != task);
        self.hear(Event::TaskEnded { task, ending });
    }

    /// What the others were told in the last step: of which task, that its room is taken (true) or free.
    fn told(&self) -> Vec<(u64, bool)> {
        let told = self.out.iter().filter_map(|one| match one {
            Decision::Tell { room, freed, .. } => Some((room.task.0, !freed)),
            _ => None,
        });
        told.collect()
    }

    /// What tasks hold, what is kept and what is free adds up to what there is.
    fn audit(&self) {
        for (at, &capacity) in (0..).zip(&self.capacity) {
            let node = NodeId(at);
            let held: u32 = self.running.iter().filter(|(_, _, on, _)| *on == node).map(|(.., cpu)| cpu).sum();
            let sum = u64::from(held) + self.state.kept_on(node) + u64::from(self.state.free(node)[CPU]);
            assert_eq!(sum, u64::from(capacity), "node {at}");
        }
    }
}

#[test]
fn who_claims_the_room_of_a_resident_task_that_is_away_conflicts() {
    let mut scene = Scene::new(&[1_000, 1_000]);
    let (task, other) = (scene.task(), scene.task());
    assert!(scene.claim(1, task, 0, 600, true));
    scene.end(task, Ending::Failed);
    assert_eq!(scene.told(), [(0, false), (0, true)], "its room is held from now on");
    assert!(!scene.claim(2, other, 0, 500, false) && scene.claim(2, other, 0, 400, false));
    assert!(scene.claim(1, task, 0, 600, true), "it is there when the task comes back");
    assert_eq!(scene.told(), [(0, false), (0, true)]);
    // Somewhere else it needs no room here.
    scene.end(task, Ending::Lost);
    assert!(scene.claim(1, task, 1, 600, true));
    let third = scene.task();
    assert!(scene.claim(2, third, 0, 600, false));
    // Who does not come back is not waited for; nor is who ended by itself, was killed, or is not resident.
    scene.end(task, Ending::Lost);
    scene.hear(Event::HomeUnreserved { task });
    assert_eq!(scene.told(), [(0, false)]);
    for (ending, resident) in [(Ending::Finished, true), (Ending::Killed, true), (Ending::Failed, false)] {
        let task = scene.task();
        assert!(scene.claim(1, task, 1, 1_000, resident));
        scene.end(task, ending);
        assert_eq!(scene.told(), [(task.0, false)], "{ending:?}");
    }
}

#[test]
fn what_is_kept_outlives_the_absence_of_the_node_and_is_the_frameworks_own() {
    let mut scene = Scene::new(&[1_000]);
    let task = scene.task();
    assert!(scene.claim(1, task, 0, 600, true));
    scene.hear(Event::NodeLost { node: NodeId(0) });
    scene.end(task, Ending::Lost);
    assert_eq!(scene.told(), [(0, false)], "of a node that is gone nothing is held");
    scene.come(0);
    assert_eq!(scene.told(), [(0, true)]);
    let (other, own) = (scene.task(), scene.task());
    assert!(!scene.claim(2, other, 0, 500, false));
    // Its own framework may need the room for something else, and then nobody keeps it.
    assert!(scene.claim(1, own, 0, 500, false));
    assert_eq!(scene.told(), [(0, false), (2, true)]);
    assert!(scene.claim(2, other, 0, 500, false) && !scene.claim(1, task, 0, 600, true));
    scene.audit();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn held_and_kept_and_free_add_up_and_others_never_get_what_is_kept(
        ops in proptest::collection::vec((any::<u8>(), any::<u16>(), any::<u16>()), 1..150),
    ) {
        let mut scene = Scene::new(&[4_000, 3_000, 2_000]);
        for (kind, first, second) in ops {
            let (node, from) = (u32::from(first) % 3, 1 + second % 2);
            let cpu = 250 * (1 + u32::from(first / 3) % 6);
            match kind % 8 {
                0..=2 => {
                    let free = scene.state.free(NodeId(node))[CPU];
                    let task = scene.task();
                    let here = (PartyId(from), NodeId(node));
                    let is_own = scene.away.iter().any(|(_, party, on, _)| (*party, *on) == here);
                    let honoured = scene.claim(from, task, node, cpu, second % 3 > 0);
                    prop_assert!(honoured || cpu > free || !scene.state.ledger().is_open(NodeId(node)));
                    // Beyond what is free there is only what is kept for itself.
                    prop_assert!(!honoured || cpu <= free || is_own);
                }
                3 | 4 if !scene.running.is_empty() => {
                    let at = usize::from(first) % scene.running.len();
                    let (task, party, on, cpu) = scene.running[at];
                    let endings = [Ending::Lost, Ending::Failed, Ending::Evicted, Ending::Finished];
                    let ending = endings[usize::from(second) % 4];
                    scene.end(task, ending);
                    if crate::allocator::comes_back(ending) {
                        scene.away.push((task, party, on, cpu));
                    }
                }
                5 if !scene.away.is_empty() => {
                    let (task, party, on, cpu) = scene.away[usize::from(first) % scene.away.len()];
                    let there = if second % 3 == 0 { NodeId(node) } else { on };
                    scene.claim(party.0, task, there.0, cpu, true);
                }
                6 if !scene.away.is_empty() => {
                    let (task, ..) = scene.away.swap_remove(usize::from(first) % scene.away.len());
                    scene.hear(Event::HomeUnreserved { task });
                }
                7 => {
                    // The ends of what was lost with a node are heard of before it is back.
                    scene.hear(Event::NodeLost { node: NodeId(node) });
                    let here = |one: &&(TaskId, PartyId, NodeId, u32)| one.2 == NodeId(node);
                    let gone: Vec<_> = scene.running.iter().filter(here).copied().collect();
                    for (task, party, on, cpu) in gone {
                        scene.end(task, Ending::Lost);
                        scene.away.push((task, party, on, cpu));
                    }
                    scene.come(node);
                }
                _ => {}
            }
            scene.audit();
        }
        // Nothing is left once everybody is over.
        for (task, ..) in core::mem::take(&mut scene.running) {
            scene.end(task, Ending::Killed);
        }
        for (task, ..) in core::mem::take(&mut scene.away) {
            scene.hear(Event::HomeUnreserved { task });
        }
        let free: Vec<u32> = (0..3).map(|node| scene.state.free(NodeId(node))[CPU]).collect();
        prop_assert_eq!(free, vec![4_000, 3_000, 2_000]);
    }
}
