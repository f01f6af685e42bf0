use super::*;
use windtunnel_outcome::metric::find;

fn check(name: &str, base: f64, now: f64, holds: bool) -> Check {
    let metric = find(name).unwrap();
    Check { name: name.into(), metric, rule: Rule::WorseBy(0.005), base: Some(base), now: Some(now), holds }
}

fn all() -> Vec<Gated> {
    let gated = |name: &str, outcome| Gated {
        name: name.into(),
        file: format!("scenarios/{name}.toml"),
        baseline: format!("scenarios/{name}.baseline.json"),
        seeds: 1,
        outcome,
    };
    let bound = Rule::Absolute("< 60s".into());
    let absolute = Check { rule: bound, base: None, ..check("wait_s.p99", 0.0, 90.0, false) };
    let good = vec![check("packing.efficiency", 0.94, 0.95, true)];
    let bad = vec![check("packing.efficiency", 0.94, 0.877, false), check("wait_s.mean", 2.0, 2.0, true), absolute];
    let failed =
        Outcome::Failed { message: "there is no baseline".into(), hints: vec!["run <it> with --update".into()] };
    vec![
        gated("good", Outcome::Checked { checks: good, decisions: Decisions::Same }),
        gated(
            "bad",
            Outcome::Checked {
                checks: bad,
                decisions: Decisions::Differ { alike: 1200, from_us: 60_000_000, to_us: 3_600_000_000 },
            },
        ),
        gated("new", Outcome::Updated { unchanged: false }),
        gated("lost", failed),
    ]
}

#[test]
fn people_are_told_what_broke_and_what_to_do() {
    insta::assert_snapshot!(text(&all()));
}

#[test]
fn the_page_has_every_limit() {
    insta::assert_snapshot!(markdown(&all()));
}

#[test]
fn machines_are_told_the_same() {
    insta::assert_snapshot!(junit(&all()));
    insta::assert_snapshot!(annotations(&all()));
}
