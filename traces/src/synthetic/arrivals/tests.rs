use super::*;

fn times(law: &Arrivals, count: u64, seed: u64) -> Vec<u64> {
    let mut previous = Time::ZERO;
    (0..count)
        .map(|index| {
            previous = law.next(Tick { start: Time::ZERO, previous, index }, Key::new(seed, 0, index));
            previous.0
        })
        .collect()
}

/// The largest distance of values in [0, 1) to the uniform law.
fn distance_to_uniform(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    values
        .iter()
        .enumerate()
        .map(|(place, value)| (value - place as f64 / count).abs().max((value - (place + 1) as f64 / count).abs()))
        .fold(0.0, f64::max)
}

#[test]
fn poisson_keeps_its_rate_and_its_law() {
    for rate in [0.5, 580.0, 100_000.0] {
        let law = Arrivals::from(Poisson::new(rate).unwrap());
        let seen = times(&law, 200_000, 0);
        let off = 200_000.0 / (seen[199_999] as f64 / 1e6) / rate - 1.0;
        assert!(off.abs() < 0.01, "{rate}: {off}");
        println!("poisson {rate}/s: rate {off:+.5}");
        if rate < 1.0 {
            let gaps =
                seen.windows(2).map(|pair| 1.0 - libm::exp(-((pair[1] - pair[0]) as f64) * rate / 1e6)).collect();
            let apart = distance_to_uniform(gaps);
            println!("poisson gaps: distance {apart:.5}");
            assert!(apart < 0.0044, "{apart}");
        }
    }
}

#[test]
fn constant_gaps_do_not_drift() {
    let law = Arrivals::from(Regular::new(3.0).unwrap());
    let seen = times(&law, 3_000_001, 0);
    assert_eq!((seen[0], seen[1], seen[2], seen[3]), (0, 333_333, 666_667, 1_000_000));
    assert_eq!(seen[3_000_000], 1_000_000_000_000);
}

#[test]
fn at_once_is_at_the_start() {
    let tick = Tick { start: Time(5), previous: Time(5), index: 9 };
    assert_eq!(Arrivals::from(AtOnce).next(tick, Key::new(0, 0, 9)), Time(5));
}

#[test]
fn bursts_have_their_size_and_the_whole_its_rate() {
    for within in [Span::ZERO, Span(50_000)] {
        let law = Arrivals::from(Bursty::new(2.0, 8.0, within).unwrap());
        let seen = times(&law, 400_000, 0);
        let rate = 400_000.0 / (seen[399_999] as f64 / 1e6);
        let bursts = 1 + seen.windows(2).filter(|pair| pair[1] - pair[0] != within.0).count();
        let size = 400_000.0 / bursts as f64;
        println!("bursty within {within}: rate {rate:.4}, size {size:.4}");
        assert!((rate / 2.0 - 1.0).abs() < 0.01 && (size / 8.0 - 1.0).abs() < 0.01);
    }
    assert_eq!(Bursty::new(2.0, 8.0, Span::from_seconds(1)).unwrap_err().key, "within");
}

#[test]
fn a_daily_wave_keeps_the_mean_rate_and_the_course() {
    let peak = Span::from_seconds(14 * 3_600);
    let law = Arrivals::from(Daily::wave(0.5, 4.0, peak, DAY).unwrap());
    let seen = times(&law, 2_000_000, 0);
    let rate = 2_000_000.0 / (seen[1_999_999] as f64 / 1e6);
    println!("daily wave: rate {rate:.5} for 0.5");
    assert!((rate / 0.5 - 1.0).abs() < 0.01);
    let hour = |at: u64| (at % DAY.0) as usize / 3_600_000_000;
    let mut counts = [0.0; 24];
    // Whole days only.
    let days = seen[1_999_999] / DAY.0;
    for at in seen.iter().filter(|at| **at < days * DAY.0) {
        counts[hour(*at)] += 1.0 / days as f64;
    }
    let ratio = (counts[13] + counts[14]) / (counts[1] + counts[2]);
    println!("daily wave: peak to trough {ratio:.3}");
    // Two hours around the extremes; the exact ratio of their integrals.
    let turn = core::f64::consts::TAU / 24.0;
    let mean_cos = libm::sin(turn) / turn;
    assert!((ratio / ((1.0 + 0.6 * mean_cos) / (1.0 - 0.6 * mean_cos)) - 1.0).abs() < 0.02);
    // Through the integrated rate the process is one of rate 1: its gaps are exponential.
    let swing = 0.6;
    let area = |at: u64| {
        let t = at as f64 / 3.6e9;
        1_800.0 * (t + swing / turn * (libm::sin(turn * (t % 24.0 - 14.0)) + libm::sin(turn * 14.0)))
    };
    let gaps = seen[..200_000].windows(2).map(|pair| -libm::expm1(area(pair[0]) - area(pair[1]))).collect();
    let apart = distance_to_uniform(gaps);
    println!("daily wave: distance {apart:.5}");
    assert!(apart < 0.0044);
}

