//! Scores against the numbers that kubernetes and Nomad give, and against formulas worked out by hand.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use crate::config::{Choice, Config, Setting};
use crate::event::GpuRequest;
use crate::id::NodeId;
use crate::index::{POINT, Rank};
use crate::ledger::{Node, Scale, Shape};
use crate::placement::{
    Balanced, BestFit, EPvm, KubernetesBalancedAllocation, L2Norm, LeastAllocated, MostAllocated, NomadBinpack,
    NomadSpread, RequestedToCapacityRatio, Tetris, WorstFit, misuse, score_fit, score_spread,
};
use crate::resources::{GPU, LANES, Resources, STANDARD_LANES};
use crate::time::Time;

/// The policy of a name with these options.
fn with(options: &[(&str, Setting)]) -> Config {
    let options = options.iter().map(|(key, value)| (String::from(*key), value.clone())).collect();
    Config { placement: Choice { name: String::from("requested-to-capacity-ratio"), options }, ..Config::default() }
}

fn scale_of(largest: Resources) -> Scale {
    let mut scale = Scale { largest, ..Scale::default() };
    for lane in 0..LANES {
        scale.weight[lane] = (1_u64 << 32).checked_div(u64::from(largest[lane])).unwrap_or(0);
    }
    scale
}

/// Calls `ask` with a task on a node of `capacity`, itself the largest, of which `taken` is used.
fn ask<T>(request: Resources, capacity: Resources, taken: Resources, ask: impl Fn(&Shape, Node<'_>) -> T) -> T {
    let free = capacity.checked_sub(&taken).expect("no more is taken than there is");
    let shape = Shape { request, gpu: GpuRequest::default(), constraints: None, layout: None };
    let scale = scale_of(capacity);
    let node = Node {
        id: NodeId(0),
        free: &free,
        capacity: &capacity,
        gpus: &[],
        tasks: 0,
        gpu_tags: 0,
        latest_end: Time::ZERO,
        scale: &scale,
    };
    ask(&shape, node)
}

/// That a policy gives no more than the ceiling of the node less the toll of the shape, where other nodes are larger.
fn keeps_below_its_ceiling<R: Rank>(policy: &R, request: Resources, node: [Resources; 2], largest: Resources) -> bool {
    let [capacity, taken] = node;
    let scale = scale_of(largest);
    let finer = R::CEILINGS.expect("it has ceilings");
    ask(request, capacity, taken, |shape, node| {
        let node = Node { scale: &scale, ..node };
        policy.rank(shape, node) <= (policy.ceiling(node) - policy.toll(shape, &scale)) >> finer
    })
}

/// What a policy gives a task on a node of `capacity` of which `taken` is used.
fn score(policy: &impl Rank, request: Resources, capacity: Resources, taken: Resources) -> i64 {
    ask(request, capacity, taken, |shape, node| policy.rank(shape, node))
}

/// The same in points.
fn points(policy: &impl Rank, request: Resources, capacity: Resources, taken: Resources) -> f64 {
    ask(request, capacity, taken, |shape, node| policy.points(shape, node) as f64 / POINT as f64)
}

const NOTHING: Resources = Resources::ZERO;

#[test]
fn scores_are_those_of_kubernetes() {
    let plain = Config::default();
    let (least, most) = (LeastAllocated::new(&plain), MostAllocated::new(&plain));
    let balanced = KubernetesBalancedAllocation::new(&plain);
    let pod = Resources::new(3_000, 5_000);
    let (small, even, large) =
        (Resources::new(4_000, 10_000), Resources::new(6_000, 10_000), Resources::new(10_000, 20_000));
    let (cpu, both) = (Resources::new(3_000, 0), Resources::new(3_000, 5_000));
    // kubernetes least_allocated_test.go.
    assert_eq!(score(&least, pod, small, NOTHING), 37, "(25 + 50) / 2");
    assert_eq!(score(&least, pod, even, NOTHING), 50);
    assert_eq!(score(&least, pod, large, cpu), 57, "(40 + 75) / 2");
    assert_eq!(score(&least, pod, large, both), 45, "(40 + 50) / 2");
    assert_eq!(score(&least, NOTHING, large, NOTHING), 100);
    // More is requested than there is: nothing for cpu, and all or half of memory is left.
    assert_eq!(score(&least, Resources::new(6_000, 0), small, NOTHING), 50);
    assert_eq!(score(&least, Resources::new(6_000, 5_000), small, NOTHING), 25);
    // Memory weighs twice as much.
    let heavy = LeastAllocated::new(&with(&[("memory", Setting::Number(2.0))]));
    assert_eq!(score(&heavy, pod, small, NOTHING), 41, "(25 + 2 x 50) / 3");
    assert_eq!(score(&heavy, pod, even, NOTHING), 50);
    // The same nodes from the other side.
    assert_eq!(score(&most, pod, small, NOTHING), 62, "(75 + 50) / 2");
    assert_eq!(score(&most, pod, even, NOTHING), 50);
    assert_eq!(score(&most, pod, large, cpu), 42, "(60 + 25) / 2");
    assert_eq!(score(&most, pod, large, both), 55, "(60 + 50) / 2");
    assert_eq!(score(&most, Resources::new(6_000, 5_000), small, NOTHING), 25, "too much counts as none");
    // int((1 - |f1 - f2| / 2) * 100).
    assert_eq!(score(&balanced, pod, small, NOTHING), 87, "0.75 and 0.5");
    assert_eq!(score(&balanced, pod, even, NOTHING), 100, "0.5 and 0.5");
    assert_eq!(score(&balanced, pod, large, cpu), 82, "0.6 and 0.25");
    assert_eq!(score(&balanced, pod, large, both), 95, "0.6 and 0.5");
    assert_eq!(score(&balanced, Resources::new(6_000, 5_000), small, NOTHING), 75, "1.5 is clipped to 1");
    assert_eq!(score(&balanced, NOTHING, large, cpu), 0, "best effort is skipped");
    for policy in [Resources::ZERO, Resources::new(0, 1)] {
        assert_eq!((score(&least, NOTHING, NOTHING, NOTHING), score(&most, policy, NOTHING, NOTHING)), (0, 0));
    }
}

/// A curve from (utilization, score) to an option.
fn curve(points: &[(f64, f64)]) -> Setting {
    let point = |&(utilization, score): &(f64, f64)| {
        let pairs = [("utilization", Setting::Number(utilization)), ("score", Setting::Number(score))];
        Setting::Table(pairs.into_iter().map(|(key, value)| (String::from(key), value)).collect())
    };
    Setting::List(points.iter().map(point).collect())
}

#[test]
fn a_curve_scores_utilization_as_kubernetes_does() {
    let falling = RequestedToCapacityRatio::new(&with(&[("shape", curve(&[(0.0, 10.0), (100.0, 0.0)]))]));
    let pod = Resources::new(3_000, 5_000);
    let capacity = Resources::new(4_000, 10_000);
    // kubernetes requested_to_capacity_ratio_test.go: 75 and 50 percent on a falling line.
    assert_eq!(score(&falling, pod, capacity, NOTHING), 38, "(25 + 50) / 2, a half away from zero");
    assert_eq!(score(&falling, pod, Resources::new(6_000, 10_000), NOTHING), 50);
    // A lane whose score is 0 is left out of the mean.
    assert_eq!(score(&falling, Resources::new(4_000, 5_000), capacity, NOTHING), 50);
    assert_eq!(score(&falling, Resources::new(4_000, 10_000), capacity, NOTHING), 0);
    // 40 -> 5, 60 -> 10, level outside; 55 percent is 5 + 5 x 15 / 20 of ten, in integers of hundredths.
    let knees = with(&[("shape", curve(&[(40.0, 5.0), (60.0, 10.0)])), ("memory", Setting::Number(0.0))]);
    let knees = RequestedToCapacityRatio::new(&knees);
    for (percent, expected) in [(10, 50), (40, 50), (55, 87), (60, 100), (90, 100)] {
        assert_eq!(score(&knees, Resources::new(percent * 40, 0), capacity, NOTHING), expected, "{percent} %");
    }
    // Left out, the curve rises: it packs.
    let rising = RequestedToCapacityRatio::new(&Config::default());
    assert_eq!(score(&rising, pod, capacity, NOTHING), 63, "(75 + 50) / 2 rounded");
}

#[test]
fn weights_and_curves_that_mean_nothing_are_refused() {
    let said = |key: &'static str, value: Setting| misuse(&with(&[(key, value)]).placement).map(|(option, _)| option);
    let number = Setting::Number;
    for bad in [number(-1.0), number(101.0), number(0.5), number(f64::NAN), Setting::Flag(true)] {
        assert_eq!(said("cpu", bad), Some("cpu"));
    }
    assert_eq!(said("cpu", number(100.0)), None);
    assert_eq!(said("shape", curve(&[(0.0, 0.0), (100.0, 10.0)])), None);
    let bent = [vec![], vec![(50.0, 1.0), (50.0, 2.0)], vec![(0.0, 11.0)], vec![(101.0, 0.0)], vec![(0.5, 1.0)]];
    for points in bent {
        assert_eq!(said("shape", curve(&points)), Some("shape"), "{points:?}");
    }
    assert_eq!(said("shape", number(1.0)), Some("shape"));
}

#[test]
fn score_fit_is_that_of_nomad() {
    // nomad/structs/funcs_test.go: nothing used, half used, all used, and halves that differ.
    let near = |ours: f64, theirs: f64| (ours - theirs).abs() < 5e-7;
    assert!(near(score_fit(1.0, 1.0), 0.0) && near(score_fit(0.0, 0.0), 18.0));
    assert!(near(score_fit(0.5, 0.5), 13.675_445), "{}", score_fit(0.5, 0.5));
    assert!(near(score_fit(0.5, 0.75), 11.214_309), "{}", score_fit(0.5, 0.75));
    assert!(near(score_spread(1.0, 1.0), 18.0) && near(score_spread(0.0, 0.0), 0.0));
    assert!(near(score_spread(0.5, 0.5), 2.0 * 10.0_f64.sqrt() - 2.0));
    let (capacity, pod) = (Resources::new(4_000, 8_192), Resources::new(1_000, 2_048));
    let taken = Resources::new(1_000, 2_048);
    assert!((points(&NomadBinpack, pod, capacity, taken) - 13.675_445 / 0.18).abs() < 1e-4);
    assert!((points(&NomadSpread, pod, capacity, taken) - 4.324_555 / 0.18).abs() < 1e-4);
}

#[test]
fn three_lanes_are_balanced_by_their_standard_deviation() {
    let with_gpu = |mut row: Resources, milli: u32| {
        row[GPU] = milli;
        row
    };
    let capacity = with_gpu(Resources::new(10_000, 10_000), 4_000);
    let request = with_gpu(Resources::new(2_000, 5_000), 2_000);
    // 0.2, 0.5 and 0.5: mean 0.4, variance 0.02, deviation 0.1414.
    assert_eq!(score(&Balanced, request, capacity, NOTHING), 85);
    let weighted = |gpu: f64| KubernetesBalancedAllocation::new(&with(&[("gpu", Setting::Number(gpu))]));
    assert_eq!(score(&weighted(1.0), request, capacity, NOTHING), 85);
    assert_eq!(score(&weighted(0.0), request, capacity, NOTHING), 85, "|0.2 - 0.5| / 2, without the gpu");
    // A lane that the node lacks is left out.
    let (least, most) = (LeastAllocated::new(&Config::default()), MostAllocated::new(&Config::default()));
    let no_memory = Resources::new(10_000, 0);
    assert_eq!(score(&Balanced, Resources::new(9_000, 0), no_memory, NOTHING), 100);
    assert_eq!(score(&least, Resources::new(9_000, 0), no_memory, NOTHING), 10);
    assert_eq!(score(&most, NOTHING, NOTHING, NOTHING), 0);
}

#[test]
fn norms_products_and_costs_are_as_worked_out_by_hand() {
    let capacity = Resources::new(8_000, 16_384);
    let (request, taken) = (Resources::new(2_000, 4_096), Resources::new(2_000, 0));
    // Left: 1/2 of the cpu, 3/4 of the memory. 1 - (1/4 + 9/16) / 2 of all points.
    assert!((points(&L2Norm, request, capacity, taken) - 59.375).abs() < 1e-3);
    assert!((points(&BestFit, request, capacity, taken) - 37.5).abs() < 1e-3, "1 - (1/2 + 3/4) / 2");
    // 1/4 x 3/4 + 1/4 x 1, over two lanes.
    assert!((points(&Tetris, request, capacity, taken) - 21.875).abs() < 1e-3);
    assert!((points(&WorstFit, request, capacity, taken) - 43.75).abs() < 1e-3, "empty: half of (3/4 + 1) / 2");
    // 16^(1/2) - 16^(1/4) + 16^(1/4) - 1: 4 - 2 + 2 - 1.
    let cost = EPvm::new(&with(&[("base", Setting::Number(16.0))]));
    assert_eq!(score(&cost, request, capacity, taken), -3_000_000);
    assert!((points(&cost, request, capacity, taken) - 90.0).abs() < 1e-3, "1 - 3 / (2 x 15)");
}

proptest! {
    /// Scores keep to their range, so that no rank is the one that means "fits not" and no part of a mix outweighs
    /// its weight.
    #[test]
    fn scores_are_hundredths(request in any::<[u32; 2]>(), rest in any::<[u32; 2]>(), taken in any::<[u32; 2]>()) {
        let row = |lanes: [u32; 2]| Resources::new(lanes[0] / 3, lanes[1] / 3);
        let (request, taken) = (row(request), row(taken));
        let used = request.checked_add(&taken).expect("two thirds");
        let capacity = used.checked_add(&row(rest)).expect("three thirds");
        let plain = Config::default();
        let least = score(&LeastAllocated::new(&plain), request, capacity, taken);
        let most = score(&MostAllocated::new(&plain), request, capacity, taken);
        let balanced = score(&Balanced, request, capacity, taken);
        let ratio = score(&RequestedToCapacityRatio::new(&plain), request, capacity, taken);
        let spread = score(&KubernetesBalancedAllocation::new(&plain), request, capacity, taken);
        for score in [least, most, balanced, ratio, spread] {
            prop_assert!((0..=100).contains(&score), "{}", format!("{least} {most} {balanced} {ratio} {spread}"));
        }
        if capacity.0[..2].iter().all(|&lane| lane > 0) {
            // Both are rounded down, each lane for itself and then the mean.
            prop_assert!((97..=100).contains(&(least + most)), "{}", format!("{least} and {most}"));
        }
        let points: Vec<f64> = vec![
            points(&L2Norm, request, capacity, taken),
            points(&BestFit, request, capacity, taken),
            points(&WorstFit, request, capacity, taken),
            points(&Tetris, request, capacity, taken),
            points(&NomadBinpack, request, capacity, taken),
            points(&NomadSpread, request, capacity, taken),
            points(&EPvm::new(&plain), request, capacity, taken),
        ];
        prop_assert!(points.iter().all(|points| (0.0..=100.0).contains(points)), "{points:?}");
    }
}

proptest! {
    #[test]
    fn nobody_gets_beyond_the_ceiling(
        lanes in prop::array::uniform4((0_u32..90_000, 0_u32..50_000, 0_u32..=1_000, 0_u32..=1_000, 0_u32..=4)),
    ) {
        let (mut largest, mut capacity, mut taken, mut request) =
            (Resources::ZERO, Resources::ZERO, Resources::ZERO, Resources::ZERO);
        let mut weights = vec![];
        for (lane, (room, more, used, asked, weight)) in lanes.into_iter().enumerate() {
            let part = |whole: u32, permille: u32| (u64::from(whole) * u64::from(permille) / 1_000) as u32;
            (capacity[lane], largest[lane]) = (room, room + more);
            taken[lane] = part(room, used);
            request[lane] = part(room - taken[lane], asked);
            weights.push((STANDARD_LANES[lane], Setting::Number(f64::from(weight))));
        }
        let node = [capacity, taken];
        let least = LeastAllocated::new(&with(&weights));
        prop_assert!(keeps_below_its_ceiling(&least, request, node, largest));
        prop_assert!(keeps_below_its_ceiling(&WorstFit, request, node, largest));
    }
}
