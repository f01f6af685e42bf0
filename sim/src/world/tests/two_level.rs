//! An allocator that offers nodes and a framework that launches on offers: toys, to see that mail takes its time.

use std::collections::BTreeMap;

use windtunnel_scheduler::event::{JobSpec, Launch, Offer};
use windtunnel_scheduler::id::{NodeId, OfferId, RoleId, TaskId};

use super::*;

/// Offers each node as a whole to party 1, and again whenever a task on it has ended.
#[derive(Default)]
struct Allocator {
    nodes: Vec<Resources>,
    open: BTreeMap<OfferId, NodeId>,
    held: BTreeMap<TaskId, (NodeId, Resources)>,
    offers: u64,
    /// Takes the first offer back at this instant and makes another.
    rescind_at: Option<Time>,
}

impl Allocator {
    fn offer(&mut self, node: NodeId, decisions: &mut Vec<Decision>) {
        let offer = Offer {
            offer: OfferId(self.offers),
            node,
            role: RoleId(0),
            resources: self.nodes[node.index()],
            gpus: GpuSet::NONE,
            reserved: Resources::ZERO,
        };
        self.offers += 1;
        self.open.insert(offer.offer, node);
        decisions.push(Decision::Offer { to: PartyId(1), offer });
    }

    fn step(&mut self, now: Time, events: &[Event], decisions: &mut Vec<Decision>) -> Step {
        for event in events {
            match event {
                Event::NodeAdded(spec) => {
                    self.nodes.push(spec.capacity);
                    self.offer(spec.node, decisions);
                }
                Event::LaunchRequested(launch) => self.launch(launch, decisions),
                Event::TaskEnded { task, .. } => {
                    let Some((node, request)) = self.held.remove(task) else { continue };
                    let free = &mut self.nodes[node.index()];
                    *free = free.checked_add(&request).expect("what was taken is given back");
                    self.offer(node, decisions);
                }
                Event::Woken if self.rescind_at.is_some_and(|at| at <= now) => {
                    self.rescind_at = None;
                    let (offer, node) = self.open.pop_first().expect("one offer is open");
                    decisions.push(Decision::Rescind { to: PartyId(1), offer });
                    self.offer(node, decisions);
                }
                _ => {}
            }
        }
        Step { wake: self.rescind_at, ..Step::default() }
    }

    /// An offer is good for one launch; what is left of the node is offered anew.
    fn launch(&mut self, launch: &Launch, decisions: &mut Vec<Decision>) {
        let rest = self
            .open
            .remove(&launch.offer)
            .and_then(|node| Some((node, self.nodes[node.index()].checked_sub(&launch.request)?)));
        let Some((node, rest)) = rest else {
            decisions.push(Decision::Refuse { to: launch.from, task: launch.task });
            return;
        };
        self.nodes[node.index()] = rest;
        self.held.insert(launch.task, (node, launch.request));
        decisions.push(Decision::Place { task: launch.task, node, count: 1, gpus: launch.gpus, more: false });
        self.offer(node, decisions);
    }
}

/// Launches what waits on whatever is offered; a refused launch waits again.
#[derive(Default)]
struct Framework {
    waiting: Vec<JobSpec>,
    launched: Vec<JobSpec>,
    offers: BTreeMap<OfferId, Resources>,
}

impl Framework {
    fn step(&mut self, events: &[Event], decisions: &mut Vec<Decision>) {
        for event in events {
            match event {
                Event::JobSubmitted(spec) => self.waiting.push(spec.clone()),
                Event::Offered(offer) => {
                    self.offers.insert(offer.offer, offer.resources);
                }
                Event::OfferRescinded { offer } => {
                    self.offers.remove(offer);
                }
                Event::LaunchRefused { task } => {
                    let at = self.launched.iter().position(|spec| spec.first_task == *task).expect("it was launched");
                    self.waiting.push(self.launched.swap_remove(at));
                }
                _ => {}
            }
        }
        self.waiting.sort_by_key(|spec| spec.first_task);
        for spec in std::mem::take(&mut self.waiting) {
            let fit = self.offers.iter().find(|(_, room)| spec.request.fits_in(room)).map(|(&offer, _)| offer);
            match fit {
                Some(offer) => {
                    self.offers.remove(&offer);
                    let (task, request, gpus) = (spec.first_task, spec.request, GpuSet::NONE);
                    decisions.push(Decision::Launch(Launch {
                        from: PartyId(1),
                        offer,
                        task,
                        request,
                        gpus,
                        count: 1,
                        more: false,
                        resident: false,
                    }));
                    self.launched.push(spec);
                }
                None => self.waiting.push(spec),
            }
        }
    }
}

#[derive(Default)]
struct TwoLevel {
    allocator: Allocator,
    framework: Framework,
}

