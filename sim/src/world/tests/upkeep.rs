//! What a run costs and draws, worked out by hand.

use windtunnel_scheduler::id::{NodeId, TaskId};
use windtunnel_traces::model::{NodeGroup, Upkeep};

use super::*;

/// Four cores at $3.60 an hour that draw 100 to 300 W, and two at $1.80 that draw 50 to 150 W.
fn priced() -> Fleet {
    let rate = |price: u64, idle: u64, busy: u64| Upkeep { price, idle_mw: idle * 1_000, busy_mw: busy * 1_000 };
    let group = |name: &str| NodeGroup { name: name.to_owned(), count: 1 };
    Fleet {
        upkeep: vec![rate(3_600_000, 100, 300), rate(1_800_000, 50, 150)],
        groups: vec![group("large"), group("small")],
        ..fleet(&[(4_000, 0), (2_000, 0)])
    }
}

/// Keeps what each attempt was charged.
#[derive(Default)]
struct Charges(Vec<Option<f64>>);

impl Recorder for Charges {
    fn task(&mut self, row: &TaskRow<'_>) {
        self.0.push(row.cost_usd);
    }

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

fn charged(fleet: Fleet, jobs: Vec<Job>) -> (Outcome, Vec<Option<f64>>) {
    let mut core = Core::new(&Registries::default());
    let mut charges = Charges::default();
    let mut go_on = |_| ControlFlow::Continue(());
    let outcome = crate::run(experiment(fleet, jobs), &mut core, &mut charges, &mut go_on).expect("the run is sound");
    (outcome, charges.0)
}

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("there is no {name}"))
}

#[test]
fn what_is_paid_is_charged_or_idle() {
    let jobs = vec![
        job(0, 0, group(1, 1_000, 3_600)),
        job(1, 0, group(1, 2_000, 3_600)),
        // The large node has one core left: this one goes to the small node, for half the time.
        job(2, 0, group(1, 2_000, 1_800)),
    ];
    let (outcome, charges) = charged(priced(), jobs);
    assert_eq!(charges, [Some(0.9), Some(0.9), Some(1.8)], "in the order of their ends");
    let of = |name: &str| number(&outcome, name);
    assert_eq!([of("cost.total_usd"), of("cost.idle_usd"), of("cost.lost_usd")], [5.4, 1.8, 0.0]);
    assert_eq!([of("cost.per_task_usd"), of("cost.per_core_hour_usd")], [1.8, 1.35], "3 tasks, 4 core-hours");
    assert_eq!(of("by_role.(none).cost_usd"), 3.6);
    assert_eq!(format!("{:.6}", of("energy.kwh")), "0.350000", "0.25 and 0.1");
    assert_eq!([of("by_group.large.cost_usd"), of("by_group.small.cost_usd")], [3.6, 1.8]);
    assert_eq!([of("by_group.large.idle_usd"), of("by_group.small.idle_usd")], [0.9, 0.9]);
    assert_eq!([of("by_group.large.nodes"), of("by_group.small.nodes")], [1.0, 1.0]);
    let column = |name: &str| {
        let series = &outcome.series;
        let at = series.columns.iter().find(|column| column.name == name).expect("the column is there");
        (at.max[0], at.max[series.from.len() - 1])
    };
    assert_eq!(column("price_micro_usd_per_h"), (5_400_000, 5_400_000));
    assert_eq!(column("power_mw"), (400_000, 300_000), "250 W and 150 W, then 250 W and 50 W");
}

#[test]
fn a_gang_is_charged_on_every_node() {
    let (outcome, charges) = charged(priced(), vec![job(0, 0, gang(3, 2_000, 3_600))]);
    assert_eq!(charges, [Some(5.4)]);
    assert_eq!(number(&outcome, "cost.idle_usd"), 0.0);
}

#[test]
fn work_that_is_thrown_away_is_charged_as_lost() {
    let jobs = vec![job(0, 0, group(1, 2_000, 100)), job(1, 4, group(1, 1_000, 1))];
    let place = |task: u64, node: u32| Decision::Place {
        task: TaskId(task),
        node: NodeId(node),
        count: 1,
        gpus: GpuSet::NONE,
        more: false,
    };
    let mut canary = Canary(|_, _, events: &[Event], decisions: &mut Vec<Decision>| {
        for event in events {
            match event {
                Event::JobSubmitted(spec) if spec.first_task == TaskId(0) => decisions.push(place(0, 0)),
                Event::JobSubmitted(_) => decisions
                    .extend([place(1, 1), Decision::Evict { task: TaskId(0), grace: Span::ZERO, requeue: false }]),
                _ => {}
            }
        }
    });
    let (outcome, _) = run_with(experiment(priced(), jobs), &mut canary).expect("nothing is contradicted");
    // Half of the large node for four seconds.
    assert_eq!(format!("{:.9}", number(&outcome, "cost.lost_usd")), "0.002000000");
}

#[test]
fn without_prices_nothing_is_said_of_them() {
    let (outcome, charges) = charged(fleet(&[(4_000, 0)]), vec![job(0, 0, group(1, 1_000, 1))]);
    assert_eq!(charges, [None]);
    let said = |family: &str| outcome.summary.iter().any(|(path, _)| path[0] == family);
    assert!(!said("cost") && !said("energy") && !said("by_group"));
    assert!(outcome.series.columns.iter().all(|column| !column.name.contains("power")));
}