#[test]
fn a_profile_gives_each_slot_its_share() {
    let weights = [0.0, 1.0, 3.0, 0.0, 2.0, 6.0];
    let law = Arrivals::from(Daily::profile(1.0, &weights, Span::from_seconds(6_000)).unwrap());
    let seen = times(&law, 600_000, 0);
    let rate = 600_000.0 / (seen[599_999] as f64 / 1e6);
    assert!((rate - 1.0).abs() < 0.01, "{rate}");
    let mut counts = [0.0; 6];
    for at in &seen {
        counts[(at % 6_000_000_000) as usize / 1_000_000_000] += 1.0 / 600_000.0;
    }
    for (weight, share) in weights.iter().zip(counts) {
        assert!((share - weight / 12.0).abs() < 0.003, "{weight}: {share}");
    }
}

#[test]
fn a_rate_of_less_than_one_a_day_needs_no_more_steps() {
    for law in [Daily::wave(1e-7, 3.0, Span::ZERO, DAY).unwrap(), Daily::profile(1e-7, &[1.0, 0.0, 2.0], DAY).unwrap()]
    {
        let seen = times(&Arrivals::from(law), 20_000, 1);
        let rate = 20_000.0 / (seen[19_999] as f64 / 1e6);
        assert!((rate / 1e-7 - 1.0).abs() < 0.03, "{rate}");
    }
}

#[test]
fn renewal_gaps_keep_the_rate() {
    let terms = crate::synthetic::Terms::new()
        .with("rate", crate::synthetic::Value::Rate(4.0))
        .with("shape", crate::synthetic::Value::Number(0.6));
    let law = RENEWAL.arrivals(&terms).unwrap();
    let seen = times(&law, 400_000, 0);
    let rate = 400_000.0 / (seen[399_999] as f64 / 1e6);
    assert!((rate / 4.0 - 1.0).abs() < 0.01, "{rate}");
    assert!((law.rate_per_s() - 4.0).abs() < 1e-9);
}

#[test]
fn arrivals_never_go_back() {
    for law in [
        Arrivals::from(Poisson::new(1e7).unwrap()),
        Arrivals::from(Bursty::new(1e6, 3.0, Span::ZERO).unwrap()),
        Arrivals::from(Daily::wave(50.0, 1e6, Span::ZERO, Span::from_seconds(60)).unwrap()),
        Arrivals::from(Daily::profile(50.0, &[0.0, 1.0], Span::from_seconds(7)).unwrap()),
    ] {
        let seen = times(&law, 50_000, 3);
        assert!(seen.windows(2).all(|pair| pair[0] <= pair[1]), "{law:?}");
    }
}

#[test]
fn bad_rates_are_refused_by_key() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Poisson::new(rate).unwrap_err().key, "rate");
        assert_eq!(Daily::wave(rate, 2.0, Span::ZERO, DAY).unwrap_err().key, "rate");
    }
    assert_eq!(Daily::wave(1.0, 0.5, Span::ZERO, DAY).unwrap_err().key, "peak_to_trough");
    assert_eq!(Daily::wave(1.0, 2.0, Span::ZERO, Span::ZERO).unwrap_err().key, "period");
    assert_eq!(Daily::profile(1.0, &[], DAY).unwrap_err().key, "profile");
    assert_eq!(Daily::profile(1.0, &[0.0], DAY).unwrap_err().key, "profile");
}