impl Scheduler for TwoLevel {
    fn step(
        &mut self,
        party: PartyId,
        now: Time,
        events: &[Event],
        decisions: &mut Vec<Decision>,
    ) -> Result<Step, Gone> {
        if party == PartyId::FIRST {
            return Ok(self.allocator.step(now, events, decisions));
        }
        self.framework.step(events, decisions);
        Ok(Step::default())
    }

    fn fork(&self) -> Option<Box<dyn Scheduler>> {
        None
    }
}

const LINK: u64 = 250_000;

fn two_level(jobs: Vec<Job>, rescind_at: Option<Time>) -> (Outcome, Tape) {
    let mut experiment = experiment(fleet(&[(2_000, 64)]), jobs);
    experiment.parties = 2;
    experiment.link = Span(LINK);
    experiment.workloads[0].party = PartyId(1);
    let mut scheduler = TwoLevel::default();
    scheduler.allocator.rescind_at = rescind_at;
    run_with(experiment, &mut scheduler).expect("they contradict nothing")
}

/// When party 1 heard of its refused launches.
fn refusals(tape: &Tape) -> Vec<u64> {
    let refused = |event: &&(Time, PartyId, Event)| matches!(event.2, Event::LaunchRefused { .. });
    tape.events.iter().filter(refused).map(|event| event.0.0).collect()
}

#[test]
fn a_task_starts_when_the_mail_has_gone_there_and_back() {
    // The offer leaves at 0 and is there at 250 ms; the launch is back at 500 ms.
    let (outcome, tape) = two_level(vec![job(0, 0, group(1, 1_000, 3))], None);
    assert_eq!(tape.start_of("0/0"), Some(2 * LINK));
    assert_eq!((refusals(&tape), outcome.end), (vec![], Time(2 * LINK + 3 * SECOND + LINK)));
    assert_eq!(outcome.summary.number("conservation.cpu.residual"), Some(0.0));
    // The offer waits already: only the launch is under way.
    let (_, tape) = two_level(vec![job(0, 1, group(1, 1_000, 3))], None);
    assert_eq!(tape.start_of("0/0"), Some(SECOND + LINK));
}

#[test]
fn a_wait_that_nobody_explains_is_the_price_of_deciding_elsewhere() {
    let (outcome, tape) = two_level(vec![job(0, 1, group(1, 1_000, 3))], None);
    assert_eq!((tape.rows[0].wait, tape.rows[0].causes), (Some(Span(LINK)), Span(LINK)));
    assert_eq!(outcome.summary.number("wait_by_cause_s.decision"), Some(0.25));
}

#[test]
fn tasks_share_a_node_one_offer_after_the_other() {
    let jobs = (0..3).map(|at| job(at, 1, group(1, 1_000, 3))).collect();
    let (_, tape) = two_level(jobs, None);
    assert_eq!(tape.start_of("0/0"), Some(SECOND + LINK));
    // What is left of the node is offered at 1.25 s, launched on at 1.5 s, and taken at 1.75 s.
    assert_eq!(tape.start_of("1/0"), Some(SECOND + 3 * LINK));
    // The first ends at 4.25 s; its room is offered then.
    assert_eq!(tape.start_of("2/0"), Some(4 * SECOND + 3 * LINK));
}

#[test]
fn a_launch_on_an_offer_that_was_taken_back_is_refused_and_tried_again() {
    // Taken back at 400 ms, while the launch is under way; the next offer is there at 650 ms, the refusal at 750 ms.
    let (outcome, tape) = two_level(vec![job(0, 0, group(1, 1_000, 3))], Some(Time(400_000)));
    assert_eq!(refusals(&tape), [750_000]);
    assert_eq!(tape.start_of("0/0"), Some(1_000_000));
    assert_eq!(outcome.summary.number("tasks.finished"), Some(1.0));
    // Taken back before the job is there: nobody launches on it, and nobody is refused.
    let (_, tape) = two_level(vec![job(0, 1, group(1, 1_000, 3))], Some(Time(400_000)));
    assert_eq!((refusals(&tape), tape.start_of("0/0")), (vec![], Some(SECOND + LINK)));
}

#[test]
fn without_delay_a_message_arrives_within_its_instant() {
    let mut experiment =
        experiment(fleet(&[(2_000, 64)]), vec![job(0, 0, group(1, 1_000, 3)), job(1, 1, group(1, 2_000, 3))]);
    experiment.parties = 2;
    experiment.workloads[0].party = PartyId(1);
    let (outcome, tape) = run_with(experiment, &mut TwoLevel::default()).expect("they contradict nothing");
    assert_eq!((tape.start_of("0/0"), tape.start_of("1/0")), (Some(0), Some(3 * SECOND)));
    assert_eq!(outcome.end, seconds(6));
}
