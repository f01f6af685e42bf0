use super::*;

fn runs(name: &str, values: &[f64]) -> Vec<Numbers> {
    values.iter().map(|&value| Numbers::from([(name.to_owned(), Some(value))])).collect()
}

fn judged(name: &str, base: &[f64], new: &[f64], design: Design) -> Row {
    judge(&runs(name, base), &runs(name, new), design).remove(0)
}

#[test]
fn a_change_is_judged_by_the_direction_of_its_metric() {
    let base = [10.0, 11.0, 9.0, 10.5, 9.5, 10.2, 9.8, 10.1];
    let more = base.map(|value| value * 1.1);
    let verdict = |name: &str, base: &[f64], new: &[f64]| judged(name, base, new, Design::Seeds).verdict;
    assert_eq!(verdict("wait_s.mean", &base, &more), Verdict::Worse);
    assert_eq!(verdict("wait_s.mean", &more, &base), Verdict::Better);
    assert_eq!(verdict("packing.efficiency", &base, &more), Verdict::Better);
    assert_eq!(verdict("packing.efficiency", &more, &base), Verdict::Worse);
    // A count of what was handed in is neither good nor bad.
    assert_eq!(verdict("tasks.submitted", &base, &more), Verdict::Undecided);
    assert_eq!(verdict("wait_s.mean", &base, &base), Verdict::Same);
}

#[test]
fn what_is_real_but_within_the_margin_is_the_same() {
    let base = [100.0, 101.0, 99.0, 100.5];
    let new = base.map(|value| value + 0.3);
    let row = judged("wait_s.mean", &base, &new, Design::Seeds);
    assert!(row.p.unwrap() < 1e-6 && row.interval.unwrap().0 > 0.0, "it is real");
    assert_eq!(row.verdict, Verdict::Same);
    // Beyond it, it is not.
    let new = base.map(|value| value + 0.6);
    assert_eq!(judged("wait_s.mean", &base, &new, Design::Seeds).verdict, Verdict::Worse);
    // A number that may be anything up to twice the margin is not the same.
    let row = judged("wait_s.mean", &[100.0, 100.0], &[100.9, 99.1], Design::Seeds);
    assert_eq!(row.verdict, Verdict::Undecided);
}

#[test]
fn without_chance_the_difference_is_exact() {
    let row = judged("wait_s.mean", &[10.0], &[10.5], Design::Exact);
    assert_eq!((row.diff, row.interval, row.p), (Some(0.5), Some((0.5, 0.5)), None));
    assert_eq!(row.verdict, Verdict::Worse);
    assert_eq!(judged("wait_s.mean", &[10.0], &[10.04], Design::Exact).verdict, Verdict::Same);
    let row = judged("wait_s.mean", &[10.0], &[10.5], Design::Seeds);
    assert_eq!((row.interval, row.p, row.verdict), (None, None, Verdict::Undecided), "one seed tells nothing");
}

#[test]
fn undefined_on_both_sides_is_the_same_and_on_one_is_not() {
    let none = vec![Numbers::from([("makespan_s".to_owned(), None)])];
    let rows = judge(&none, &none, Design::Exact);
    assert_eq!((rows[0].base, rows[0].p, rows[0].verdict), (None, None, Verdict::Same));
    let rows = judge(&none, &runs("makespan_s", &[5.0]), Design::Exact);
    assert_eq!((rows[0].base, rows[0].new, rows[0].diff), (None, Some(5.0), None));
    assert_eq!(rows[0].verdict, Verdict::Undecided);
}

/// Worked out by hand: chances 0.01, 0.02 and 0.9 times 3, 2 and 1, never falling.
#[test]
fn chances_of_headline_metrics_are_corrected_for_their_number() {
    let row = |name: &str, p: f64| Row {
        name: name.to_owned(),
        metric: metric::find(name).unwrap(),
        headline: HEADLINE.contains(&name),
        base: Some(1.0),
        new: Some(2.0),
        diff: Some(1.0),
        interval: Some((0.5, 1.5)),
        p: Some(p),
        verdict: Verdict::Same,
        pairs: vec![(1.0, 2.0)],
    };
    let mut rows =
        vec![row("wait_s.p99", 0.02), row("flow_s.mean", 0.04), row("wait_s.mean", 0.01), row("makespan_s", 0.9)];
    correct(&mut rows);
    let p: Vec<f64> = rows.iter().filter_map(|row| row.p).collect();
    assert!((p[0] - 0.04).abs() < 1e-12 && (p[2] - 0.03).abs() < 1e-12, "{p:?}");
    assert_eq!((p[1], p[3]), (0.04, 0.9), "others keep theirs");
}
