use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::Distribution;
use windtunnel_scheduler::draw;

use super::*;

const DRAWS: usize = 200_000;

fn unit(kind: u64, index: usize) -> f64 {
    draw::unit(0, kind, index as u64, 0).min(1.0 - f64::EPSILON)
}

fn samples(law: &Law) -> Vec<f64> {
    (0..DRAWS).map(|index| law.sample(unit(1, index)).0 as f64).collect()
}

fn residuals(law: &Law) -> Vec<f64> {
    (0..DRAWS).map(|index| law.residual(unit(2, index), unit(3, index)).0 as f64).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Draws of an independent implementation, with another generator.
fn reference(law: impl Distribution<f64>, cap: f64) -> Vec<f64> {
    let mut rng = SmallRng::seed_from_u64(7);
    (0..DRAWS).map(|_| law.sample(&mut rng).min(cap)).collect()
}

/// The largest distance between two empirical distributions (Kolmogorov and Smirnov).
fn distance(mut one: Vec<f64>, mut other: Vec<f64>) -> f64 {
    one.sort_by(f64::total_cmp);
    other.sort_by(f64::total_cmp);
    let (mut i, mut j, mut most) = (0, 0, 0.0_f64);
    while i < one.len() && j < other.len() {
        // Durations are rounded to microseconds, so values within one are the same.
        let value = one[i].min(other[j]) + 1.0;
        while i < one.len() && one[i] <= value {
            i += 1;
        }
        while j < other.len() && other[j] <= value {
            j += 1;
        }
        most = most.max((i as f64 / one.len() as f64 - j as f64 / other.len() as f64).abs());
    }
    most
}

/// Every law with its independent reference and its second moment where it has a closed form.
struct Case {
    name: &'static str,
    law: Law,
    reference: Vec<f64>,
    second_moment: Option<f64>,
}

const M: f64 = 100e6;
const INF: f64 = f64::INFINITY;

fn case(name: &'static str, law: Law, reference: Vec<f64>, second_moment: Option<f64>) -> Case {
    Case { name, law, reference, second_moment }
}

fn cases() -> Vec<Case> {
    [plain_cases(), mixture_cases(), weibull_cases(), lognormal_and_pareto_cases()].into_iter().flatten().collect()
}

fn plain_cases() -> Vec<Case> {
    let s = Span::from_seconds;
    vec![
        case("constant", Constant::new(s(100)).unwrap().into(), vec![M; DRAWS], Some(M * M)),
        case(
            "uniform",
            Uniform::new(s(20), s(180)).unwrap().into(),
            reference(rand_distr::Uniform::new(20e6, 180e6).unwrap(), INF),
            Some((libm::pow(180e6, 3.0) - libm::pow(20e6, 3.0)) / (3.0 * 160e6)),
        ),
        case(
            "exponential",
            Exponential::new(s(100), None).unwrap().into(),
            reference(rand_distr::Exp::new(1.0 / M).unwrap(), INF),
            Some(2.0 * M * M),
        ),
        case(
            "exponential capped",
            Exponential::new(s(100), Some(s(150))).unwrap().into(),
            reference(rand_distr::Exp::new(1.0 / M).unwrap(), 150e6),
            // Twice the integral of x exp(-x / mean) up to the cap.
            Some(2.0 * M * M * (1.0 - 2.5 * libm::exp(-1.5))),
        ),
        case(
            "gamma",
            Gamma::new(4.0, s(100)).unwrap().into(),
            reference(rand_distr::Gamma::new(4.0, 25e6).unwrap(), INF),
            Some(1.25 * M * M),
        ),
    ]
}

/// Mixtures, which the reference does not have: chosen by hand from its plain laws.
fn mixture_cases() -> Vec<Case> {
    let s = Span::from_seconds;
    let hyper = {
        let p = 0.5 * (1.0 + (3.0_f64 / 5.0).sqrt());
        let one = reference(rand_distr::Exp::new(2.0 * p / M).unwrap(), INF);
        let mut two = one.clone();
        for (place, value) in two.iter_mut().enumerate() {
            *value *= if unit(9, place) < p { 1.0 } else { p / (1.0 - p) };
        }
        two
    };
    let listed = reference(rand_distr::Uniform::new(0.0, 6.0).unwrap(), INF)
        .into_iter()
        .map(|u| {
            if u < 3.0 {
                1e6
            } else if u < 5.0 {
                10e6
            } else {
                300e6
            }
        })
        .collect();
    vec![
        case("hyperexponential", Hyperexponential::new(s(100), 4.0).unwrap().into(), hyper, Some(5.0 * M * M)),
        case(
            "empirical",
            Empirical::new(&[s(10), s(1), s(300)], Some(&[2.0, 3.0, 1.0])).unwrap().into(),
            listed,
            Some((3.0 * 1e12 + 2.0 * 100e12 + 90_000e12) / 6.0),
        ),
    ]
}

fn weibull_cases() -> Vec<Case> {
    let (s, gamma, weibull) = (Span::from_seconds, libm::tgamma, rand_distr::Weibull::new);
    let scale = M / gamma(1.0 + 1.0 / 0.7);
    vec![
        case(
            "weibull",
            Weibull::with_mean(0.7, s(100), None).unwrap().into(),
            reference(weibull(scale, 0.7).unwrap(), INF),
            Some(scale * scale * gamma(1.0 + 2.0 / 0.7)),
        ),
        case(
            "weibull capped",
            Weibull::new(3.0, s(100), Some(s(110))).unwrap().into(),
            reference(weibull(M, 3.0).unwrap(), 110e6),
            None,
        ),
    ]
}

fn lognormal_and_pareto_cases() -> Vec<Case> {
    let (s, pareto) = (Span::from_seconds, rand_distr::Pareto::new);
    let lognormal = |sigma| rand_distr::LogNormal::new(libm::log(600e6), sigma).unwrap();
    vec![
        case(
            "lognormal",
            Lognormal::new(s(600), 1.0, None).unwrap().into(),
            reference(lognormal(1.0), INF),
            Some(600e6 * 600e6 * libm::exp(2.0)),
        ),
        case(
            "lognormal of the common workload",
            Lognormal::new(s(600), 1.0, Some(s(12 * 3_600))).unwrap().into(),
            reference(lognormal(1.0), 43_200e6),
            None,
        ),
        case(
            "lognormal capped low",
            Lognormal::new(s(600), 2.0, Some(s(1_000))).unwrap().into(),
            reference(lognormal(2.0), 1_000e6),
            None,
        ),
        case(
            "pareto",
            Pareto::new(4.0, s(60), None).unwrap().into(),
            reference(pareto(60e6, 4.0).unwrap(), INF),
            Some(2.0 * 60e6 * 60e6),
        ),
        case(
            "pareto capped",
            Pareto::new(1.1, s(60), Some(s(36_000))).unwrap().into(),
            reference(pareto(60e6, 1.1).unwrap(), 36_000e6),
            None,
        ),
        case(
            "pareto capped, shape 1",
            Pareto::new(1.0, s(60), Some(s(3_600))).unwrap().into(),
            reference(pareto(60e6, 1.0).unwrap(), 3_600e6),
            None,
        ),
    ]
}

#[test]
fn means_are_within_a_hundredth_and_distributions_those_of_the_reference() {
    for Case { name, law, reference, .. } in cases() {
        let draws = samples(&law);
        let off = mean(&draws) / law.mean_us() - 1.0;
        let apart = distance(draws, reference);
        println!("{name}: mean {:.3} s, sampled {off:+.5}, distance {apart:.5}", law.mean_us() / 1e6);
        assert!(off.abs() < 0.01, "{name}: {off}");
        // 1.95 sqrt(2 / 200,000): exceeded by chance once in a thousand.
        assert!(apart < 0.0062, "{name}: {apart}");
    }
}

#[test]
fn residual_lives_have_the_equilibrium_law() {
    for Case { name, law, reference, second_moment } in cases() {
        let mut left = residuals(&law);
        if let Some(second_moment) = second_moment {
            let off = mean(&left) / (second_moment / (2.0 * law.mean_us())) - 1.0;
            println!("{name}: residual mean {:.3} s, {off:+.5}", mean(&left) / 1e6);
            assert!(off.abs() < 0.01, "{name}: {off}");
        }
        // P(residual <= t) = E[min(X, t)] / E[X], with X of the independent reference.
        left.sort_by(f64::total_cmp);
        let (whole, mut most) = (mean(&reference), 0.0_f64);
        for step in 1..100 {
            let t = left[left.len() * step / 100];
            let wanted = mean(&reference.iter().map(|x| x.min(t)).collect::<Vec<_>>()) / whole;
            most = most.max((wanted - step as f64 / 100.0).abs());
        }
        println!("{name}: residual distance {most:.5}");
        assert!(most < 0.01, "{name}: {most}");
    }
}

#[test]
fn the_common_workload_has_its_mean() {
    let law = Lognormal::new(Span::from_seconds(600), 1.0, Some(Span::from_seconds(43_200))).unwrap();
    assert!((law.mean_us() / 1e6 - 989.0).abs() < 1.0, "{}", law.mean_us());
}

#[test]
fn draws_rise_and_stay_in_bounds() {
    for Case { name, law, .. } in cases() {
        let mut before = Span::ZERO;
        for step in 0..=2_000 {
            let u = (f64::from(step) / 2_000.0).clamp(f64::EPSILON / 4.0, 1.0 - f64::EPSILON / 2.0);
            let draw = law.sample(u);
            assert!(draw >= Span(1) && draw <= LONGEST, "{name}: {draw}");
            assert!(draw >= before || name == "hyperexponential", "{name} falls at {u}");
            before = draw;
            let left = law.residual(u, 0.5);
            assert!(left >= Span(1) && left <= LONGEST, "{name}: residual {left}");
        }
    }
    let heavy = Pareto::new(0.1, Span(1), Some(LONGEST)).unwrap();
    assert_eq!(heavy.sample(1.0 - f64::EPSILON / 2.0), LONGEST);
    assert_eq!(Exponential::new(Span(1), None).unwrap().sample(1e-9), Span(1));
}

#[test]
fn users_terms_lead_to_the_same_law() {
    let s = Span::from_seconds;
    let p99 = Lognormal::with_p99(s(300), s(21_600), None).unwrap();
    assert!((p99.sample(0.5).as_seconds() - 300.0).abs() < 1e-4);
    assert!((p99.sample(0.99).as_seconds() - 21_600.0).abs() < 1e-4);
    let by_mean = Lognormal::with_mean(s(1_000), 1.5, None).unwrap();
    assert!((by_mean.mean_us() / 1e9 - 1.0).abs() < 1e-12);
    let pareto = Pareto::with_mean(2.5, s(1_000), None).unwrap();
    assert!((pareto.mean_us() / 1e9 - 1.0).abs() < 1e-12);
    assert_eq!(pareto.sample(1e-12), s(600));
    let forever = Constant::new(Span::FOREVER).unwrap();
    assert!(forever.sample(0.3).is_forever() && forever.residual(0.1, 0.2).is_forever());
}

#[test]
fn what_is_no_law_is_refused_by_key() {
    let s = Span::from_seconds;
    let key = |error: BadTerm| error.key;
    assert_eq!(key(Constant::new(Span::ZERO).unwrap_err()), "value");
    assert_eq!(key(Exponential::new(Span::ZERO, None).unwrap_err()), "mean");
    assert_eq!(key(Exponential::new(s(1), Some(Span::FOREVER)).unwrap_err()), "max");
    assert_eq!(key(Lognormal::new(s(1), 0.0, None).unwrap_err()), "sigma");
    assert_eq!(key(Lognormal::new(s(1), f64::NAN, None).unwrap_err()), "sigma");
    assert_eq!(key(Lognormal::with_p99(s(2), s(1), None).unwrap_err()), "p99");
    assert_eq!(key(Pareto::new(1.0, s(1), None).unwrap_err()), "max");
    assert_eq!(key(Pareto::new(2.0, s(2), Some(s(1))).unwrap_err()), "max");
    assert_eq!(key(Pareto::with_mean(0.9, s(2), Some(s(10))).unwrap_err()), "mean");
    assert_eq!(key(Weibull::new(0.01, s(1), None).unwrap_err()), "shape");
    assert_eq!(key(Gamma::new(0.0, s(1)).unwrap_err()), "shape");
    assert_eq!(key(Hyperexponential::new(s(1), 0.5).unwrap_err()), "cv2");
    assert_eq!(key(Uniform::new(s(2), s(1)).unwrap_err()), "max");
    assert_eq!(key(Empirical::new(&[], None).unwrap_err()), "values");
    assert_eq!(key(Empirical::new(&[s(1)], Some(&[])).unwrap_err()), "weights");
    assert_eq!(key(Empirical::new(&[s(1)], Some(&[0.0])).unwrap_err()), "values");
}
